"""Which files and compilers make a test what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store.sources import SourceWatch, find_compilers, find_sources
from harness.testing.programs import Programs


def write(folder: Path, **texts: str) -> None:
    """Files by name, `_` for the last dot."""
    for name, text in texts.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(text)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cc -O3 -o app app.c", ["app.c"]),
        ("python3 run.py --input=data.txt", ["data.txt", "run.py"]),
        ("cc app.c && ./app > data.txt", ["app.c"]),
        ("rm -f data.txt; cc app.c", ["app.c"]),
        ("cc -odata.txt app.c", ["app.c"]),
        ("cc %FILE% 'unclosed", []),
    ],
)
def test_files_that_commands_read(tmp_path: Path, line: str, found: list[str]) -> None:
    write(tmp_path, app_c="int main;", run_py="", data_txt="1")
    assert sorted(find_sources([line], [], tmp_path)) == found


def test_patterns_add_what_commands_do_not_name(tmp_path: Path) -> None:
    write(tmp_path, a_f90="", b_f90="", c_txt="")
    assert sorted(find_sources(["make"], ["*.f90"], tmp_path)) == ["a.f90", "b.f90"]


def test_what_sources_include_counts_however_deep(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    write(
        tmp_path,
        app_cu='#include "tile.h"\n  #  include <deep.cuh>\n#include <vector>\n#include "gone.h"\n',
        tile_h='#if 0\n#include "app.cu"\n#endif\n',
    )
    write(tmp_path / "include", deep_cuh='#include "deeper.h"\n', deeper_h="")
    found = find_sources(["nvcc -Iinclude -o app app.cu"], [], tmp_path)
    assert sorted(found) == ["app.cu", "include/deep.cuh", "include/deeper.h", "tile.h"]
    assert "include/deep.cuh" not in find_sources(["nvcc app.cu"], [], tmp_path)


@pytest.mark.parametrize("option", ["-I sub", "-isystem sub", "--include-path=sub", "-Isub"])
def test_folders_of_headers(tmp_path: Path, option: str) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", x_h="")
    write(tmp_path, app_c="#include <x.h>\n")
    assert "sub/x.h" in find_sources([f"cc {option} app.c"], [], tmp_path)


def test_a_changed_header_changes_what_is_found(tmp_path: Path) -> None:
    write(tmp_path, app_c='#include "x.h"\n', x_h="#define X 1\n")
    before = find_sources(["cc app.c"], [], tmp_path)
    write(tmp_path, x_h="#define X 2\n")
    after = find_sources(["cc app.c"], [], tmp_path)
    assert before["app.c"] == after["app.c"]
    assert before["x.h"] != after["x.h"]


def test_compilers_say_their_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs(tmp_path)
    Path(programs.prints("release 13.0\n")).rename(tmp_path / "nvcc")
    Path(programs.prints("12.2\n")).rename(tmp_path / "x86_64-linux-gnu-gcc-12")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    lines = ["nvcc -O3 app.cu; x86_64-linux-gnu-gcc-12 a.c", "clang-99 b.c && rm nvccish"]
    assert find_compilers(lines) == {"nvcc": "release 13.0", "x86_64-linux-gnu-gcc-12": "12.2"}


def test_a_compiler_that_cannot_say_is_one_without_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(Programs(tmp_path).exits(1)).rename(tmp_path / "tcc")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find_compilers(["tcc a.c"]) == {"tcc": ""}


def test_a_word_that_is_too_long_for_a_name_is_no_file(tmp_path: Path) -> None:
    write(tmp_path, app_c="")
    assert sorted(find_sources([f"cc -D{'a' * 300} {'b' * 5000} app.c"], [], tmp_path)) == ["app.c"]


def test_a_change_is_noticed_once(tmp_path: Path) -> None:
    write(tmp_path, app_c='#include "x.h"\n', x_h="1")
    watch = SourceWatch(lambda: find_sources(["cc app.c"], [], tmp_path), tmp_path)
    assert watch.refresh() == []
    write(tmp_path, x_h="2 and longer")
    assert watch.refresh() == ["x.h"]
    assert watch.refresh() == []
    (tmp_path / "x.h").touch()
    assert watch.refresh() == [], "the same content is no change"
    (tmp_path / "x.h").unlink()
    assert watch.refresh() == ["x.h"]
