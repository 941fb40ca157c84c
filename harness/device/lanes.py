"""From `parallel` to lanes: which name runs on which device, and what its tests see. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from harness.device.selectors import find_candidates, is_selector, list_devices
from harness.errors import ConfigError, DeviceError
from harness.lane import MAX_LANES, DeviceInfo, Lane
from harness.units import NO_WHOLE_NUMBER, WHOLE_NUMBER, is_number_like

Parallel = int | str | Sequence[str] | Mapping[str, int | str]
"""`auto`, a number, names, or names with selectors."""

Pin = Literal["visible", "ordinal", "none"]

_Wish = tuple[str, int | str | None]
"""A lane's name and its selector, if it has one."""


def parse_parallel(text: str) -> int | str | tuple[str, ...] | dict[str, int | str]:
    """`parallel` as written on a command line.

    `auto`; `4`; `left,right` (or with spaces); `left=GPU-8f2c,right=0000:65:00.0,slow=2`.
    With selectors, only commas separate, since a model's name may hold spaces; names without a
    selector in such a list are not allowed.

    Raises:
        ConfigError: none of these.
    """
    text = text.strip()
    if text.lower() == "auto":
        return "auto"
    if WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if is_number_like(text):
        raise ConfigError(f"parallel = {text}: {NO_WHOLE_NUMBER}")
    if "=" not in text:
        return tuple(word for word in re.split(r"[,\s]+", text) if word)
    table: dict[str, int | str] = {}
    for part in text.split(","):
        name, equals, selector = (word.strip() for word in part.partition("="))
        if not (name and equals and selector):
            raise ConfigError(
                f"parallel = {text}: {part.strip()!r} is not NAME=DEVICE; give each lane a device, "
                "or none of them"
            )
        if name in table:
            raise ConfigError(f"parallel = {text}: lane {name!r} is there twice; rename one")
        table[name] = int(selector) if WHOLE_NUMBER.fullmatch(selector) else selector
    return table


def count_devices(parallel: Parallel) -> int | None:
    """How many devices the lanes need, for backends that divide or invent theirs.

    As many as lanes, or as many as it takes for the highest index asked for to exist; None for
    `auto`.
    """
    wishes = _list_wishes(parallel)
    if wishes is None:
        return None
    asked = [str(name if selector is None else selector).lower() for name, selector in wishes]
    ordinals = [re.fullmatch(r"(?:gpu|cuda|mock|cpu):?([0-9]+)", text) for text in asked]
    indices = [int(ordinal[1]) for ordinal in ordinals if ordinal]
    indices += [int(s) for _, s in wishes if s is not None and WHOLE_NUMBER.fullmatch(str(s))]
    return max(len(wishes), *(index + 1 for index in indices), 0)


def make_lanes(
    parallel: Parallel,
    devices: Sequence[DeviceInfo],
    *,
    pin: Pin = "visible",
    oversubscribe: bool = False,
) -> tuple[Lane, ...]:
    """The lanes, each with its device and the environment of its tests.

    `auto` is one lane per device, a number N makes lanes `0` … `N-1`, names make a lane each. Lanes
    with a selector, or a name that is one, get that device; the others take the free devices in
    order. With `oversubscribe` they share the least used devices when none is free.

    Args:
        parallel: see `Parallel`.
        devices: what was discovered, in its order.
        pin: what tests see of the lanes' GPUs; see `Lane.environment` and the config's `pin`.
        oversubscribe: whether lanes may share a device.

    Raises:
        ConfigError: a wrong name or selector, or a `pin` that cannot work.
        DeviceError: more lanes than devices.
    """
    wishes = _list_wishes(parallel)
    if wishes is None:
        wishes = [(str(number), None) for number in range(len(devices))]
    if not devices:
        raise DeviceError("parallel: no lane can be made, since there are no devices")
    _check_names([name for name, _ in wishes])
    plain = isinstance(parallel, int) or parallel == "auto"
    if not plain:
        wishes = [(n, n if s is None and is_selector(n, devices) else s) for n, s in wishes]
    if len(wishes) > len(devices) and not oversubscribe:
        raise _too_few(len(wishes), devices)
    chosen = _choose(wishes, devices, oversubscribe=oversubscribe)
    if pin == "ordinal":
        _check_ordinals(chosen)
    return tuple(
        Lane(name, index, device, _make_environment(name, index, chosen, pin))
        for index, ((name, _), device) in enumerate(zip(wishes, chosen, strict=True))
    )


