"""Python functions in a Spec: by the names under which a lane's worker imports them."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from harness.app.tables import name_dtype
from harness.errors import ConfigError


def name_function(function: Callable[..., object], what: str) -> str:
    """`module:function`.

    Args:
        what: how messages call it.

    Raises:
        ConfigError: it cannot be imported by that name.
    """
    module = getattr(function, "__module__", "") or ""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if module == "__main__":
        raise ConfigError(
            f"{what}: {name} is defined in the script that runs, which a worker cannot import; "
            "move it to a module beside it"
        )
    try:
        found = getattr(import_module(module), name, None) if module else None
    except ImportError:
        found = None
    if found is not function:
        if getattr(found, "__qualname__", None) == name:
            raise ConfigError(
                f"{what}: {module} was loaded again since {name} was imported; import it anew"
            )
        raise ConfigError(
            f"{what}: {name} cannot be imported from {module or 'any module'}; define it with def "
            "at the top level of a module"
        )
    return f"{module}:{name}"


def name_source(
    code: object, function: str | None, language: str | None, base: Path
) -> dict[str, Any]:
    """The keys of `[kernel]` that say what `code` is.

    Args:
        code: the text of a source, its path, a factory, or a raw kernel or module of CuPy.
        function: a kernel's or factory's name; None: that of `code`.
        language: None: CUDA C++ for texts, Numba for factories.

    Raises:
        ConfigError: it is something else, or a factory that cannot be imported.
    """
    if isinstance(code, str | os.PathLike):
        name = function or _missing("function", "the kernel's name in the code")
        if isinstance(code, os.PathLike):
            return {"language": language or "cuda", "source": os.fspath(code), "function": name}
        if re.fullmatch(r"\S+\.(cu|cuh|cpp|h|py)", code):
            raise ConfigError(f"code = {code!r}: a file's name, not its text; give Path({code!r})")
        return {"language": language or "cuda", "code": code, "function": name}
    if inspect.isfunction(code):
        if function is not None:
            raise ConfigError(f"function = {function!r}: a factory has its own name; remove this")
        name_function(code, "code")
        path = os.path.relpath(inspect.getfile(code), base)
        return {"language": language or "numba", "source": path, "function": code.__name__}
    text = getattr(code, "code", None)
    if isinstance(text, str) and hasattr(code, "options"):
        raw: Any = code
        named = function or getattr(code, "name", None)
        named = named or _missing("function", "the name of a kernel in the module")
        return {"code": text, "function": named, "options": list(raw.options)}
    kind = f"code is an object of type {type(code).__name__}"
    if hasattr(code, "py_func"):
        raise ConfigError(f"{kind}, a kernel with nothing to tune; give the function that makes it")
    raise ConfigError(
        f"{kind}; give the text of a source, its Path, a function that makes kernels, or a "
        "cupy.RawKernel or RawModule made from code"
    )


def name_reference(reference: object) -> dict[str, Any]:
    """The table `[kernel.reference]` that a function, its name or the table itself says.

    Raises:
        ConfigError: it is something else, or cannot be imported.
    """
    if isinstance(reference, Mapping):
        return dict(reference)
    if isinstance(reference, str):
        return {"function": reference}
    if callable(reference):
        return {"function": name_function(reference, "reference")}
    raise ConfigError(
        f"reference is an object of type {type(reference).__name__}; give a function, its name as "
        "module:function, or a table such as {'file': 'expected.npy'}"
    )


def _missing(name: str, what: str) -> NoReturn:
    raise ConfigError(f"{name} is missing; it is {what}")


def name_fill(argument: Mapping[str, Any]) -> dict[str, Any]:
    """An argument's table with its type and its filling by their names.

    Raises:
        ConfigError: the filling is a function that cannot be imported.
    """
    made = dict(argument)
    if "dtype" in made:
        made["dtype"] = name_dtype(made["dtype"])
    if callable(made.get("fill")):
        made["fill"] = name_function(made["fill"], f"argument {made.get('name', '?')}: fill")
    return made
