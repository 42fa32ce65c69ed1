from lightkube import Client
from lightkube.resources.core_v1 import Namespace

import modes


def connect():
    client = Client()
    return lambda: [namespace.metadata.name for namespace in client.list(Namespace)]


modes.main("lightkube", connect)
