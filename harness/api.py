"""The harness from Python: the same sessions as `harness tune` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from harness.app.functions import name_fill, name_reference, name_source
from harness.app.lanes import find_lanes_of
from harness.app.options import MakeView, Options, make_plain_view
from harness.app.result import Result
from harness.app.session import run_session
from harness.app.setup import prepare
from harness.app.tables import make_plain
from harness.app.trees import require_tree
from harness.config.change import change_spec
from harness.config.load import load_config
from harness.config.spec import Spec
from harness.config.toml import make_spec as read_spec
from harness.errors import ConfigError
from harness.lane import DeviceInfo

__all__ = ["Result", "Spec", "devices", "kernel", "load_config", "make_spec", "tune"]


def make_spec(data: Mapping[str, Any], *, base: str | PathLike[str] = ".") -> Spec:
    """A Spec from the tables of a config file, as nested mappings.

    Its `name` is to it what a file's path is to a config: specs of one folder and name are one
    config in the journal, whose results `fresh` puts aside together.

    Args:
        base: the folder that relative paths start from.

    Raises:
        ConfigError: everything that is wrong with `data`.
    """
    data = make_plain(data)
    return read_spec(data, Path(base).resolve() / _make_file_name(data.get("name")), "make_spec")


def _make_file_name(name: object) -> str:
    """What stands for the config's file, of which there is none: no other name has the same."""
    if not (isinstance(name, str) and name):
        return "spec"
    return name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00") + ".spec"


def kernel(
    code: object,
    function: str | None = None,
    *,
    parameters: Mapping[str, Iterable[Any]],
    grid: Any,
    block: Any,
    language: Literal["cuda", "numba", "cupy"] | None = None,
    arguments: Sequence[Mapping[str, Any]] = (),
    reference: Callable[..., object] | Mapping[str, Any] | str | None = None,
    metrics: Mapping[str, str] | None = None,
    problem: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
    shared_bytes: int | str = 0,
    base: str | PathLike[str] = ".",
    **tables: Any,
) -> Spec:
    """A Spec for a kernel that Python has at hand; keys are those of `[kernel]` in a config.

    Functions, as factories, the reference and an argument's `fill`, are called in worker processes,
    which import them: they must be in a module, by their name.

    Args:
        code: the text of a source, or its `Path`, relative to `base`; a factory, which makes a
            kernel of Numba (or CuPy) from those parameters and problem sizes that its arguments
            name; or a `cupy.RawKernel` or `RawModule`, whose macros the parameters are.
        function: in a text or a module, the kernel's name, or an instance of a template.
        language: what `code` is; None: CUDA C++, or Numba for a factory.
        reference: what a right result is: a function of the kernel's arguments, its name as
            `module:function`, or the table `[kernel.reference]`.
        options: for the compiler.
        base: the folder that relative paths start from.
        **tables: further tables of the config, such as `scoring={"optimal": "max", …}`, and keys
            of its top level. `kernel={…}` holds further keys of that table. Without a `name` it
            is called as its function is.

    Raises:
        ConfigError: everything that is wrong with it, or a function that cannot be imported.
    """
    named = name_source(code, function, language, Path(base).resolve())
    table = {
        **named,
        "grid": grid,
        "block": block,
        "shared_bytes": shared_bytes,
        "options": [*named.get("options", ()), *options],
        "arguments": [name_fill(argument) for argument in arguments],
        "metrics": dict(metrics or {}),
        **({} if reference is None else {"reference": name_reference(reference)}),
        **tables.pop("kernel", {}),
    }
    data = {
        "name": _name_kernel(table["function"]),
        "parameters": dict(parameters),
        "kernel": table,
        **tables,
    }
    if problem:
        data["problem"] = dict(problem)
    return make_spec(data, base=base)


def _name_kernel(function: str) -> str:
    """The function's name without namespaces and template arguments."""
    name = function.partition("<")[0].rpartition("::")[2].strip()
    return name if name.isidentifier() else "kernel"


def tune(
    spec: Spec | str | PathLike[str],
    *,
    fresh: bool = False,
    retry: bool = False,
    wait: bool = False,
    check_tree: bool = False,
    warm_start: Sequence[str] = (),
    constraints: Sequence[Callable[..., object]] = (),
    progress: Callable[[str], object] | None = None,
    make_view: MakeView | None = None,
    **changes: Any,
) -> Result:
    """Find the best configuration.

    An interrupted session goes on; what is recorded is not measured again.

    Args:
        spec: a Spec, or the path of a config file.
        fresh: measure everything again; the journal keeps the old results.
        retry: measure failed tests again.
        wait: wait for devices that another harness uses, instead of failing.
        check_tree: test a sample that would show a wrong variable tree.
        warm_start: sessions of the same journal whose results the strategy begins with.
        constraints: Python functions that must return true, beside the config's constraints. A
            function's arguments name the parameters and problem sizes that it looks at; it is
            called for what all other constraints leave, once per combination.
        progress: takes lines of progress, as `print` does; None: nothing is shown.
        make_view: makes a view of your own, in place of such lines.
        **changes: keys of the config's top level to replace, such as `parallel=4`,
            `backend="mock"` or `distribution="pooled"`; and, as on the command line, `repeat`,
            `emulate`, `strategy` (also a class), `seed`, `max_tests`, `max_time_s`, `target`,
            `patience` and `journal`.

    Raises:
        ConfigError: the config or a change is wrong.
        DeviceError: devices are missing, in use or lost.
        HarnessError: the session could not go on; what was measured is in the journal.
    """
    if isinstance(spec, Mapping):
        raise ConfigError("spec holds tables; make a Spec of them with harness.make_spec")
    if not isinstance(spec, Spec):
        spec = load_config(Path(spec))
    strategy = changes.get("strategy")
    if isinstance(strategy, type):
        changes["strategy"] = f"{strategy.__module__}:{strategy.__qualname__}"
    if changes:
        spec = change_spec(spec, "tune", **make_plain(changes))
    if check_tree:
        require_tree(spec)
    if progress is not None and make_view is not None:
        raise ConfigError("progress and make_view: both show progress; give one of them")
    if progress is not None:
        make_view = make_plain_view(progress)
    options = Options(
        fresh=fresh,
        retry=retry,
        wait=wait,
        check_tree=check_tree,
        warm_start=tuple(warm_start),
        make_view=make_view,
    )
    return run_session(prepare(spec, constraints), options)


def devices(backend: str = "auto") -> list[DeviceInfo]:
    """The devices of this machine.

    Args:
        backend: `auto`, `cuda`, `cpu`, `mock` or `none`.

    Raises:
        DeviceError: discovery failed.
    """
    return list(find_lanes_of(backend).found)
