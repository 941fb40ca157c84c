from __future__ import annotations

from pathlib import Path

import pytest

from harness.compile import toolkit
from harness.compile.toolkit import check_architecture, find_nvcc, header_folders, open_nvcc
from harness.errors import CompileError
from harness.testing.programs import Programs

ACCEPTED = ("sm_75", "sm_80", "sm_90", "sm_100")


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toolkit, "_SYSTEM_HOME", tmp_path / "none")
    monkeypatch.setattr(toolkit, "wheel_folders", lambda: ())


def install(home: Path) -> Path:
    """A toolkit with an nvcc that does nothing."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "nvcc").touch(mode=0o755)
    return home


def test_order_of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = {name: install(tmp_path / name) for name in ("a", "b", "c", "d", "e", "f", "g")}
    nvcc = {name: str(home / "bin" / "nvcc") for name, home in homes.items()}
    environment = {
        "CUDACXX": nvcc["b"],
        "CUDA_HOME": str(homes["c"]),
        "CUDA_PATH": str(homes["d"]),
        "PATH": str(homes["e"] / "bin"),
    }
    monkeypatch.setattr(toolkit, "_SYSTEM_HOME", homes["f"])
    monkeypatch.setattr(toolkit, "wheel_folders", lambda: (tmp_path, homes["g"]))
    assert find_nvcc(nvcc["a"], environment) == (nvcc["a"], "the config")
    for variable, name in (
        ("CUDACXX", "b"),
        ("CUDA_HOME", "c"),
        ("CUDA_PATH", "d"),
        ("PATH", "e"),
    ):
        assert find_nvcc("", environment) == (nvcc[name], variable)
        del environment[variable]
    environment["PATH"] = "/nowhere"
    assert find_nvcc("", environment) == (nvcc["f"], str(homes["f"]))
    (homes["f"] / "bin" / "nvcc").chmod(0o600)
    assert find_nvcc("", environment) == (nvcc["g"], "the installed wheel")


def test_name_without_a_folder_is_looked_for_in_path(tmp_path: Path) -> None:
    home = install(tmp_path / "a")
    environment = {"PATH": str(home / "bin"), "CUDACXX": "nvcc"}
    assert find_nvcc("", environment) == (str(home / "bin" / "nvcc"), "CUDACXX")


@pytest.mark.parametrize(("program", "variable"), [("/no/nvcc", ""), ("", "/no/nvcc")])
def test_what_is_named_must_be_there(program: str, variable: str) -> None:
    how = "the config" if program else "CUDACXX"
    with pytest.raises(CompileError, match=f"no nvcc at '/no/nvcc', which {how} names"):
        find_nvcc(program, {"CUDACXX": variable, "PATH": "/nowhere"})


def test_none_found_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as raised:
        find_nvcc("", {"PATH": "/nowhere", "CUDA_HOME": "/opt/cuda"})
    assert f"nor at /opt/cuda/bin/nvcc, {tmp_path}/none/bin/nvcc" in str(raised.value)
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
    monkeypatch.setattr(toolkit, "wheel_folders", lambda: tuple(parts))
    assert header_folders(12, {}) == (parts[1] / "include", parts[2] / "include")
    assert header_folders(13, {}) == (parts[0] / "include", parts[2] / "include")


def test_wheels_are_found_where_they_install_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    (tmp_path / "nvidia" / "cu13" / "bin").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert tmp_path / "nvidia" / "cu13" in toolkit.wheel_folders()
