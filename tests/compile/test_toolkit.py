from __future__ import annotations

import platform
from pathlib import Path

import pytest

from harness.compile import homes
from harness.compile.toolkit import check_architecture, find_nvcc, header_folders, open_nvcc
from harness.errors import CompileError
from harness.procs.version import read_version
from harness.testing.programs import Programs

ACCEPTED = ("sm_75", "sm_80", "sm_90", "sm_100")


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(homes, "ROOT", tmp_path)
    monkeypatch.setattr(homes, "wheel_folders", lambda: ())
    for variable in (*homes.VARIABLES, "CONDA_PREFIX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def install(home: Path) -> Path:
    """A toolkit with an nvcc that does nothing."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "nvcc").touch(mode=0o755)
    return home


def test_order_of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a", "b", "c", "d", "e", "f", "usr/local/cuda", "g")
    there = {name: install(tmp_path / name) for name in names}
    nvcc = {name: str(home / "bin" / "nvcc") for name, home in there.items()}
    environment = {
        "CUDACXX": nvcc["b"],
        "CUDA_HOME": str(there["c"]),
        "CUDA_PATH": str(there["d"]),
        "PATH": str(there["e"] / "bin"),
        "CONDA_PREFIX": str(there["f"]),
    }
    monkeypatch.setattr(homes, "wheel_folders", lambda: (tmp_path, there["g"]))
    assert find_nvcc(nvcc["a"], environment) == (nvcc["a"], "kernel.nvcc")
    for variable, name in (
        ("CUDACXX", "b"),
        ("CUDA_HOME", "c"),
        ("CUDA_PATH", "d"),
        ("PATH", "e"),
        ("CONDA_PREFIX", "f"),
    ):
        assert find_nvcc("", environment) == (nvcc[name], variable)
        environment[variable] = "/nowhere" if variable == "PATH" else ""
    usual = there["usr/local/cuda"]
    assert find_nvcc("", environment) == (str(usual / "bin" / "nvcc"), str(usual))
    (usual / "bin" / "nvcc").chmod(0o600)
    assert find_nvcc("", environment) == (nvcc["g"], "the installed wheel")


def test_name_without_a_folder_is_looked_for_in_path(tmp_path: Path) -> None:
    home = install(tmp_path / "a")
    environment = {"PATH": str(home / "bin"), "CUDACXX": "nvcc"}
    assert find_nvcc("", environment) == (str(home / "bin" / "nvcc"), "CUDACXX")


@pytest.mark.parametrize(("program", "variable"), [("/no/nvcc", ""), ("", "/no/nvcc")])
def test_what_is_named_must_be_there(program: str, variable: str) -> None:
    how = "kernel.nvcc" if program else "CUDACXX"
    with pytest.raises(CompileError, match=f"no nvcc at '/no/nvcc', which {how} names"):
        find_nvcc(program, {"CUDACXX": variable, "PATH": "/nowhere"})


def test_none_found_says_where_it_looked() -> None:
    with pytest.raises(CompileError) as raised:
        find_nvcc("", {"PATH": "/nowhere", "CUDA_HOME": "/opt/cuda"})
    assert "usually installed (/opt/cuda/bin/nvcc is missing); install" in str(raised.value)
    assert "pip install 'gpu-harness[cuda13]'" in str(raised.value)


def test_asks_for_version_and_architectures(programs: Programs) -> None:
    program = programs.compiles_cuda(b"")
    nvcc = open_nvcc(program)
    assert (nvcc.program, nvcc.version, nvcc.build) == (program, "13.0.88", "fake")
    assert nvcc.architectures == ("sm_75", "sm_80", "sm_90")
    with pytest.raises(CompileError) as raised:
        nvcc.check_architecture("sm_61")
    assert str(raised.value) == (
        f"nvcc 13.0.88 ({program}) cannot compile for sm_61: it knows sm_75, sm_80, sm_90; "
        "install an older toolkit, or set the architecture to one of these"
    )


def test_program_that_is_no_nvcc(programs: Programs) -> None:
    with pytest.raises(CompileError, match=r"is no nvcc of CUDA 11 or newer: it says 'gcc 12'"):
        open_nvcc(programs.prints("gcc 12"))
    with pytest.raises(CompileError, match=r"exit status 1: no licence; name a working nvcc"):
        open_nvcc(programs.prints("", "no licence\n", status=1))


@pytest.mark.parametrize("architecture", [*ACCEPTED, "sm_90a", "sm_100f"])
def test_architectures_and_their_variants(architecture: str) -> None:
    check_architecture(architecture, ACCEPTED, "NVRTC 13.0", "NVRTC")


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("sm_61", "NVRTC 13.0 cannot compile for sm_61: .* install an older NVRTC"),
        ("sm_120", "cannot compile for sm_120: .* install a newer NVRTC"),
        ("sm_86", "cannot compile for sm_86: it knows sm_75, sm_80, sm_90, sm_100"),
        ("compute_90", "architecture 'compute_90': not of the form sm_90"),
        ("sm_90x", "not of the form"),
    ],
)
def test_other_architectures(architecture: str, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        check_architecture(architecture, ACCEPTED, "NVRTC 13.0", "NVRTC")


def test_headers_must_fit_the_compiler(tmp_path: Path) -> None:
    for name, version in (("old", 12090), ("new", 13000)):
        include = tmp_path / name / "include"
        (include / "cccl").mkdir(parents=True)
        (include / "cuda.h").write_text(f"/* */\n#define CUDA_VERSION {version}\n")
    environment = {"CUDA_HOME": str(tmp_path / "old"), "CUDA_PATH": str(tmp_path / "new")}
    include = tmp_path / "new" / "include"
    assert header_folders(13, environment) == (include, include / "cccl")
    assert header_folders(12, environment)[0] == tmp_path / "old" / "include"
    assert header_folders(11, environment) == ()


def test_headers_of_wheels_of_two_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [tmp_path / name for name in ("cu13", "cuda_runtime", "cuda_cccl")]
    for part, version in zip(parts, (13000, 12090, None), strict=True):
        (part / "include").mkdir(parents=True)
        if version is not None:
            (part / "include" / "cuda.h").write_text(f"#define CUDA_VERSION {version}\n")
    monkeypatch.setattr(homes, "wheel_folders", lambda: tuple(parts))
    assert header_folders(12, {}) == (parts[1] / "include", parts[2] / "include")
    assert header_folders(13, {}) == (parts[0] / "include", parts[2] / "include")


def test_wheels_are_found_where_they_install_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    (tmp_path / "nvidia" / "cu13" / "bin").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert tmp_path / "nvidia" / "cu13" in homes.wheel_folders()


@pytest.mark.parametrize(
    ("places", "first"),
    [
        (["opt/cuda"], "opt/cuda"),  # Arch
        (["usr/lib/nvidia-cuda-toolkit"], "usr/lib/nvidia-cuda-toolkit"),  # Debian
        (["usr/local/cuda-9.2", "usr/local/cuda-12.9", "usr/local/cuda-12.10"], "cuda-12.10"),
        (["usr/local/cuda-13.0", "usr/local/cuda"], "usr/local/cuda"),  # what was linked was chosen
        (["opt/nvidia/hpc_sdk/Linux_x86_64/24.5/compilers"], "24.5/compilers"),
    ],
)
def test_usual_places(tmp_path: Path, places: list[str], first: str) -> None:
    for place in places:
        install(tmp_path / place)
    assert find_nvcc("", {"PATH": "/nowhere"})[0].endswith(f"{first}/bin/nvcc")


def test_modules_of_clusters_name_their_toolkit(tmp_path: Path) -> None:
    home = install(tmp_path / "sdk" / "compilers").parent
    nvcc = str(home / "compilers" / "bin" / "nvcc")
    assert find_nvcc("", {"PATH": "/nowhere", "NVHPC_ROOT": str(home)}) == (nvcc, "NVHPC_ROOT")


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("CONDA_PREFIX", f"targets/{platform.machine()}-linux/include"),
        ("CUDA_ROOT", "include"),
        ("NVHPC_ROOT", "cuda/12.4/include"),
    ],
)
def test_headers_in_odd_places(tmp_path: Path, variable: str, folder: str) -> None:
    include = tmp_path / "home" / folder
    include.mkdir(parents=True)
    (include / "cuda.h").write_text("#define CUDA_VERSION 12040\n")
    environment = {variable: str(tmp_path / "home"), "PATH": "/nowhere"}
    assert header_folders(12, environment) == (include,)


def test_headers_beside_the_nvcc_in_path(tmp_path: Path) -> None:
    home = install(tmp_path / "here")
    (home / "include").mkdir()
    (home / "include" / "cuda.h").write_text("#define CUDA_VERSION 13000\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nvcc").symlink_to(home / "bin" / "nvcc")
    assert header_folders(13, {"PATH": str(tmp_path / "bin")}) == (home / "include",)


def test_another_toolkit_that_may_do_is_named(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = install(tmp_path / "usr" / "local" / "cuda-12.9") / "bin" / "nvcc"
    older.write_text("#!/bin/sh\necho release 12.9, V12.9.86\n")
    (install(tmp_path / "usr" / "local" / "cuda-11") / "bin" / "nvcc").write_text("no program")
    nvcc = open_nvcc(programs.compiles_cuda(b""))
    monkeypatch.setenv("CUDACXX", nvcc.program)
    with pytest.raises(CompileError, match=f"also installed: 12.9.86 in {older} .CUDACXX, kernel"):
        nvcc.check_architecture("sm_61")
    nvcc.check_architecture("sm_90")
    older.write_text("#!/bin/sh\necho release 13.0, V13.0.88\n")  # the same once more
    read_version.cache_clear()
    with pytest.raises(CompileError, match=r"one of these$"):
        nvcc.check_architecture("sm_61")
