"""Functions that a config names as `module:function`: whether they are there.

Told from the files' texts, since importing a module may take seconds and a GPU.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from harness.app.kernel_files import search_folders
from harness.config.kernel_tables import KernelTable
from harness.config.problems import find_nearest, suggest
from harness.config.spec import Spec
from harness.errors import ConfigError

_MAKERS = frozenset({"globals", "exec", "setattr", "vars", "__getattr__"})
"""A module that names one of these may have functions that its text does not show."""


def check_functions(spec: Spec, kernel: KernelTable) -> None:
    """Refuse references and fillings that will not be found when they are needed.

    Raises:
        ConfigError: there is no such module or function, or the module cannot be imported.
    """
    folders = list(map(str, search_folders(spec)))
    importlib.invalidate_caches()  # a file may have been written a moment ago
    problems = []
    for key, name in _list_names(kernel):
        problem = find_problem(name, folders)
        if problem:
            problems.append(f'{spec.path}: {key} = "{name}": {problem}')
    if problems:
        raise ConfigError(problems)


def _list_names(kernel: KernelTable) -> Iterator[tuple[str, str]]:
    """Each function that the table names, with its key."""
    if kernel.reference is not None and kernel.reference.function is not None:
        yield "kernel.reference.function", kernel.reference.function
    for index, argument in enumerate(kernel.arguments):
        if ":" in argument.fill:
            yield f"kernel.arguments[{index}].fill", argument.fill


def find_problem(name: str, folders: Sequence[str]) -> str:
    """Why `module:function` cannot be imported, as far as texts tell; empty if it seems right.

    Args:
        folders: where modules are looked for before the places where Python looks.
    """
    module, _, function = name.partition(":")
    found = _find_module(module, [*folders, *sys.path])
    if found is None:
        if hasattr(sys.modules.get(module), function):  # a module that a program has made
            return ""
        return _miss_module(module, folders)
    if found.origin is None:
        return f"{module} is a folder without __init__.py, which has no functions; name a module"
    if not found.origin.endswith(".py"):
        return ""
    return _read(Path(found.origin), function, [*folders, *sys.path])


def _read(file: Path, function: str, places: Sequence[str]) -> str:
    """Why a module's file does not have the function, or cannot be imported."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        return f"{file}, line {error.lineno}: {error.msg}; correct it"
    except (OSError, ValueError) as error:
        return f"{file}: {error}; name a module that can be read"
    for needed in _list_needed(tree):
        if needed not in sys.modules and _find_module(needed, places) is None:
            return f"{file} imports {needed}, which is not there; install it"
    bound = _list_bound(tree)
    if bound is None or function in bound:
        return ""
    known = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    remedy = suggest(function, known, "functions") if known else "define it"
    return f"there is no {function} in {file}; {remedy}"


def _find_module(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Where a module is, without importing it or the packages around it."""
    path: Sequence[str] = folders
    found: ModuleSpec | None = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        found = _ask_finders(".".join(parts[:depth]), path)
        if found is None:
            return None
        path = list(found.submodule_search_locations or ())
    return found


def _ask_finders(name: str, path: Sequence[str]) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        if find is not None and (found := find(name, path)) is not None:
            made: ModuleSpec = found
            return made
    return None


def _miss_module(module: str, folders: Sequence[str]) -> str:
    names = sorted({file.stem for folder in folders for file in Path(folder).glob("*.py")})
    near = find_nearest(module, names)
    remedy = f"did you mean {near}?" if near else f"write {module.replace('.', '/')}.py"
    return (
        f"there is no module {module}; {remedy} (looked for in {', '.join(folders)}, then where "
        "Python looks)"
    )


def _list_needed(tree: ast.Module) -> Iterator[str]:
    """The installed packages and modules that importing the module takes whatever happens."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _list_bound(tree: ast.Module) -> set[str] | None:
    """Every name that something in the module binds; None: its text does not tell.

    More than the module has in the end, since names inside of functions count, too.
    """
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.Name):
            bound |= {node.id} if isinstance(node.ctx, ast.Store) else set()
            if node.id in _MAKERS:
                return None
        elif isinstance(node, ast.Global):
            bound.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if any(alias.name == "*" for alias in node.names):
                return None
            bound |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return None if "__getattr__" in bound else bound
