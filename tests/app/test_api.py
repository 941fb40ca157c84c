from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.errors import ConfigError

DATA = {
    "name": "virtual",
    "backend": "mock",
    "parameters": {"A": [1, 2, 3], "B": [1, 2]},
    "command": {"test": "true %A% %B%"},
    "mock": {"time": "virtual"},
}


def test_tune_returns_what_was_found(tmp_path: Path) -> None:
    result = harness.tune(harness.make_spec(DATA, base=tmp_path), parallel=2)
    assert result.best is not None
    assert result.complete
    assert len(result.outcomes) == 6
    assert result.failures == ()
    assert result.best.score == min(outcome.score or 1e9 for outcome in result.outcomes)
    rows = result.to_rows()
    about = {"test", "lane", "outcome", "reason", "score", "unit", "samples", "simulated"}
    assert set(rows[0]) == {*about, "compile_s", "A", "B"}
    assert rows[0]["samples"] == [rows[0]["score"]]
    assert all(row["simulated"] for row in rows)


def test_specs_of_one_folder_are_told_apart_by_their_names(tmp_path: Path) -> None:
    """What is fresh in one puts nothing of the other aside."""
    names = ["one", "two", "a/b", "a%2Fb", "..", "one.spec"]
    specs = [harness.make_spec({**DATA, "name": name}, base=tmp_path) for name in names]
    unnamed = {key: value for key, value in DATA.items() if key != "name"}
    specs.append(harness.make_spec(unnamed, base=tmp_path))
    assert [spec.name for spec in specs] == [*names, "spec"]
    assert {spec.base for spec in specs} == {tmp_path}
    assert len({spec.path for spec in specs}) == len(specs)
    harness.tune(specs[0])
    measured = harness.tune(specs[1], repeat=2)
    harness.tune(specs[0], fresh=True)
    again = harness.tune(specs[1], repeat=2)
    assert again.info.id == measured.info.id
    assert again.info.was_complete
    assert not again.summary.progress.tested


def test_progress_is_told_in_lines(tmp_path: Path) -> None:
    lines: list[str] = []
    spec = harness.make_spec(DATA, base=tmp_path)
    harness.tune(spec, parallel=1, progress=lines.append)
    assert lines[0].startswith("session 1 of virtual begins: 6 configurations")
    assert sum(line.startswith("test ") for line in lines) == 6
    with pytest.raises(ConfigError, match="progress and make_view: both show progress; give one"):
        harness.tune(spec, progress=print, make_view=lambda *_: None)  # type: ignore[arg-type]


def test_tune_takes_a_path(config: Path) -> None:
    config.write_text('backend = "none"\n[parameters]\nA = [1]\n[command]\ntest = "true %A%"\n')
    assert harness.load_config(config).name == "tune"
    assert len(harness.tune(config).outcomes) == 1


def test_changes_are_checked(tmp_path: Path) -> None:
    spec = harness.make_spec(DATA, base=tmp_path)
    with pytest.raises(ConfigError, match='distribution = "pipelnd"'):
        harness.tune(spec, distribution="pipelnd")
    with pytest.raises(ConfigError, match="did you mean parallel"):
        harness.tune(spec, paralel=2)


def test_a_tree_that_is_not_there_is_not_checked(tmp_path: Path) -> None:
    spec = harness.make_spec(DATA, base=tmp_path)
    with pytest.raises(ConfigError, match=r"check_tree .*: there is no variable tree to check"):
        harness.tune(spec, check_tree=True)


def test_changes_are_refused_in_the_words_of_files(tmp_path: Path) -> None:
    spec = harness.make_spec(DATA, base=tmp_path)
    for changes, message in (
        ({"max_tests": 0}, "tune: max_tests = 0: must be a whole number >= 1"),
        ({"repeat": "3"}, 'tune: repeat = "3": must be a whole number'),
        ({"parallel": 1.5}, "tune: parallel = 1.5: must be a whole number >= 1"),
        ({"target": float("nan")}, "tune: target = nan: must be a finite number"),
    ):
        with pytest.raises(ConfigError) as caught:
            harness.tune(spec, **changes)
        assert str(caught.value).startswith(message)


def test_what_the_command_line_has_options_for_can_be_changed(tmp_path: Path) -> None:
    spec = harness.make_spec(DATA, base=tmp_path)
    result = harness.tune(spec, repeat=5, max_tests=2, seed=7)
    assert [len(outcome.samples) for outcome in result.outcomes] == [5, 5]


