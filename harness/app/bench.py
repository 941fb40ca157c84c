"""Measuring given configurations, on every device, to be compared with what they were."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.app.setup import Setup, prepare
from harness.app.sides import load_side
from harness.app.spaces import LaneSpace
from harness.config.change import change_spec
from harness.config.spec import Spec
from harness.configuration import Configuration, Value, list_spellings, show_value
from harness.errors import ConfigError
from harness.model import Outcome, SessionInfo
from harness.space.listed import list_space
from harness.space.space import Space
from harness.store.schema import has_journal
from harness.store.sessions import find_latest, load_session

REPEAT = 20
"""Runs, or samples of a kernel, of each configuration: with 1 % noise, 2 % slower is found."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which configurations are measured.

    Attributes:
        values: such as `BLOCK=4 TILE=8`; if there are any, just these.
        source: a session or a file whose best they are; None: the last search of the config.
        top: how many of the best of each device.
    """

    values: tuple[str, ...] = ()
    source: str | None = None
    top: int = 1


@dataclass(frozen=True, slots=True)
class Bench:
    """What will be measured.

    Attributes:
        sources: where the configurations are from; empty if they were given.
    """

    setup: Setup
    sources: tuple[str, ...]


def prepare_bench(spec: Spec, wanted: Wanted, *, repeat: int | None = None) -> Bench:
    """A session that measures the wanted configurations anew, each on every lane.

    Args:
        repeat: of each; None: what the config says, but at least `REPEAT`; once for the energy of
            a kernel, which is one reading of many launches.

    Raises:
        ConfigError: there are none, one is not in the space, or a lane can run none of them.
        StoreError: the journal cannot be read.
    """
    setup = prepare(_change(spec, repeat or _find_repeat(spec)))
    found = _find_configurations(spec, setup, wanted)
    read = [_read_configuration(each, setup.space, where) for where, each in found]
    chosen = list(dict.fromkeys(read))
    spaces = tuple(replace(part, space=_list(part, chosen)) for part in setup.spaces)
    token = f"{time.time_ns()}-{os.getpid()}"
    setup = replace(setup, spaces=spaces, strategy="exhaustive", bench=token)
    sources = () if wanted.values else tuple(dict.fromkeys(where for where, _ in found))
    return Bench(setup, sources)


def find_before(setup: Setup, *, bench: bool) -> int | None:
    """The latest session of the same config with results: a bench, or a search.

    Of a simulated bench a simulated one, else one that measured.
    """
    journal = setup.spec.journal_path
    if not has_journal(journal):
        return None
    return find_latest(journal, str(setup.spec.path), bench=bench, simulated=setup.simulated)


def _find_repeat(spec: Spec) -> int:
    if spec.kernel is not None and spec.scoring.optimal.endswith("_energy"):
        return 1
    return max(REPEAT, spec.scoring.repeat)


def _change(spec: Spec, repeat: int) -> Spec:
    """The same config without a search, without finals, and without files to write."""
    changed = change_spec(
        spec,
        "bench",
        distribution="replicate",
        repeat=repeat,
        # Not asked for anything: the space is made a list. `exhaustive` is refused in large ones.
        search={"strategy": "random"},
        output={"journal": str(spec.journal_path)},
    )
    if changed.kernel is None:
        return changed
    measure = msgspec.structs.replace(changed.kernel.measure, stop="repeat", finalists=False)
    kernel = msgspec.structs.replace(changed.kernel, measure=measure)
    return msgspec.structs.replace(changed, kernel=kernel)


Found = tuple[str, Mapping[str, Value]]
"""Where a configuration is from, and its values; texts where they were typed."""


def _find_configurations(spec: Spec, setup: Setup, wanted: Wanted) -> list[Found]:
    if wanted.values:
        if wanted.source is not None:
            raise ConfigError("--values and --from: both say what to measure; give one of them")
        return [(f"--values {text!r}", _split_values(text)) for text in wanted.values]
    journal = spec.journal_path
    if wanted.source is None:
        number = find_before(setup, bench=False)
        if number is None:
            how = "in simulation" if setup.simulated else "on real devices"
            raise ConfigError(
                f"{spec.path}: nothing was tuned {how} yet, so there is no best to measure; run "
                '`harness tune` first, or say what to measure with --values "NAME=VALUE …"'
            )
        stored = load_session(journal, str(number), runs=False)
        where = f"session {number}"
        return _take_best(where, stored.info, stored.outcomes, wanted.top, stored.winners)
    emitted = _read_emitted(Path(wanted.source), setup.space.names)
    if emitted is not None:
        return emitted
    side = load_side(wanted.source, journal)
    return _take_best(side.name, side.info, side.outcomes, wanted.top, side.winners)


def _split_values(text: str) -> dict[str, Value]:
    """`BLOCK=4 FLAGS='-O2 -g'`: values stay texts."""
    place = f"--values {text!r}"
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}; close the quotes") from None
    found: dict[str, Value] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in found:
            raise ConfigError(f"{place}: {word!r}: write NAME=VALUE, once for each parameter")
        found[name] = value
    return found


def _read_emitted(path: Path, names: Sequence[str]) -> list[Found] | None:
    """The values in a file that `--format values` wrote; None if it is none."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or not {"everywhere", "devices"} <= data.keys():
        return None
    tables = [data["everywhere"], *(device.get("parameters") for device in data["devices"])]
    for table in tables:
        if not isinstance(table, dict) or set(table) != set(names):
            raise ConfigError(
                f"{path}: its parameters are {', '.join(table or ())}; expected those of the "
                f"config: {', '.join(names)} (without a prefix)"
            )
    return [(str(path), table) for table in tables]


