// Lists the namespaces of the current context's cluster, once or every half second.
import { setTimeout } from 'node:timers/promises';

import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';

const config = new KubeConfig();
config.loadFromDefault();
const api = config.makeApiClient(CoreV1Api);

async function list() {
  for (const namespace of (await api.listNamespace()).items) {
    console.log(namespace.metadata.name);
  }
}

async function loop(seconds) {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    try {
      await api.listNamespace();
      console.log('ok');
    } catch (err) {
      console.log(`error: ${err}`.replaceAll(/\s+/g, ' '));
    }
    await setTimeout(500);
  }
}

const [mode, seconds] = process.argv.slice(2);
if (mode === 'list') {
  await list();
} else if (mode === 'loop') {
  await loop(Number(seconds));
} else {
  throw new Error('usage: client.js list | loop SECONDS');
}
