import pykube

import modes


def connect():
    api = pykube.HTTPClient(pykube.KubeConfig.from_env())
    return lambda: [namespace.name for namespace in pykube.Namespace.objects(api)]


modes.main("pykube-ng", connect)
