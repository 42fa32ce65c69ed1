import io.kubernetes.client.openapi.ApiException;
import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.openapi.models.V1Namespace;
import io.kubernetes.client.util.Config;

/** Lists the namespaces of the current context's cluster, once or every half second. */
public class Client {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "list" -> list();
            case "loop" -> loop(Integer.parseInt(args[1]));
            default -> throw new IllegalArgumentException("usage: Client list | loop SECONDS");
        }
        System.exit(0); // the HTTP client's threads would go on for a while
    }

    static void list() throws Exception {
        CoreV1Api api = new CoreV1Api(Config.defaultClient());
        for (V1Namespace namespace : api.listNamespace().execute().getItems()) {
            System.out.println(namespace.getMetadata().getName());
        }
    }

    static void loop(int seconds) throws Exception {
        CoreV1Api api = new CoreV1Api(Config.defaultClient());
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() < end) {
            try {
                api.listNamespace().execute();
                System.out.println("ok");
            } catch (ApiException e) {
                System.out.println(("error: " + e).replaceAll("\\s+", " "));
            }
            Thread.sleep(500);
        }
    }
}
