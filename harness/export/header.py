"""Tuned values as a C or C++ header: a macro per parameter.

A macro that is defined already stays as it is, so that a build can override it, and so that the
tuning commands themselves (`-DBLOCK_X=%BLOCK_X%`) can compile sources that include the header.

With several devices the values are chosen when the code is compiled: by `-DTUNED_<DEVICE>`, or by
`-DTUNED_ARCH=80`. The same must be given for host and device code, which share block sizes; in
code that is for the device alone, `-DTUNED_BY_CUDA_ARCH` takes the architecture that nvcc compiles
for. Any other device gets the values that are best everywhere.
"""

from __future__ import annotations

import re

from harness.configuration import Configuration, Value, format_value
from harness.export.tuned import DeviceBest, Tuned

COMMENT = re.compile(r"/\*| \*")
"""What lines begin with that say where values come from."""


def format_tuned(tuned: Tuned, *, prefix: str = "", stem: str = "tuned") -> str:
    """The header.

    Args:
        prefix: of the macros.
        stem: the file's name without its ending; makes the include guard.
    """
    guard = re.sub(r"\W", "_", f"{stem}_h", flags=re.ASCII).upper()
    if not guard[0].isalpha():  # 2d.h: no name begins so, or none of ours
        guard = f"TUNED_{guard}"
    lines = ["/*", *(f" * {line.replace('*/', '* /')}" for line in tuned.provenance()), " */"]
    lines += [f"#ifndef {guard}", f"#define {guard}", ""]
    if len(tuned.devices) == 1:
        lines += _define(tuned.devices[0].configuration, prefix)
    else:
        lines += _choose(tuned, prefix)
    return "\n".join([*lines, "", f"#endif /* {guard} */"]) + "\n"


def _choose(tuned: Tuned, prefix: str) -> list[str]:
    lines = [
        "#if !defined(TUNED_ARCH) && defined(TUNED_BY_CUDA_ARCH) && defined(__CUDA_ARCH__)",
        "#define TUNED_ARCH (__CUDA_ARCH__ / 10)",
        "#endif",
        "",
    ]
    word = "if"
    for condition, best in _conditions(tuned.devices):
        lines += [f"#{word} {condition}", *_define(best.configuration, prefix)]
        word = "elif"
    return [*lines, "#else", *_define(tuned.everywhere, prefix), "#endif"]


def _conditions(devices: tuple[DeviceBest, ...]) -> list[tuple[str, DeviceBest]]:
    """By name first; then by architecture, of devices that share one the first."""
    conditions = [(f"defined(TUNED_{best.word})", best) for best in devices]
    seen: set[int] = set()
    for best in devices:
        architecture = best.architecture
        if architecture is not None and architecture not in seen:
            seen.add(architecture)
            condition = f"defined(TUNED_ARCH) && TUNED_ARCH == {architecture}"
            conditions.append((condition, best))
    return conditions


def _define(configuration: Configuration, prefix: str) -> list[str]:
    lines = []
    for name, value in configuration.items():
        macro = f"{prefix}{name}"
        lines += [f"#ifndef {macro}", f"#define {macro} {_write(value)}".rstrip(), "#endif"]
    return lines


def _write(value: Value) -> str:
    """The text of a macro; behind a backslash at its end the next line would go on with it."""
    text = " ".join(format_value(value).split())
    return f"{text} /**/" if text.endswith("\\") else text
