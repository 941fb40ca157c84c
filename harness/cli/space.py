"""`harness space`: how many configurations a config has, what removes the others, and which."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from harness.app.spaces import LaneSpace, find_spaces
from harness.cli.numbers import WholeNumber
from harness.cli.options import json_option, lane_options, load_spec, size_option
from harness.cli.output import write_lines
from harness.config.spec import Spec
from harness.configuration import Configuration, Value, list_spellings, show_value
from harness.errors import ConfigError
from harness.space.describe import ConstraintInfo, SpaceInfo, describe
from harness.space.sampling import sample
from harness.space.space import Space
from harness.units import format_path


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--sample", "count", type=WholeNumber(1), help="Draw N random ones instead.")
@click.option("--list", "lists", is_flag=True, help="List every valid one instead.")
@click.option(
    "--fix", "fixed", metavar="NAME=VALUE", multiple=True, help="Only those with this value."
)
@click.option(
    "--seed", type=WholeNumber(0), default=1, show_default=True, help="Of what is random."
)
@size_option
@lane_options
@json_option
def space(
    *,
    config: Path,
    count: int | None,
    lists: bool,
    fixed: tuple[str, ...],
    seed: int,
    as_json: bool,
    **lanes: Any,
) -> None:
    """Count the configurations of CONFIG and say what each constraint removes.

    Devices are looked for only if a constraint names one of their limits. A space that is too
    large to be counted is estimated; --sample works on it as on any other, and --list begins.
    """
    if count is not None and lists:
        raise click.UsageError("--list shows all; leave out --sample")
    spec = load_spec(config, **lanes)
    given = dict(_parse_fixed(spec, text) for text in fixed)
    for number, part in enumerate(find_spaces(spec)):
        chosen = part.space.restrict(given) if given else part.space
        found = _choose(chosen, count, lists, seed)
        if as_json:
            _write_json(part, describe(chosen, seed), found)
        elif found is None:
            write_lines([""] * (number > 0) + _lines(spec, part, describe(chosen, seed)))
        else:
            _write_configurations(part, found)


def _parse_fixed(spec: Spec, text: str) -> tuple[str, Value]:
    """The parameter and value that NAME=VALUE says."""
    name, equals, word = (part.strip() for part in text.partition("="))
    values = spec.parameters.get(name)
    if not equals or values is None:
        raise ConfigError(f"--fix {text}: expected NAME=VALUE, of {', '.join(spec.parameters)}")
    for value in values:
        if word in list_spellings(value):
            return name, value
    known = ", ".join(show_value(value) for value in values)
    raise ConfigError(f"--fix {text}: not one of its values; expected one of {known}")


def _choose(
    space: Space, count: int | None, lists: bool, seed: int
) -> Iterator[list[Configuration]] | None:
    """The configurations asked for, in blocks; None: none are."""
    if count is not None:
        return iter([sample(space, count, np.random.default_rng(seed))])
    return (space.decode(rows) for rows in space.rows()) if lists else None


def _write_configurations(part: LaneSpace, blocks: Iterator[list[Configuration]]) -> None:
    if part.models:
        write_lines([f"# {_name_lanes(part)}"])
    for block in blocks:
        if block:
            write_lines(map(str, block))


def _name_lanes(part: LaneSpace) -> str:
    lanes = f"lane{'s' if len(part.lanes) > 1 else ''} {', '.join(part.lanes)}"
    what = "" if len(part.models) == 1 else " together, what is valid on all of"
    simulated = " (simulated)" if part.simulated else ""
    return f"{lanes}{what}: {', '.join(part.models)}{simulated}"


def _lines(spec: Spec, part: LaneSpace, info: SpaceInfo) -> list[str]:
    """A space for people."""
    widths = [f"{name} ({size})" for name, size in info.parameters]
    lines = [f"{spec.name} ({format_path(spec.path)})"]
    lines += [_name_lanes(part)] if part.models else []
    lines += ["", f"parameters: {', '.join(widths)}"]
    lines.append(f"combinations: {_format_count(info.cartesian_size)}")
    lines.append(f"valid: {_format_size(info)}")
    lines.append(f"made in {_format_ms(info.construction_s)}")
    if info.constraints:
        lines += ["", "each constraint alone removes, of the combinations of its parameters:"]
        lines += [
            f"{_format_removes(constraint)}  {constraint.text}" for constraint in info.constraints
        ]
    lines += ["", *(f"warning: {text}" for text in info.warnings)] if info.warnings else []
    return lines


def _format_count(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"{count:,} ({float(count):.2g})"


def _format_size(info: SpaceInfo) -> str:
    share = info.size / info.cartesian_size if info.cartesian_size else 0.0
    if info.is_counted:
        return f"{_format_count(info.size)} ({100 * share:.3g} %)"
    if info.size == 0:
        return "too many to count, and none found among random ones"
    return (
        f"about {float(info.size):.2g} ± {100 * info.error:.2g} % ({100 * share:.2g} %), "
        "estimated: too many to count or list"
    )


def _format_ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _format_removes(info: ConstraintInfo) -> str:
    about = " " if info.is_exact else "~"
    return f"{about}{100 * info.removes:5.1f} %"


def _write_json(
    part: LaneSpace, info: SpaceInfo, blocks: Iterator[list[Configuration]] | None
) -> None:
    """One object on one line; long lists of configurations are written as they are made."""
    head = json.dumps(_to_object(part, info))
    if blocks is None:
        click.echo(head)
        return
    click.echo(head.removesuffix("}") + ', "configurations": [', nl=False)
    comma = ""
    for block in blocks:
        for configuration in block:
            click.echo(comma + json.dumps(dict(configuration)), nl=False)
            comma = ", "
    click.echo("]}")


def _to_object(part: LaneSpace, info: SpaceInfo) -> dict[str, Any]:
    return {
        "lanes": part.lanes,
        "devices": part.models,
        "simulated": part.simulated,
        "parameters": dict(info.parameters),
        "combinations": info.cartesian_size,
        "valid": info.size,
        "counted": info.is_counted,
        "relative_error": None if math.isinf(info.error) else info.error,
        "construction_s": info.construction_s,
        "constraints": [_constraint_object(constraint) for constraint in info.constraints],
        "warnings": info.warnings,
    }


def _constraint_object(info: ConstraintInfo) -> dict[str, Any]:
    return {
        "text": info.text,
        "parameters": info.names,
        "removes": info.removes,
        "exact": info.is_exact,
        "fails": info.fails,
    }
