import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;

/** Lists the namespaces of the current context's cluster, once or every half second. */
public class Client {
    public static void main(String[] args) throws InterruptedException {
        try (KubernetesClient client = new KubernetesClientBuilder().build()) {
            switch (args[0]) {
                case "list" -> list(client);
                case "loop" -> loop(client, Integer.parseInt(args[1]));
                default -> throw new IllegalArgumentException("usage: Client list | loop SECONDS");
            }
        }
    }

    static void list(KubernetesClient client) {
        client.namespaces().list().getItems().forEach(n -> System.out.println(n.getMetadata().getName()));
    }

    static void loop(KubernetesClient client, int seconds) throws InterruptedException {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() < end) {
            try {
                client.namespaces().list();
                System.out.println("ok");
            } catch (KubernetesClientException e) {
                System.out.println(("error: " + e).replaceAll("\\s+", " "));
            }
            Thread.sleep(500);
        }
    }
}
