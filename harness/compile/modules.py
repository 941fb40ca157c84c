"""Users' Python sources as modules, and which files they have made use of."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import harness


class Modules:
    """Runs each source once, and notes what is read from now on.

    One per process: what Python has imported cannot be told apart by source.
    """

    def __init__(self) -> None:
        self._before = frozenset(sys.modules)
        self._installed = _find_installed()
        self._opened: set[str] = set()
        self._loaded: dict[tuple[str, str], ModuleType] = {}
        sys.addaudithook(self._note)

    def load(self, text: str, path: str, name: str, folders: Sequence[str]) -> ModuleType:
        """The module that `text` is.

        It is run from the text, which is what a kernel's identity has, not from the file. Whatever
        it raises is raised again.

        Args:
            name: with its package, for relative imports.
            folders: where modules are looked for first.
        """
        known = self._loaded.get((path, text))
        if known is not None:
            return known
        for folder in reversed(folders):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        module = ModuleType(name)
        module.__file__ = path
        module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module  # pickling and type annotations look there
        exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - it is what was asked for
        self._loaded[path, text] = module
        return module

    def list_files(self, path: str) -> tuple[str, ...]:
        """What has been imported and opened so far, except `path` and what is installed."""
        imported = {
            str(getattr(module, "__file__", None) or "")
            for name, module in list(sys.modules.items())
            if name not in self._before
        }
        found = {str(Path(name).resolve()) for name in imported | set(self._opened) if name}
        own = str(Path(path).resolve())
        return tuple(
            sorted(
                name
                for name in found
                if name != own and not self.is_installed(name) and Path(name).is_file()
            )
        )

    def is_installed(self, path: str) -> bool:
        """Whether a file is a part of Python, of a package, of the harness or of the system."""
        return path.startswith(self._installed)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python calls this for everything that goes on; what was opened to be read counts."""
        if event != "open":
            return
        path, mode, _ = arguments
        is_read = mode is None or not set(str(mode)) & set("wax+")
        if isinstance(path, str) and is_read and not path.endswith(".pyc"):
            self._opened.add(path)


def _find_installed() -> tuple[str, ...]:
    """Folders of Python, installed packages, this one and the system's."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_paths()[name] for name in names]
    folders += [*site.getsitepackages(), site.getusersitepackages(), sys.base_prefix + "/lib"]
    folders += [str(Path(harness.__file__).parent), "/usr/", "/proc/", "/sys/", "/dev/", "/etc/"]
    return tuple(str(Path(folder).resolve()) + "/" for folder in folders)