def test_a_result_is_shown_in_one_line(tmp_path: Path) -> None:
    result = harness.tune(harness.make_spec(DATA, base=tmp_path))
    shown = repr(result)
    assert shown.startswith("<Result of virtual: complete, 6 tests, simulated, best ")
    assert len(shown) < 150
    assert repr(result.best).startswith("<Outcome of test ")
    assert len(repr(result.best)) < 150


def test_a_lane_that_is_not_there_cannot_be_lost(tmp_path: Path) -> None:
    data = {**DATA, "mock": {"time": "virtual", "lost": ["zz"]}}
    spec = harness.make_spec(data, base=tmp_path)
    with pytest.raises(ConfigError, match=r'mock\.lost: there is no lane "zz"; lanes: 0, 1'):
        harness.tune(spec, parallel=2)


def test_a_space_without_configurations_is_an_error(tmp_path: Path) -> None:
    data = {**DATA, "space": {"constraints": ["A > 2", "B > A"]}}
    spec = harness.make_spec(data, base=tmp_path)
    with pytest.raises(ConfigError, match="no configuration satisfies all of them; `harness space"):
        harness.tune(spec)


def test_the_tables_of_a_program_are_no_file(tmp_path: Path) -> None:
    tables: tuple[dict[str, list[int]], ...] = ({"A": []}, {})
    for wrong in tables:
        with pytest.raises(ConfigError) as caught:
            harness.make_spec({**DATA, "parameters": wrong}, base=tmp_path)
        assert all(problem.startswith("make_spec: ") for problem in caught.value.problems)


def test_python_functions_constrain(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def differ(A: int, B: int, N: int) -> bool:  # noqa: N803 - the parameters' names
        seen.append((A, B))
        return A + B != N

    data = {**DATA, "problem": {"N": 3}, "space": {"constraints": ["A < 3"]}}
    spec = harness.make_spec(data, base=tmp_path)
    result = harness.tune(spec, constraints=[differ])
    found = {tuple(outcome.configuration.values()) for outcome in result.outcomes}
    assert found == {(1, 1), (2, 2)}
    assert sorted(set(seen)) == [(1, 1), (1, 2), (2, 1), (2, 2)]  # not where A < 3 rejects
    again = harness.tune(spec)
    assert len(again.outcomes) == 4
    assert again.info.id != result.info.id  # another space is another session


def test_a_function_of_something_else_is_refused(tmp_path: Path) -> None:
    spec = harness.make_spec(DATA, base=tmp_path)
    with pytest.raises(ConfigError, match="its argument C is no parameter"):
        harness.tune(spec, constraints=[lambda A, C: A != C])  # noqa: N803


def test_problem_sizes_are_placeholders(config: Path) -> None:
    config.write_text(
        'backend = "none"\n[parameters]\nA = [1, 2]\n[problem]\nN = 40\n'
        '[command]\ntest = "echo $((%N% + %A%))"\nenvironment = { SIZE = "%N%" }\n'
        '[scoring]\noptimal = "max"\n'
    )
    assert harness.tune(config).best.score == 42  # type: ignore[union-attr] # it is there
    config.write_text(config.read_text().replace("N = 40", "N = 50"))
    assert harness.tune(config).best.score == 52  # type: ignore[union-attr] # measured anew


def test_devices() -> None:
    assert all(device.simulated for device in harness.devices("mock"))
    assert harness.devices("cpu")[0].cores


def test_the_public_names_are_those_that_are_documented() -> None:
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    assert dir(harness) == sorted(harness.__all__)
    with pytest.raises(AttributeError, match="tunes"):
        harness.tunes  # noqa: B018 - the access is the test


def test_help_does_not_import_what_is_slow() -> None:
    code = (
        "import sys; sys.argv = ['harness', '--help']\n"
        "from harness.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = {'numpy', 'rich', 'pynvml', 'msgspec', 'sqlite3', 'cupy', 'numba'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_rows_as_a_frame(package: str, tmp_path: Path) -> None:
    pytest.importorskip(package, reason=f"the extra {package} is not installed")
    result = harness.tune(harness.make_spec(DATA, base=tmp_path))
    frame = getattr(result, f"to_{package}")()
    assert len(frame) == 6
    assert list(frame.columns) == list(result.to_rows()[0])
    assert list(frame["score"]) == [outcome.score for outcome in result.outcomes]
