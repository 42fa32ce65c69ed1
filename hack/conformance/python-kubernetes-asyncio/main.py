import asyncio

from kubernetes_asyncio import client, config

import modes


def connect():
    events = asyncio.new_event_loop()
    asyncio.set_event_loop(events)

    async def load():
        await config.load_kube_config()
        return client.CoreV1Api()

    async def names():
        return [namespace.metadata.name for namespace in (await api.list_namespace()).items]

    api = events.run_until_complete(load())
    return lambda: events.run_until_complete(names())


modes.main("kubernetes_asyncio", connect)
