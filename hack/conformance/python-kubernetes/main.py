from kubernetes import client, config

import modes


def connect():
    config.load_kube_config()
    api = client.CoreV1Api()
    return lambda: [namespace.metadata.name for namespace in api.list_namespace().items]


modes.main("kubernetes", connect)
