"""What the lane's thread and its kernel worker say to each other: protocol 1.

One JSON object per line, each with its `type`. The worker begins with `hello`. The harness sends
`measure`; the worker answers with any number of `phase` lines, each of which says what it is about
to do, and one `measured` or `refused` with the same number. Nothing else is ever sent. At the end
of its input the worker ends; that of its output means that it is dead.

    worker  -> {"type": "hello", "protocol": 1, "uuid": "GPU-…", ...}
    harness -> {"type": "measure", "number": 7, "module": "/…/x.cubin", ...}
    worker  -> {"type": "phase", "number": 7, "phase": "launch"}
    worker  -> {"type": "measured", "number": 7, "kind": "ok", "samples_s": [...], ...}

`phase` is one of `load`, `data`, `reference`, `launch`, `verify` and `sample`. Kernels run in
`launch` and `sample`, which is repeated while it goes on, so that silence after these two means
that a kernel hangs; a reference that is a kernel runs in `reference`. In `verify` what the kernel
left is copied to the host and compared there.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.measurement import Argument, Convention, Launch, Mode
from harness.model import OutcomeKind
from harness.timing.launch_model import Simulation
from harness.timing.stopping import Stopping

PROTOCOL = 1
HOT_SAMPLE_S = 50e-6
"""A hundred times what the marks resolve."""

PhaseName = Literal["load", "data", "reference", "launch", "verify", "sample"]


class Expectation(msgspec.Struct, frozen=True):
    """What the result is compared with.

    Attributes:
        reference: `module:function`, or the path of a `.npy` or `.npz` file; or a kernel.
        module, launch: of that kernel, which has the same arguments; None: it is none.
        atol, rtol: a value is right if it differs by at most atol + rtol * |expected|.
        variables: of that kernel's binary; see `Measure`.
    """

    reference: str
    atol: float
    rtol: float
    module: str = ""
    launch: Launch | None = None
    variables: dict[str, str] = {}


class Measure(msgspec.Struct, frozen=True, tag="measure"):
    """Load, verify and sample one kernel.

    Attributes:
        folders: where modules are looked for, in this order; files are in the first. Absolute.
        sample_s: in hot mode, how long the launches of a sample take together, at least.
        data: whether arrays are filled; without, they are allocated only.
        convention: how the kernel takes arrays; a reference's kernel takes pointers.
        variables: arguments that are variables of the binary, with their symbols there.
        own_module: the binary of the harness's own kernels; empty where a device has none.
        simulation: what a simulated device needs to know; None for a real one.
    """

    number: int
    module: str
    function: str
    launch: Launch
    arguments: tuple[Argument, ...]
    mode: Mode
    stopping: Stopping
    folders: tuple[str, ...]
    expectation: Expectation | None = None
    sample_s: float = HOT_SAMPLE_S
    data: bool = True
    convention: Convention = "c"
    variables: dict[str, str] = {}
    own_module: str = ""
    simulation: Simulation | None = None


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The worker is ready."""

    protocol: int
    uuid: str
    name: str
    versions: dict[str, str]


class Phase(msgspec.Struct, frozen=True, tag="phase"):
    """What the worker is about to do."""

    number: int
    phase: PhaseName


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """How it went.

    Attributes:
        kind: `ok`, `censored`, `wrong_result`, `run_failed` or `device_lost`.
        late: how many samples may hold the host's latency.
        energy_j: per launch, where the driver knows better than a counter: a simulated one.
        sticky: the worker can do no more and ends.
    """

    number: int
    kind: OutcomeKind
    reason: str = ""
    samples_s: tuple[float, ...] = ()
    starts_s: tuple[float, ...] = ()
    launches: int = 1
    stop: str = ""
    late: int = 0
    verified: bool = False
    error: float | None = None
    energy_j: float | None = None
    sticky: bool = False


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The request itself cannot be met, whatever the configuration: the session cannot go on."""

    number: int
    reason: str


Reply = Hello | Phase | Measured | Refused

encode = msgspec.json.Encoder().encode
_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_request = msgspec.json.Decoder(Measure).decode


def decode_reply(line: bytes) -> Reply:
    """A line of the worker's.

    Raises:
        msgspec.DecodeError: it is none.
    """
    reply: Reply = _decode_reply(line)
    return reply


def decode_request(line: bytes) -> Measure:
    """A line of the harness's.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _decode_request(line)
