"""Values for builds: chosen rightly, read by the tools they are for, written only if changed."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.app.emit import format_tuned
from harness.app.names import EMITS, load
from harness.configuration import Configuration, Value
from harness.errors import ConfigError
from harness.export.base import write_changed
from harness.export.tuned import Tuned, make_tuned
from harness.lane import DeviceInfo, Lane
from harness.model import Outcome, OutcomeKind, SessionInfo

A100 = DeviceInfo("cuda", 0, "GPU-a", "NVIDIA A100-SXM4", compute_capability=(8, 0), driver="550.1")
T4 = DeviceInfo("cuda", 1, "GPU-b", "Tesla T4", compute_capability=(7, 5), driver="550.1")
Session = tuple[SessionInfo, list[Outcome]]


def session(
    scores: Mapping[DeviceInfo, Mapping[int, float | None]], number: int = 1, **changes: object
) -> Session:
    """A session in which each device scored values of BLOCK."""
    lanes = tuple(Lane(str(n), n, device) for n, device in enumerate(scores))
    info = SessionInfo(
        id=number,
        name="kernel",
        goal="min",
        unit="s",
        lanes=lanes,
        parameters=("BLOCK", "FLAGS"),
        repeat=1,
        aggregate="min",
        size=None,
        simulated=False,
        started_s=1.7e9 + number,
        distribution="replicate",
        strategy="exhaustive",
        journal="",
    )
    tests = [(lane, *each) for lane in lanes for each in scores[lane.device].items()]
    outcomes = [
        Outcome(
            Configuration(("BLOCK", "FLAGS"), (block, "-DX=$Y #1")),
            OutcomeKind.OK if score is not None else OutcomeKind.RUN_FAILED,
            score,
            lane=lane.name,
            test_id=number,
        )
        for number, (lane, block, score) in enumerate(tests, 1)
    ]
    return replace(info, **changes), outcomes  # type: ignore[arg-type] # fields of SessionInfo


ONE = session({A100: {32: 2.0, 64: 1.0, 128: None}})
# 64 is best on the one, 256 on the other, and 128 is never more than 10 % worse
TWO = session({A100: {64: 1.0, 128: 1.1, 256: 2.0}, T4: {64: 6.0, 128: 4.4, 256: 4.0}})


def blocks(tuned: Tuned) -> dict[str, Value]:
    return {best.device.name: best.configuration["BLOCK"] for best in tuned.devices}


class TestChoosing:
    def test_each_device_gets_its_best(self) -> None:
        tuned = make_tuned([TWO])
        assert blocks(tuned) == {"NVIDIA A100-SXM4": 64, "Tesla T4": 256}

    def test_what_won_the_finals_is_best_whatever_the_search_scored(self) -> None:
        tuned = make_tuned([TWO], {1: [2]})
        assert blocks(tuned) == {"NVIDIA A100-SXM4": 128, "Tesla T4": 256}
        alone = make_tuned([session({A100: {64: 1.0, 128: 1.1}})], {1: [2]})
        assert (blocks(alone), alone.everywhere["BLOCK"]) == ({"NVIDIA A100-SXM4": 128}, 128)
        assert alone.devices[0].score == 1.1

    def test_of_several_sessions_the_winner_of_the_latest_counts(self) -> None:
        later = session({A100: {64: 1.0, 128: 1.1}}, number=2)
        assert blocks(make_tuned([TWO, later], {1: [2]}))["NVIDIA A100-SXM4"] == 64

    def test_everywhere_is_the_least_worst_slowdown(self) -> None:
        tuned = make_tuned([TWO])
        assert tuned.everywhere["BLOCK"] == 128
        assert tuned.slowdown == pytest.approx(0.1)
        assert "at most 10.0 % slower" in "\n".join(tuned.provenance())

    def test_the_greatest_wins_where_that_is_the_goal(self) -> None:
        tuned = make_tuned(
            [session({A100: {64: 10.0, 128: 9.0}, T4: {64: 1.0, 128: 2.0}}, goal="max")]
        )
        assert blocks(tuned) == {"NVIDIA A100-SXM4": 64, "Tesla T4": 128}
        assert tuned.everywhere["BLOCK"] == 128

    def test_of_several_sessions_the_latest_counts(self) -> None:
        later = session({A100: {64: 1.0, 128: 0.5}}, number=2)
        tuned = make_tuned([later, TWO])
        assert blocks(tuned) == {"NVIDIA A100-SXM4": 128, "Tesla T4": 256}
        assert tuned.devices[0].session == 2

    def test_without_a_common_configuration_it_says_so(self) -> None:
        tuned = make_tuned([session({A100: {64: 1.0}}), session({T4: {128: 1.0}}, number=2)])
        assert tuned.slowdown is None
        assert "No configuration can be compared on all" in "\n".join(tuned.provenance())

    def test_a_score_of_nothing_has_no_slowdown(self) -> None:
        """Nor is it written to files for builds as an infinite one."""
        rates = {A100: {64: 5.0}, T4: {64: 0.0, 128: 3.0}}
        tuned = make_tuned([session(rates, goal="max", unit="GB/s")])
        assert tuned.slowdown is None
        assert tuned.everywhere["BLOCK"] == 64
        assert json.loads(format_tuned(tuned, "values"))["slowdown"] is None

    def test_a_device_of_which_no_letter_fits_a_macro_has_a_word(self) -> None:
        names = {"\u30b0\u30e9": "DEVICE", "": "DEVICE", "--": "DEVICE", "T\u00fc 4": "T_4"}
        for name, word in names.items():
            (best,) = make_tuned([session({replace(T4, name=name): {64: 1.0}})]).devices
            assert best.word == word

    def test_devices_that_shared_the_configurations_are_no_comparison(self) -> None:
        shared = session({A100: {64: 1.0}, T4: {128: 1.0}}, distribution="pipelined")
        assert "only some of the configurations" in "\n".join(make_tuned([shared]).provenance())

    def test_nothing_found_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match="no test succeeded"):
            make_tuned([session({A100: {64: None}})])

    @pytest.mark.parametrize(
        "change", [{"simulated": True}, {"goal": "max"}, {"parameters": ("BLOCK",)}]
    )
    def test_unlike_sessions_are_not_mixed(self, change: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match="cannot be put into one file"):
            make_tuned([ONE, session({T4: {64: 1.0}}, number=2, **change)])

    def test_simulated_values_say_so_in_every_format(self) -> None:
        tuned = make_tuned([session({A100: {64: 1.0}}, simulated=True)])
        for form in EMITS:
            assert re.search("simulated", format_tuned(tuned, form), re.IGNORECASE)

    def test_values_of_a_replay_say_what_was_replayed(self) -> None:
        device = replace(A100, kind="replay", simulated=True, recording="/results/a100.json")
        tuned = make_tuned([session({device: {64: 1.0}}, simulated=True, started_s=0.0)])
        source, best = tuned.provenance()[1:]
        assert source.startswith("SIMULATED: these values come from recorded results (a100.json)")
        assert best.endswith("session 1, in virtual time")


def compile_header(folder: Path, text: str, *options: str) -> tuple[str, str]:
    """What a program that includes the header prints."""
    (folder / "tuned.h").write_text(text)
    (folder / "app.c").write_text(
        '#include <stdio.h>\n#include "tuned.h"\n#include "tuned.h"\n#define STRING(x) TEXT(x)\n'
        '#define TEXT(x) #x\nint main(void) { printf("%d|%s", BLOCK, STRING(FLAGS)); }\n'
    )
    subprocess.run(
        ["cc", "-Werror", "-Wall", *options, "-o", "app", "app.c"], cwd=folder, check=True
    )
    shown = subprocess.run([folder / "app"], capture_output=True, text=True, check=True).stdout
    block, _, flags = shown.partition("|")
    return block, flags


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no cc on PATH")
class TestHeader:
    def test_a_single_device_needs_no_choice(self, tmp_path: Path) -> None:
        text = format_tuned(make_tuned([ONE]), "header")
        assert compile_header(tmp_path, text) == ("64", "-DX=$Y #1")
        assert compile_header(tmp_path, text, "-DBLOCK=7")[0] == "7"

    @pytest.mark.parametrize("stem", ["2d", "\u00fc", "_x"])
    def test_the_guard_is_a_name_whatever_the_file_is_called(
        self, tmp_path: Path, stem: str
    ) -> None:
        text = format_tuned(make_tuned([ONE]), "header", stem=stem)
        assert "#define TUNED_" in text
        assert compile_header(tmp_path, text)[0] == "64"

    @pytest.mark.parametrize(
        ("option", "block"),
        [
            ("-DTUNED_NVIDIA_A100_SXM4", "64"),
            ("-DTUNED_ARCH=80", "64"),
            ("-DTUNED_TESLA_T4", "256"),
            ("-DTUNED_ARCH=75", "256"),
            ("-DTUNED_ARCH=90", "128"),
            ("-DNOTHING", "128"),
        ],
    )
    def test_the_build_chooses_the_device(self, tmp_path: Path, option: str, block: str) -> None:
        assert (
            compile_header(tmp_path, format_tuned(make_tuned([TWO]), "header"), option)[0] == block
        )

    def test_the_architecture_can_come_from_nvcc(self, tmp_path: Path) -> None:
        text = format_tuned(make_tuned([TWO]), "header")
        by_compiler = ("-DTUNED_BY_CUDA_ARCH", "-D__CUDA_ARCH__=750")
        assert compile_header(tmp_path, text, *by_compiler)[0] == "256"
        assert compile_header(tmp_path, text, by_compiler[1])[0] == "128"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on PATH")
@pytest.mark.parametrize(
    ("device", "block"), [("NVIDIA_A100_SXM4", "64"), ("TESLA_T4", "256"), ("", "128")]
)
def test_make_reads_the_fragment(tmp_path: Path, device: str, block: str) -> None:
    (tmp_path / "tuned.mk").write_text(format_tuned(make_tuned([TWO]), "make"))
    (tmp_path / "Makefile").write_text(
        "include tuned.mk\nall:\n\t@echo '$(TUNED_BLOCK)|$(TUNED_FLAGS)'\n"
    )
    shown = subprocess.run(
        ["make", "-s", f"TUNED_DEVICE={device}"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == f"{block}|-DX=$Y #1\n"


@pytest.mark.skipif(shutil.which("cmake") is None, reason="there is no cmake on PATH")
def test_cmake_reads_the_fragment(tmp_path: Path) -> None:
    script = tmp_path / "tuned.cmake"
    script.write_text(
        format_tuned(make_tuned([TWO]), "cmake") + 'message("${TUNED_BLOCK}|${TUNED_FLAGS}")\n'
    )
    shown = subprocess.run(
        ["cmake", "-DTUNED_DEVICE=TESLA_T4", "-P", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr.strip() == "256|-DX=$Y #1"


def test_python_reads_the_module(tmp_path: Path) -> None:
    path = tmp_path / "tuned.py"
    path.write_text(format_tuned(make_tuned([TWO]), "python"))
    made = runpy.run_path(str(path))
    assert made["EVERYWHERE"] == {"BLOCK": 128, "FLAGS": "-DX=$Y #1"}
    assert made["BY_DEVICE"]["Tesla T4"]["BLOCK"] == 256
    assert (made["BLOCK"], made["FLAGS"]) == (128, "-DX=$Y #1")


@pytest.mark.parametrize("name", ["class", "None", "__all__", "EVERYWHERE", "BY_DEVICE"])
def test_python_keeps_names_that_a_module_cannot_use_to_the_dictionaries(
    tmp_path: Path, name: str
) -> None:
    tuned = make_tuned([ONE])
    (best,) = tuned.devices
    named = Configuration((name, "BLOCK"), (5, 64))
    tuned = replace(tuned, everywhere=named, devices=(replace(best, configuration=named),))
    path = tmp_path / "tuned.py"
    path.write_text(format_tuned(tuned, "python"))
    made = runpy.run_path(str(path))
    assert made["EVERYWHERE"] == {name: 5, "BLOCK": 64} == made["BY_DEVICE"]["NVIDIA A100-SXM4"]
    assert made["BLOCK"] == 64
    assert made.get(name) != 5


def test_values_are_json() -> None:
    made = json.loads(format_tuned(make_tuned([TWO]), "values", prefix="P_"))
    assert made["everywhere"] == {"P_BLOCK": 128, "P_FLAGS": "-DX=$Y #1"}
    assert [device["architecture"] for device in made["devices"]] == [80, 75]


@pytest.mark.parametrize("form", list(EMITS))
def test_a_file_is_touched_only_if_a_value_changed(tmp_path: Path, form: str) -> None:
    path = tmp_path / "tuned"
    comment = load(f"{EMITS[form]}:COMMENT")
    again = session({A100: {64: 0.9, 32: 2.0}}, number=2)
    other = session({A100: {64: 0.9, 32: 0.8}}, number=3)
    first = format_tuned(make_tuned([ONE]), form)
    assert write_changed(path, first, comment)
    assert not write_changed(path, format_tuned(make_tuned([again]), form), comment)
    assert path.read_text() == first
    assert write_changed(path, format_tuned(make_tuned([other]), form), comment)


AWKWARD = ("a\\", "a\\#b", "#", " a  b ", "", "$(X)", "a$", "\\\\")


def tuned_of(values: Sequence[str], name: str = "kernel") -> Tuned:
    """What makes one parameter of each value; `LAST` comes after them."""
    names = (*(f"V{n}" for n in range(len(values))), "LAST")
    configuration = Configuration(names, (*values, 7))
    info, _ = ONE
    lane = info.lanes[0].name
    outcome = Outcome(configuration, OutcomeKind.OK, 1.0, lane=lane)
    return make_tuned([(replace(info, name=name, parameters=names), [outcome])])


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on PATH")
def test_make_reads_awkward_values_back(tmp_path: Path) -> None:
    (tmp_path / "tuned.mk").write_text(format_tuned(tuned_of(AWKWARD), "make"))
    names = [f"V{n}" for n in range(len(AWKWARD))]
    shows = "\n".join(f"$(info <$(TUNED_{name})>)" for name in [*names, "LAST"])
    (tmp_path / "Makefile").write_text(f"include tuned.mk\n{shows}\nall: ;\n")
    shown = subprocess.run(["make", "-s"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[: len(AWKWARD) + 1] == [f"<{v}>" for v in (*AWKWARD, "7")]


@pytest.mark.parametrize("form", ["header", "make"])
def test_no_line_ends_in_blanks_or_goes_on(form: str) -> None:
    lines = format_tuned(tuned_of(AWKWARD), form).splitlines()
    assert not [line for line in lines if line != line.rstrip() or line.endswith("\\")]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no cc on PATH")
def test_a_backslash_at_the_end_of_a_macro_does_not_join_lines(tmp_path: Path) -> None:
    (tmp_path / "tuned.h").write_text(format_tuned(tuned_of(["a\\"]), "header"))
    (tmp_path / "app.c").write_text('#include "tuned.h"\nint last = LAST;\n')
    subprocess.run(["cc", "-Wall", "-Werror", "-c", "app.c"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("form", ["cmake", "python", "make", "header"])
def test_a_name_stays_in_its_comment(form: str) -> None:
    text = format_tuned(tuned_of(["a"], name="evil\nmessage(FATAL)\r\u2028x */ y"), form)
    assert not [line for line in text.splitlines() if line.startswith("message")]
    assert r"evil\nmessage" in text
