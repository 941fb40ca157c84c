"""How much each parameter matters: extra tests around the best configuration."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.search.listed import Listed
from harness.space.space import Space


def vary_one(space: Space, best: Configuration) -> Iterator[tuple[str, Configuration]]:
    """The valid configurations that differ from `best` in one parameter, with that parameter.

    In the order of the parameters, then of their values.
    """
    for parameter in space.parameters:
        for value in parameter.values:
            if value == best[parameter.name]:
                continue
            varied = {**best, parameter.name: value}
            neighbour = Configuration(space.names, tuple(varied[name] for name in space.names))
            if space.is_valid(neighbour):
                yield parameter.name, neighbour


class Importance(Listed):
    """Tests the configurations that differ from the best in one parameter."""

    def __init__(self, space: Space, best: Configuration) -> None:
        super().__init__(neighbour for _, neighbour in vary_one(space, best))