def _take_best(
    where: str,
    info: SessionInfo,
    outcomes: Iterable[Outcome],
    top: int,
    winners: Collection[int] = (),
) -> list[Found]:
    """The best of each model of device; first those that the session found to be the best."""
    models = {lane.name: lane.device.model for lane in info.lanes}
    scored = [(o.score, o) for o in outcomes if o.score is not None]
    sign = 1 if info.goal == "min" else -1
    scored.sort(key=lambda pair: (pair[1].test_id not in winners, sign * pair[0]))
    # Journals may name lanes of other sessions, which measured what this one did not again.
    other = next(iter(models.values())) if len(set(models.values())) == 1 else ""
    found: dict[str, list[Configuration]] = {}
    for _, outcome in scored:
        best = found.setdefault(models.get(outcome.lane, other), [])
        if len(best) < top and outcome.configuration not in best:
            best.append(outcome.configuration)
    if not found:
        raise ConfigError(f"{where}: no test succeeded, so there is no best; give another session")
    return [(where, configuration) for best in found.values() for configuration in best]


def _read_configuration(given: Mapping[str, Value], space: Space, where: str) -> Configuration:
    """The configuration of the space that was meant."""
    unknown = [name for name in given if name not in space.names]
    missing = [p.name for p in space.parameters if p.name not in given and len(p.values) > 1]
    if unknown or missing:
        what = f"{unknown[0]} is no parameter" if unknown else f"{', '.join(missing)} missing"
        raise ConfigError(
            f"{where}: {what}; give a value of each parameter: {', '.join(space.names)}"
        )
    values: list[Value] = []
    for parameter in space.parameters:
        wanted = given.get(parameter.name, parameter.values[0])
        text, meant = show_value(wanted), list_spellings(wanted)
        value = next((v for v in parameter.values if meant & list_spellings(v)), None)
        if value is None:
            known = ", ".join(show_value(v) for v in parameter.values)
            raise ConfigError(
                f"{where}: {parameter.name} = {text}: not a value of the config; use one of "
                f"{known}, or add it there"
            )
        values.append(value)
    return Configuration(space.names, tuple(values))


def _list(part: LaneSpace, chosen: Sequence[Configuration]) -> Space:
    """The space of just these, as far as the devices of its lanes can run them."""
    space = part.space
    valid = [configuration for configuration in chosen if space.is_valid(configuration)]
    if not valid:
        where = f" on lane {', '.join(part.lanes)}" if part.lanes else ""
        raise ConfigError(
            f"{chosen[0]}: not in the space{where}: a constraint does not hold; `harness space` "
            "shows them"
        )
    return list_space(space.parameters, valid, None, space.constraints)
