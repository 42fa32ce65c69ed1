import kr8s

import modes


def connect():
    api = kr8s.api()
    return lambda: [namespace.name for namespace in api.get("namespaces")]


modes.main("kr8s", connect)
