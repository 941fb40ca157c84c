"""Searches a recorded space with another tuner; run by bench_search.py in that tuner's interpreter.

Reads a JSON object from stdin: peer, parameters (name to values), configurations (valid ones, each
a list of values), losses (of these, null for a failure), tests, seeds. Writes one as the last line
of stdout: losses, for each seed those of its tests in order, each configuration counted once.
"""

# Only the peer that is asked for is imported:
# ruff: noqa: PLC0415

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

Losses = dict[tuple[Any, ...], float | None]

WASTED = 50
"""So many suggestions without a new valid configuration, for each test, and a search ends."""


def optuna_tpe(
    parameters: dict[str, list[Any]], losses: Losses, tests: int, seed: int
) -> list[float | None]:
    """Optuna's TPE with every parameter categorical.

    Suggestions that break the constraints are reported as failed and cost nothing, nor do
    repeated ones. Failed tests are reported with the worst loss so far.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    space = {
        name: optuna.distributions.CategoricalDistribution(values)
        for name, values in parameters.items()
        if len(values) > 1
    }
    found: dict[tuple[Any, ...], float | None] = {}
    for _ in range(tests * WASTED):
        if len(found) >= tests:
            break
        trial = study.ask(space)
        key = tuple(trial.params.get(name, values[0]) for name, values in parameters.items())
        if key not in losses:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        found[key] = losses[key]
        succeeded = [loss for loss in found.values() if loss is not None]
        loss = losses[key]
        if loss is None and not succeeded:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, max(succeeded) if loss is None else loss)
    return list(found.values())


def kernel_tuner(
    strategy: str, parameters: dict[str, list[Any]], losses: Losses, tests: int, seed: int
) -> list[float | None]:
    """One of Kernel Tuner's strategies in its simulation mode, with its own defaults."""
    import numpy as np
    from constraint import FunctionConstraint
    from kernel_tuner import interface
    from kernel_tuner.runners.simulation import SimulationRunner
    from kernel_tuner.searchspace import Searchspace

    if not hasattr(kernel_tuner, "cache"):  # both take long, and are the same for all seeds
        kernel_tuner.cache = _write_cache(parameters, losses)  # type: ignore[attr-defined]
        is_recorded = FunctionConstraint(lambda *values: values in losses)
        space = Searchspace(parameters, [is_recorded], 10**9)
        # A space remembers which neighbours were drawn, so that each search needs one of its own.
        interface.Searchspace = lambda *_, **__: copy.deepcopy(space)
    random.seed(seed)
    np.random.seed(seed)
    visited: dict[tuple[Any, ...], None] = {}
    run = SimulationRunner.run

    def watch(self: Any, rows: Any, options: Any) -> Any:
        for row in rows:
            if len(visited) < tests:
                visited[tuple(row)] = None
        return run(self, rows, options)

    SimulationRunner.run = watch
    try:
        interface.tune_kernel(
            "recorded",
            "__global__ void recorded() {}",
            1,
            [],
            parameters,
            cache=kernel_tuner.cache,  # type: ignore[attr-defined]
            lang="CUDA",
            quiet=True,
            simulation_mode=True,
            strategy=strategy,
            strategy_options={"max_fevals": tests},
        )
    finally:
        SimulationRunner.run = run
    return [losses[key] for key in visited]


def _write_cache(parameters: dict[str, list[Any]], losses: Losses) -> str:
    """The space as a file of Kernel Tuner's; its path."""
    cache = {
        ",".join(map(str, key)): {
            **dict(zip(parameters, key, strict=True)),
            **({"__error__": "RuntimeFailedConfig"} if loss is None else {}),
            "time": "RuntimeFailedConfig" if loss is None else loss,
            "compile_time": 0.0,
            "verification_time": 0.0,
            "benchmark_time": 0.0,
        }
        for key, loss in losses.items()
    }
    path = Path(tempfile.mkdtemp()) / "recorded.json"
    path.write_text(
        json.dumps(
            {
                "device_name": "recorded",
                "kernel_name": "recorded",
                "problem_size": 1,
                "tune_params_keys": list(parameters),
                "tune_params": parameters,
                "objective": "time",
                "cache": cache,
            }
        )
    )
    return str(path)


def main() -> None:
    request = json.load(sys.stdin)
    keys = [tuple(values) for values in request["configurations"]]
    losses = dict(zip(keys, request["losses"], strict=True))
    found = []
    for seed in request["seeds"]:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if request["peer"] == "optuna_tpe":
                made = optuna_tpe(request["parameters"], losses, request["tests"], seed)
            else:
                made = kernel_tuner(
                    request["peer"], request["parameters"], losses, request["tests"], seed
                )
        found.append(made)
    print(json.dumps({"losses": found}))


if __name__ == "__main__":
    main()
