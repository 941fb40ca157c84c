"""From a config's data to a Spec: reads it, checks it, and gathers every problem."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from harness.config.checks import find_problems
from harness.config.problems import Problem
from harness.config.ranges import write_out_ranges
from harness.config.spec import Spec, SpecFile
from harness.config.walk import Walker
from harness.errors import ConfigError


def read_spec(data: Mapping[str, object], path: Path) -> tuple[Spec, list[Problem]]:
    """The Spec that `data` (the tables of the TOML format) says, and what is wrong with it.

    Where there are problems the Spec holds stand-ins and must not be used.

    Args:
        path: where the config is, or would be; relative paths in it start from its folder.
    """
    walker = Walker()
    fields = walker.read_fields(SpecFile, write_out_ranges(data, walker))
    spec = Spec(**fields, path=Path(os.path.abspath(path)))  # noqa: PTH100 - keeps symlinks
    if not spec.name:
        spec = msgspec.structs.replace(spec, name=path.stem)
    broken = frozenset(problem.key for problem in walker.problems)
    return spec, [*walker.problems, *find_problems(spec, broken)]


def read_config_text(path: Path) -> str:
    """The text of a config file.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: byte {error.start} is not UTF-8; save the file in UTF-8"
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{path}: {reason}; name a config file that can be read") from None
