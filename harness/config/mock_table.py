"""The table `[mock]` of a config: the GPUs that are simulated, and how much goes wrong on them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from harness.config.tables import Seconds, Share, Table, Value, doc


class MockTable(Table, frozen=True, kw_only=True):
    """The simulated GPUs of backend `mock`; everything that comes from them says `simulated`."""

    devices: Annotated[
        tuple[str, ...] | None,
        doc("Models to simulate, one per device.", ["RTX A4000", "A100", "H100"]),
    ] = None
    seed: Annotated[int, doc("Same seed, same results.")] = 1
    time: Annotated[
        Literal["real", "virtual"],
        doc(
            "`real`: commands compile and simulated runs take their time. `virtual`: nothing is "
            "compiled and the session's clock jumps, so thousands of tests take seconds."
        ),
    ] = "real"
    run_s: Annotated[Seconds, doc("Typical time of a simulated run.")] = 0.02
    compile_s: Annotated[Seconds, doc("Typical compile time, in virtual time.")] = 1.0
    noise: Annotated[Share, doc("Relative noise of simulated samples.")] = 0.005
    compile_failures: Annotated[Share, doc("Share of tests that fail to compile.")] = 0.0
    run_failures: Annotated[Share, doc("Share of tests that fail to run.")] = 0.0
    hangs: Annotated[Share, doc("Share of tests that hang until their timeout.")] = 0.0
    wrong_results: Annotated[
        Share, doc("Share of kernel tests with a wrong result; found with `verify` only.")
    ] = 0.0
    throttling: Annotated[
        Share, doc("Share of the minutes in which a device's clocks are held back (kernels).")
    ] = 0.0
    verify: Annotated[
        bool,
        doc(
            "Kernel tests: make the data, compute the reference, and compare it with what a "
            "simulated launch writes; without, arrays have a size but no content."
        ),
    ] = False
    emulate: Annotated[
        bool,
        doc(
            "Kernel tests: run every kernel on the CPU, at a small size, and compare it with the "
            "reference; a wrong one is `wrong_result`. See [emulation](emulation.md)."
        ),
    ] = False
    problem: Annotated[
        dict[str, Value],
        doc(
            "Problem sizes that `emulate` takes instead; default: the smallest that will do.",
            {"N": 5000},
        ),
    ] = field(default_factory=dict)
    lost: Annotated[
        tuple[str, ...], doc("Lanes whose device is lost during the session.", ["1"])
    ] = ()