def _list_wishes(parallel: Parallel) -> list[_Wish] | None:
    """Each lane's name and selector; None for `auto`."""
    if isinstance(parallel, str):
        parsed = parse_parallel(parallel)
        return None if isinstance(parsed, str) else _list_wishes(parsed)
    if isinstance(parallel, int):
        if parallel > MAX_LANES:
            raise ConfigError(f"parallel = {parallel}: must be at most {MAX_LANES}")
        return [(str(number), None) for number in range(parallel)]
    if isinstance(parallel, Mapping):
        return list(parallel.items())
    return [(name, None) for name in parallel]


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise ConfigError("parallel: no lanes; use auto, a number of at least 1, or names")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"parallel: lane {twice[0]!r} is there twice; rename one")
    if any(not name.strip() or not name.isprintable() for name in names):
        raise ConfigError(f"parallel: a lane's name is empty or unprintable: {list(names)!r}")


def _too_few(lanes: int, devices: Sequence[DeviceInfo]) -> DeviceError:
    return DeviceError(
        f"parallel: {lanes} lanes, but {len(devices)} device{'s' if len(devices) != 1 else ''} "
        f"({list_devices(devices)}); use fewer lanes, or oversubscribe = true "
        "(--oversubscribe) to let lanes share devices, which then disturb each other"
    )


def _choose(
    wishes: Sequence[_Wish], devices: Sequence[DeviceInfo], *, oversubscribe: bool
) -> list[DeviceInfo]:
    """A device for each wish: first those with one choice, then `name:…`, then the rest."""
    candidates = [devices if s is None else find_candidates(s, devices) for _, s in wishes]
    order = sorted(
        range(len(wishes)),
        key=lambda n: (wishes[n][1] is None, len(candidates[n]) if wishes[n][1] is not None else 0),
    )
    users: dict[int, list[str]] = {device.index: [] for device in devices}
    chosen: dict[int, DeviceInfo] = {}
    for n in order:
        name, selector = wishes[n]
        device = min(candidates[n], key=lambda device: len(users[device.index]))
        if users[device.index] and not oversubscribe:
            asked = "" if selector is None else f" asks for {selector!r}, but"
            raise DeviceError(
                f"parallel: lane {name!r}{asked} device {device.index} ({device.name}) is lane "
                f"{users[device.index][0]!r}'s already; select another, or use "
                "oversubscribe = true (--oversubscribe) to let lanes share devices; "
                f"{list_devices(devices)}"
            )
        if users[device.index] and device.compute_mode == "exclusive_process":
            raise DeviceError(
                f"parallel: lane {name!r} cannot share device {device.index} ({device.name}): its "
                "compute mode admits one process; allow more with nvidia-smi -c 0"
            )
        users[device.index].append(name)
        chosen[n] = device
    return [chosen[n] for n in range(len(wishes))]


def _check_ordinals(chosen: Sequence[DeviceInfo]) -> None:
    """Refuse what CUDA would answer by showing no GPU at all, or only one slice."""
    if not _is_cuda(chosen[0]):
        return
    if len({device.uuid for device in chosen}) < len(chosen):
        raise ConfigError(
            'pin = "ordinal" with lanes that share a device: CUDA hides every GPU when one is '
            'listed twice; use pin = "visible"'
        )
    if len(chosen) > 1 and any(device.parent_uuid for device in chosen):
        raise ConfigError(
            'pin = "ordinal" with MIG slices: a process can see only one slice; use pin = "visible"'
        )


def _make_environment(
    name: str, index: int, chosen: Sequence[DeviceInfo], pin: Pin
) -> tuple[tuple[str, str], ...]:
    """What a lane adds to its tests' environment.

    `HARNESS_PARALLEL`: the lane's name. Pinned lanes on GPUs also get the GPUs that the test sees,
    and `HARNESS_ORDINAL`: the number by which it sees its own.
    """
    environment = {"HARNESS_PARALLEL": name}
    if pin != "none" and _is_cuda(chosen[index]):
        seen = [chosen[index]] if pin == "visible" else chosen
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(
            device.cuda_name or device.uuid for device in seen
        )
        environment["HARNESS_ORDINAL"] = "0" if pin == "visible" else str(index)
    return tuple(environment.items())


def _is_cuda(device: DeviceInfo) -> bool:
    """Whether it is a GPU, real or simulated."""
    return device.kind in ("cuda", "mock")
