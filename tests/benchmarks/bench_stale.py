"""`harness tune --if-stale` where nothing has changed: wall and processor time, start included.

Target: 0.3 s. Beside it, what the same command without `--if-stale` takes to find that there is
nothing to do, and how long Python takes to start.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.common import describe_machine, interleave, medians

TARGET_S = 0.3

COMMANDS = """
backend = "mock"
mock = { time = "virtual" }

[parameters]
A = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
B = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
C = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
D = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

[command]
compile = "cc -DA=%A% -DB=%B% -DC=%C% -DD=%D% -o app_%%ID%% app.c"
test = "./app_%%ID%%"

[output]
log = "log.csv"
emit = [{ format = "header", path = "tuned.h" }]
"""
KERNEL = """
backend = "mock"

[problem]
N = 1_048_576

[parameters]
BLOCK = [64, 128]

[kernel]
source = "add.cu"
function = "add"
compiler = "nvcc"
block = ["BLOCK"]
grid = ["(N + BLOCK - 1) // BLOCK"]
arguments = [{ name = "a", dtype = "float32", shape = ["N"], role = "out" }]

[output]
emit = [{ format = "header", path = "tuned_kernel.h" }]
"""
SOURCE = """#include "scale.cuh"
extern "C" __global__ void add(float *a) {
    a[blockIdx.x * blockDim.x + threadIdx.x] += SCALE;
}
"""


def tune(config: Path, *options: str) -> None:
    command = [sys.executable, "-m", "harness", "tune", str(config), "--progress", "none", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def time_call(call: Callable[[], None], clock: Callable[[], float]) -> float:
    started = clock()
    call()
    return clock() - started


def children_s() -> float:
    """Processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_configs(folder: Path) -> dict[str, Path]:
    """Configs whose sessions are complete."""
    (folder / "app.c").write_text('#include "app.h"\n')
    (folder / "app.h").write_text("")
    (folder / "add.cu").write_text(SOURCE)
    (folder / "scale.cuh").write_text("#define SCALE 2.0f\n")
    texts = {"10^4 configurations": COMMANDS}
    if shutil.which("nvcc"):
        texts["a kernel, nvcc"] = KERNEL
    configs = {}
    for place, (name, text) in enumerate(texts.items()):
        configs[name] = folder / f"config{place}.toml"
        configs[name].write_text(text)
        tune(configs[name])
    return configs


def main(repetitions: int) -> None:
    print(f"--if-stale, nothing changed, {describe_machine()}; target {TARGET_S} s")
    with tempfile.TemporaryDirectory() as folder:
        configs = make_configs(Path(folder))
        for clock, what in ((time.perf_counter, "wall"), (children_s, "processor")):
            variants = {"python starts": lambda: time_call(start_python, clock)}  # noqa: B023
            for name, config in configs.items():
                for options in (("--if-stale",), ()):
                    variants[f"{name} {' '.join(options) or 'without'}"] = (
                        lambda config=config, options=options: time_call(  # type: ignore[misc]
                            lambda: tune(config, *options),
                            clock,  # noqa: B023
                        )
                    )
            for name, found_s in medians(interleave(variants, repetitions)).items():
                print(f"{what:10} {name:34} {found_s:6.3f} s  {found_s / TARGET_S:6.2f} x target")


def start_python() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
