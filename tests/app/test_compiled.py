"""Preferring what is in the kernel cache."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

import harness
from harness.app.compiled import Compiled, open_compiled
from harness.app.setup import Setup, prepare
from harness.app.strategies import search_warnings
from harness.app.toolchain import Toolchain
from harness.compile.cache import BuildCache
from harness.compile.cached import CachedCompiler
from harness.compile.toolkit import Nvcc
from harness.configuration import Configuration
from harness.errors import ConfigError
from harness.model import Test
from harness.testing.cubins import FakeTranslator
from tests.app.test_kernels import DATA, SOURCE

NVCC = Nvcc("/none/nvcc", "", "13.0", "build 1", ("sm_86",))


def make_setup(base: Path, **search: object) -> Setup:
    (base / "scale.cu").write_text(SOURCE)
    (base / "scale.h").write_text("#define FACTOR 2.0f\n")
    (base / "scale_reference.py").write_text("def scale(x, y, n):\n    return 2 * x\n")
    return prepare(harness.make_spec({**DATA, "search": search}, base=base))


def test_it_finds_what_was_compiled(tmp_path: Path) -> None:
    setup = make_setup(tmp_path)
    assert setup.kernel is not None
    lane = setup.lanes[0]
    first, second = (Configuration(("BLOCK", "ITEMS"), (64, items)) for items in (1, 2))
    with BuildCache(tmp_path / "cache") as cache:
        compiled = Compiled(setup.kernel, NVCC.fingerprint, cache)
        assert not compiled.has(first, lane)
        compiler = CachedCompiler(FakeTranslator(fingerprint=NVCC.fingerprint), cache)
        compiler.build(setup.kernel.make_source(Test(7, first, "key", lane.name), lane))
        assert compiled.has(first, lane)
        assert not compiled.has(second, lane)


def test_only_where_it_is_asked_for_and_something_is_compiled(tmp_path: Path) -> None:
    with ExitStack() as stack:
        assert open_compiled(make_setup(tmp_path), Toolchain(NVCC), stack) is None
        setup = make_setup(tmp_path, prefer_quick=True)
        assert open_compiled(setup, None, stack) is None
        assert open_compiled(setup, Toolchain(NVCC), stack) is not None


def test_a_session_that_prefers_quick_tests(tmp_path: Path) -> None:
    setup_data = {**DATA, "search": {"prefer_quick": True, "strategy": "local", "max_tests": 6}}
    make_setup(tmp_path)
    result = harness.tune(harness.make_spec(setup_data, base=tmp_path))
    assert len(result.outcomes) == 6


def test_strategies_that_cannot_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='prefer_quick: strategy "random" does not choose'):
        make_setup(tmp_path, prefer_quick=True, strategy="random")


def test_auto_says_where_it_has_no_use_for_it(tmp_path: Path) -> None:
    setup = make_setup(tmp_path, prefer_quick=True)
    assert setup.strategy == "exhaustive"
    (told,) = search_warnings(setup)
    assert told.startswith('search.prefer_quick does nothing here: strategy "exhaustive", which')
    result = harness.tune(setup.spec)
    assert told in result.summary.to_object()["warnings"]
    assert search_warnings(make_setup(tmp_path, prefer_quick=True, max_tests=2)) == []
    assert search_warnings(make_setup(tmp_path)) == []
