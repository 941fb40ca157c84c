from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.compile.includes import IncludeScanner
from harness.compile.inputs import FileHashes, InputSet, record_inputs

LONG_AGO_NS = 10**18


def write(path: Path, text: str) -> str:
    """A file that was changed long ago, so that its time stamp can be relied on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return str(path)


def record(*paths: str, search: tuple[Path, ...] = (), absent: tuple[str, ...] = ()) -> InputSet:
    later_ns = time.time_ns() + 10**9
    inputs = record_inputs(paths, absent, list(map(str, search)), FileHashes(), later_ns)
    assert inputs is not None
    return inputs


def test_same_content_matches_whatever_its_time(tmp_path: Path) -> None:
    header = tmp_path / "a.h"
    inputs = record(write(header, "one"))
    hashes = FileHashes()
    assert hashes.match(inputs)
    header.write_text("two")
    assert not hashes.match(inputs)
    header.write_text("one")
    assert hashes.match(inputs)
    header.unlink()
    assert not hashes.match(inputs)


def test_fresh_file_is_hashed_again_though_its_stamp_is_the_same(tmp_path: Path) -> None:
    header = tmp_path / "a.h"
    header.write_text("one")
    stamp = header.stat()
    hashes = FileHashes()
    before = hashes.hash(str(header))
    header.write_text("two")  # same size, same inode
    os.utime(header, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert hashes.hash(str(header)) != before


def test_header_that_appears_in_front_of_another(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    inputs = record(write(second / "sub" / "a.h", "one"), search=(first, second))
    assert inputs.absent == (str(first / "sub" / "a.h"),)
    assert FileHashes().match(inputs)
    write(first / "sub" / "a.h", "one")
    assert not FileHashes().match(inputs)


def test_what_was_looked_for_in_vain_counts(tmp_path: Path) -> None:
    inputs = record(absent=(str(tmp_path / "config.h"),))
    assert FileHashes().match(inputs)
    write(tmp_path / "config.h", "")
    assert not FileHashes().match(inputs)


@pytest.mark.parametrize("state", ["changed", "gone"])
def test_file_that_changed_during_the_compile_is_not_recorded(tmp_path: Path, state: str) -> None:
    header = tmp_path / "a.h"
    if state == "changed":
        header.write_text("one")
    since_ns = header.stat().st_mtime_ns if state == "changed" else time.time_ns()
    assert record_inputs([str(header)], [], [], FileHashes(), since_ns) is None


def test_includes_are_followed(tmp_path: Path) -> None:
    system, own, inner = tmp_path / "system", tmp_path / "own", tmp_path / "own" / "inner"
    fp16 = write(system / "cuda_fp16.h", '#include "cuda_fp16.hpp"\n')
    hpp = write(system / "cuda_fp16.hpp", "#include CUDA_OWN_BUSINESS\n")
    near = write(inner / "near.h", "")
    far = write(inner / "far.h", '# include "near.h"\n#if 0\n#include <cuda_fp16.h>\n#endif\n')
    text = '#include "inner/far.h"\n#if __has_include(<opt.h>)\n#endif\n# include \\\n <none.h>\n'
    included = IncludeScanner([str(system)]).scan(text, [str(own)])
    assert included.files == {far, near, fp16, hpp}
    assert {str(own / "opt.h"), str(system / "opt.h"), str(own / "none.h")} <= included.absent
    assert str(own / "cuda_fp16.h") in included.absent
    assert included.computed == ""


def test_include_by_macro_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.h", "#include TILE_HEADER // which\n")
    scanner = IncludeScanner([])
    assert scanner.scan('#include "a.h"', [str(tmp_path)]).computed.startswith("TILE_HEADER")
    assert not scanner.scan('// #include TILE_HEADER\n#include "b.h"', [str(tmp_path)]).computed


def test_scanner_notices_changes(tmp_path: Path) -> None:
    scanner = IncludeScanner([])
    write(tmp_path / "a.h", "")
    write(tmp_path / "b.h", "")
    assert scanner.scan("#include <a.h>", [str(tmp_path)]).files == {str(tmp_path / "a.h")}
    (tmp_path / "a.h").write_text("#include <b.h>\n")
    assert len(scanner.scan("#include <a.h>", [str(tmp_path)]).files) == 2
