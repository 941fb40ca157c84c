"""Where CUDA toolkits are installed: by hand, by packages, by conda, by modules, by wheels."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path("/")
"""What the usual places are in."""
VARIABLES = ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDATOOLKIT_HOME", "NVHPC_ROOT")
"""Variables that name a toolkit's folder: set by hand, by modules of clusters, by NVIDIA's SDK."""
_USUAL = (
    "usr/local/cuda",
    "opt/cuda",
    "usr/lib/nvidia-cuda-toolkit",
    "usr/local/cuda-*",
    "opt/nvidia/hpc_sdk/Linux_*/*",
)
_PROGRAMS = ("bin/nvcc", "compilers/bin/nvcc")
"""The second one in NVIDIA's HPC SDK."""
_WHEEL_FOLDERS = ("cu13", "cuda_nvcc", "cuda_runtime", "cuda_cccl")
"""Folders of package `nvidia` that the wheels install to: one for CUDA 13, several for CUDA 12."""


def find_programs(environment: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Where an nvcc may be, whether it is or not, and what says so; the first one is to be used.

    What variables name comes first, then `PATH`, the conda environment, the usual places, and the
    installed wheel.
    """
    for variable, home in _named(environment, VARIABLES):
        yield _program(home), variable
    on_path = shutil.which("nvcc", path=environment.get("PATH"))
    if on_path is not None:
        yield Path(on_path), "PATH"
    for variable, home in _named(environment, ("CONDA_PREFIX",)):
        yield _program(home), variable
    for home in usual_homes():
        yield _program(home), str(home)
    for folder in wheel_folders():
        yield folder / "bin" / "nvcc", "the installed wheel"


def find_header_folders(environment: Mapping[str, str]) -> Iterator[tuple[Path, ...]]:
    """Folders that may hold a toolkit's headers, those of one toolkit together.

    The installed wheels come first, since they are what belongs to the compiler from a wheel.
    """
    yield tuple(part / "include" for part in wheel_folders())
    homes = [home for _, home in _named(environment, (*VARIABLES, "CONDA_PREFIX"))]
    on_path = shutil.which("nvcc", path=environment.get("PATH"))
    if on_path is not None:
        homes.append(Path(on_path).resolve().parent.parent)
    for home in (*homes, *usual_homes()):
        yield (home / "include",)
        for part in (*home.glob("targets/*-linux"), *_newest_first(home.glob("cuda/*"))):
            yield (part / "include",)


def usual_homes() -> list[Path]:
    """Toolkits that are installed in the usual places; of several versions the newest is first."""
    found = [place for usual in _USUAL for place in _newest_first(ROOT.glob(usual))]
    return [place for place in found if place.is_dir()]


def wheel_folders() -> tuple[Path, ...]:
    """Where NVIDIA's wheels installed the toolkit's parts, if they did."""
    spec = importlib.util.find_spec("nvidia")
    homes = list(spec.submodule_search_locations or ()) if spec else []
    folders = (Path(home) / name for home in homes for name in _WHEEL_FOLDERS)
    return tuple(folder for folder in folders if folder.is_dir())


def _named(environment: Mapping[str, str], variables: tuple[str, ...]) -> list[tuple[str, Path]]:
    return [(name, Path(environment[name])) for name in variables if environment.get(name)]


def _program(home: Path) -> Path:
    """The home's nvcc, or where it would be."""
    there = (home / program for program in _PROGRAMS)
    return next((program for program in there if program.is_file()), home / _PROGRAMS[0])


def _newest_first(places: Iterator[Path]) -> list[Path]:
    """By the numbers in their names: 12.10 is newer than 12.9."""
    return sorted(places, key=lambda place: [int(n) for n in re.findall(r"\d+", place.name)])[::-1]
