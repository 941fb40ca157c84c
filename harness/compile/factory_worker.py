"""The factory worker: a process that runs users' Python, to get kernels from their factories.

    python -m harness.compile.factory_worker MAKER

MAKER is "module:function", which is called without arguments once Numba or CuPy can be imported,
and gives what it found and a function that makes a reply of a kernel. It speaks
`factory_protocol.py` on its standard input and output; what users' Python prints goes to standard
error. No GPU is visible to it: kernels are compiled here, never launched. It ends when its input
ends.
"""

from __future__ import annotations

import sys
from importlib import import_module

from harness.compile.factory import serve
from harness.compile.factory_protocol import Failed, Ready, Reply, decode_ask, encode
from harness.compile.modules import Modules
from harness.procs.pipes import take_pipes


def main(maker: str) -> int:
    """Serve until the input ends; returns the exit status."""
    requests, replies = take_pipes()

    def say(reply: Reply) -> None:
        replies.write(encode(reply) + b"\n")

    module, _, attribute = maker.partition(":")
    try:
        ready, make = getattr(import_module(module), attribute)()
    except Exception as error:  # noqa: BLE001 - what is missing says so in many ways
        say(Failed(f"{type(error).__name__}: {' '.join(str(error).split())}", fatal=True))
        return 1
    assert isinstance(ready, Ready)
    modules = Modules()
    say(ready)
    while True:
        say(serve(decode_ask(requests.get()), modules, make))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
