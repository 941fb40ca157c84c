"""What looks odd about a kernel's config, and may be meant."""

from __future__ import annotations

import re
from pathlib import Path

from harness.app.kernel_files import find_files
from harness.app.kernels import KernelTests
from harness.config.signature_checks import describe_odd_arrays


def kernel_warnings(kernel: KernelTests) -> list[str]:
    """A sentence for each; nothing of kernels in Python, whose factories name what they take."""
    if kernel.source.language != "cuda":
        return []
    return [*_describe_unused(kernel), *describe_odd_arrays(kernel.kernel, kernel.source.text)]


def _describe_unused(kernel: KernelTests) -> list[str]:
    """Parameters whose values make no difference: tests of all of them are the same."""
    table, spec = kernel.kernel, kernel.spec
    texts = [table.function, *table.options, repr((table.grid, table.block, table.shared_bytes))]
    texts += [repr((argument.shape, argument.value)) for argument in table.arguments]
    if table.parameters != "none":
        files = find_files(spec, table, kernel.source.text)
        texts += [kernel.source.text, *(_read(path) for path in files)]
    text = "\n".join(texts)
    if "##" in text:  # names may be put together from parts
        return []
    unused = [name for name in spec.parameters if not re.search(rf"\b{re.escape(name)}\b", text)]
    return [
        f"parameter {name} is used nowhere, neither in the source nor in the launch: its values "
        "make no difference"
        for name in unused
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
