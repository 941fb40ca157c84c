"""`harness cache`."""

from __future__ import annotations

from dataclasses import asdict

import click

from harness.cli.options import json_option
from harness.cli.output import write_json, write_lines
from harness.compile.cache import BuildCache, CacheStats
from harness.units import format_bytes, format_count


@click.command()
@click.option("--stats", "show", is_flag=True, help="Show what is kept (the default).")
@click.option("--clear", is_flag=True, help="Remove all of it.")
@json_option
def cache(*, show: bool, clear: bool, as_json: bool) -> None:
    """Show the compiled kernels that sessions share, or remove them."""
    if show and clear:
        raise click.UsageError("--stats and --clear exclude each other; use one of them")
    with BuildCache() as kept:
        removed_bytes = kept.clear() if clear else None
        stats = kept.stats()
    if as_json:
        write_json(asdict(stats) | {"removed_bytes": removed_bytes})
    else:
        write_lines(_describe(stats, removed_bytes))


def _describe(stats: CacheStats, removed_bytes: int | None) -> list[str]:
    if removed_bytes is not None:
        return [f"removed {format_bytes(removed_bytes)} from {stats.directory}"]
    size, limit = format_bytes(stats.size_bytes), format_bytes(stats.limit_bytes)
    compiles = format_count(stats.builds, "compile")
    binaries = "1 binary" if stats.binaries == 1 else f"{stats.binaries} binaries"
    return [
        f"{compiles} kept as {binaries} in {stats.directory}",
        f"{size} of at most {limit}; what was used longest ago goes first",
    ]
