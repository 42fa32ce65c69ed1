"""The modes that each of the Python clients here has: list, loop and version."""

import importlib.metadata
import sys
import time


def main(package, connect):
    """Runs the mode that the arguments name.

    connect loads the kubeconfig and returns a function that lists the names of the namespaces.
    """
    mode, *args = sys.argv[1:]
    if mode == "version":
        print(importlib.metadata.version(package))
    elif mode == "list":
        print(*connect()(), sep="\n")
    elif mode == "loop":
        loop(float(args[0]), connect())
    else:
        sys.exit(f"unknown mode {mode}")


def loop(seconds, names):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            names()
            print("ok", flush=True)
        except Exception as e:  # whatever the client's user would see
            print("error:", " ".join(str(e).split()) or repr(e), flush=True)
        time.sleep(0.5)
