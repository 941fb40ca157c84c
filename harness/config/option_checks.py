"""Checks of `kernel.options`: what the harness itself tells compilers, what they would not find."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.config.kernel_tables import KernelTable
from harness.config.problems import Problem, format_value_of
from harness.config.view import View

_FOLDER = re.compile(r"(-I|-isystem|--include-path|--system-include)=?(.*)")
_ARCHITECTURE = re.compile(
    r"(-arch|-gencode|-code|--gpu-architecture|--generate-code|--gpu-code)(=.*)?"
)
_OUTPUT = re.compile(
    r"-c|-dc|-dw|-o|-cubin|-ptx|-fatbin|-dlink|-lib|-rdc=true|--relocatable-device-code=true"
    r"|--(compile|device-c|output-file|cubin|ptx|fatbin|device-link|lib|run)(=.*)?"
)
_SEVERAL = re.compile(r"-(?!D)[^=\s]+\s+\S.*")
"""Two words in one text, of which the first is an option without a value."""

_FOR_OTHERS = re.compile(r"-X\w+|--\w+-options")
"""What comes after these is for the host's compiler, ptxas and the like."""


def check_options(view: View, kernel: KernelTable) -> Iterator[Problem]:
    """Options that would make something else than what is measured, or nothing."""
    if kernel.language == "numba" or not view.is_read("kernel", "options"):
        return
    before = ""
    for n, option in enumerate(kernel.options):
        if not _FOR_OTHERS.fullmatch(before) and (text := _check_option(option, before)):
            yield Problem(("kernel", "options", n), text, format_value_of(option))
        before = option


def _check_option(option: str, before: str) -> str:
    """What is wrong with an option that comes after the one `before`; empty if nothing is."""
    folder = _FOLDER.fullmatch(option)
    if _SEVERAL.fullmatch(option):
        words = ", ".join(format_value_of(word) for word in option.split())
        return f"several words in one text; write {words}"
    if _ARCHITECTURE.fullmatch(option):
        return 'lanes say what to compile for; remove it, or write architectures = ["sm_90"]'
    if _OUTPUT.fullmatch(option):
        return "what is made of the source is the harness's affair: a cubin; remove it"
    follows = _FOLDER.fullmatch(before)
    return _check_folder(option if follows and not follows[2] else folder[2] if folder else "")


def _check_folder(folder: str) -> str:
    """What is wrong with a folder among the options, which compilers look for in their own."""
    if not folder or folder.startswith(("/", "%")):
        return ""
    return f'relative, to no folder in particular; write include_directories = ["{folder}"]'
