"""The examples in configs/ and kernels/: each config loads, and what it builds does its work."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.config.spec import Spec
from harness.config.substitute import CommandTemplate
from harness.configuration import Configuration, Value, format_value
from harness.lane import DeviceInfo, Lane
from harness.space.constraints import parse_constraint

ROOT = Path(__file__).resolve().parents[1]
# Those with a [kernel] have tests of their own, in tests/kernels/.
CONFIGS = sorted(
    path
    for path in (ROOT / "configs").iterdir()
    if path.suffix in (".toml", ".conf") and "\n[kernel]\n" not in path.read_text()
)
TWINS = [path for path in CONFIGS if path.suffix == ".conf"]
IN_C = [path for path in CONFIGS if path.stem.split("-")[0] in ("hello", "looping", "matrix")]
IN_CUDA = [path for path in CONFIGS if path.stem.startswith("laplace3d")]
LANE = Lane("0", 0, DeviceInfo("none", 0, "", ""))
WRONG_RESULT, NO_DEVICE = 65, 69

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no cc on PATH")
needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc on PATH")
each = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the examples, so that their outputs stay out of the project."""
    ignored = shutil.ignore_patterns("out")
    for folder in ("configs", "kernels"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def names_of(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def find_all(spec: Spec) -> Iterator[Configuration]:
    """Every configuration of the space."""
    yield from keep_valid(spec, spec.parameters)


def find_extremes(spec: Spec) -> Iterator[Configuration]:
    """Those in which each parameter has its first or last value."""
    yield from keep_valid(spec, {name: (v[0], v[-1]) for name, v in spec.parameters.items()})


def keep_valid(spec: Spec, values: Mapping[str, tuple[Value, ...]]) -> Iterator[Configuration]:
    names = tuple(values)
    constraints = [parse_constraint(text, names) for text in spec.space.constraints]
    for combination in itertools.product(*values.values()):
        configuration = Configuration(names, combination)
        if all(constraint.holds(configuration) for constraint in constraints):
            yield configuration


def run_phase(
    spec: Spec,
    phase: str,
    configuration: Configuration,
    *,
    lane: Lane = LANE,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    template = CommandTemplate.parse(getattr(spec.command, phase), tuple(spec.parameters))
    command = template.expand(configuration, 1, lane, directory=str(spec.directory))
    return subprocess.run(
        command.argv,
        cwd=command.directory,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def succeed(spec: Spec, phase: str, configuration: Configuration) -> str:
    """What the phase printed; fails the test with its evidence if it failed."""
    done = run_phase(spec, phase, configuration)
    assert done.returncode == 0, f"{configuration}: {phase}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_promised_examples_are_there() -> None:
    names = {"hello", "looping", "maths", "matrix"}
    assert {path.stem for path in TWINS} == names
    assert names | {"hello-size", "laplace3d", "laplace3d-ordinal", "tree"} == {
        path.stem for path in CONFIGS if path.suffix == ".toml"
    }


@each
def test_it_loads_and_writes_to_out_only(path: Path) -> None:
    spec = load_config(path)
    files = [spec.output.log, spec.output.script, spec.output.importance]
    assert spec.output.log is not None
    assert all(file.startswith("out/") for file in files if file is not None)
    assert all(source in names_of(list((ROOT / "kernels").iterdir())) for source in sources(path))


def sources(path: Path) -> list[str]:
    return re.findall(r"\.\./kernels/(\S+\.cu?)\b", path.read_text())


def test_no_two_examples_write_the_same_file() -> None:
    """They may be tuned at the same time."""
    written: list[str] = []
    for path in CONFIGS:
        spec = load_config(path)
        output = spec.output
        written += [f for f in (output.log, output.script, output.importance) if f is not None]
        written += set(re.findall(r"out/\S+_%%ID%%", str(spec.command.compile)))
    assert sorted(written) == sorted(set(written))


@each
def test_every_parameter_is_used_and_the_rest_is_cleaned(path: Path) -> None:
    spec = load_config(path)
    names = tuple(spec.parameters)
    command = spec.command
    used = set(CommandTemplate.parse(command.compile or command.test or "", names).names)
    assert used == set(names)
    assert (command.compile is None) == (command.clean is None)


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.name)
def test_twins_describe_the_same_space(path: Path) -> None:
    conf, toml = load_config(path), load_config(path.with_suffix(".toml"))

    def as_text(spec: Spec) -> dict[str, list[str]]:
        return {name: [format_value(v) for v in vs] for name, vs in spec.parameters.items()}

    assert as_text(conf) == as_text(toml)
    assert list(conf.parameters) == list(toml.parameters)
    assert conf.scoring == toml.scoring


@needs_cc
@pytest.mark.parametrize("path", IN_C, ids=lambda path: path.name)
def test_extremes_compile_run_and_are_cleaned(path: Path, copied: Path) -> None:
    spec = load_config(copied / "configs" / path.name)
    for configuration in find_extremes(spec):
        succeed(spec, "compile", configuration)
        assert list((copied / "configs" / "out").iterdir())
        printed = succeed(spec, "test", configuration)
        if path.stem == "hello-size":
            assert int(printed.splitlines()[-1]) > 1000
        succeed(spec, "clean", configuration)
        assert not list((copied / "configs" / "out").iterdir())


@needs_cc
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("hello", "TURNS 200000", "TURNS 200001"),
        ("looping", "for (int pass = 0;", "for (int pass = 1;"),
        ("matrix", "c[i][j] += ", "c[i][j] -= "),
        # In a row that is not compared with the naive one:
        ("matrix", "c[i][j] += ", "if (i != 63 || j != 5) c[i][j] += "),
        # One product of one element, in a column where the vector of the check comes from a zero:
        ("matrix", "c[i][j] += ", "if (i != 300 || j != 46 || k != 9) c[i][j] += "),
    ],
)
def test_a_wrong_result_is_found(name: str, right: str, wrong: str, copied: Path) -> None:
    source = copied / "kernels" / f"{name}.c"
    text = source.read_text()
    assert text.count(right) == 1
    source.write_text(text.replace(right, wrong))
    spec = load_config(copied / "configs" / f"{name}.toml")
    configuration = next(find_extremes(spec))
    succeed(spec, "compile", configuration)
    assert run_phase(spec, "test", configuration).returncode == WRONG_RESULT


@needs_cc
def test_a_block_that_does_not_divide_the_matrix_does_not_compile(copied: Path) -> None:
    spec = load_config(copied / "configs" / "matrix.toml")
    names = tuple(spec.parameters)
    done = run_phase(spec, "compile", Configuration(names, (16, 48, 16)))
    assert done.returncode != 0
    assert "BLOCK_J must divide SIZE" in done.stderr


@pytest.mark.skipif(shutil.which("expr") is None, reason="there is no expr on PATH")
@pytest.mark.parametrize("name", ["maths.toml", "maths.conf"])
def test_the_best_of_maths_is_what_its_comment_says(name: str) -> None:
    spec = load_config(ROOT / "configs" / name)
    scores = {c: int(succeed(spec, "test", c)) for c in find_all(spec)}
    assert len(scores) == 60
    best = max(scores, key=lambda configuration: scores[configuration])
    assert (str(best), scores[best]) == ("X=2 Y=4 Z=3", 107)
    assert sorted(scores.values())[-2] < 107


def test_the_tree_looks_up_the_scores_of_the_worked_example() -> None:
    spec = load_config(ROOT / "configs" / "tree.toml")
    scores = [int(succeed(spec, "test", configuration)) for configuration in find_all(spec)]
    assert scores[:8] == [14, 15, 12, 17, 16, 17, 14, 19]  # -O2
    assert scores[8:] == [13, 14, 11, 16, 11, 12, 9, 14]  # -O3
    assert spec.space.tree == "{OPT,{K1},{K2A,K2B}}"


@needs_nvcc
@pytest.mark.nvcc
@pytest.mark.parametrize("path", IN_CUDA, ids=lambda path: path.name)
def test_laplace3d_compiles_and_says_when_there_is_no_device(path: Path, copied: Path) -> None:
    spec = load_config(copied / "configs" / path.name)
    configuration = next(find_extremes(spec))
    succeed(spec, "compile", configuration)
    hidden = {"CUDA_VISIBLE_DEVICES": ""}  # so that it is so on every machine
    done = run_phase(spec, "test", configuration, environment=hidden)
    assert done.returncode == NO_DEVICE
    assert "laplace3d: cudaSetDevice: " in done.stderr


@needs_nvcc
@pytest.mark.nvcc
def test_laplace3d_takes_no_name_for_an_ordinal(copied: Path) -> None:
    spec = load_config(copied / "configs" / "laplace3d-ordinal.toml")
    configuration = next(find_extremes(spec))
    succeed(spec, "compile", configuration)
    lane = Lane("left", 0, LANE.device)
    done = run_phase(spec, "test", configuration, lane=lane)
    assert done.returncode == 1
    assert 'device "left": not an ordinal' in done.stderr


@needs_nvcc
@pytest.mark.nvcc
@pytest.mark.gpu
@pytest.mark.skipif(
    shutil.which("nvidia-smi") is None, reason="there is no nvidia-smi, so no GPU either"
)
def test_laplace3d_is_right_and_prints_its_time(copied: Path) -> None:
    spec = load_config(copied / "configs" / "laplace3d.toml")
    for configuration in find_extremes(spec):
        succeed(spec, "compile", configuration)
        assert float(succeed(spec, "test", configuration).splitlines()[-1]) > 0
