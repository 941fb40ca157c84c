"""What the lanes' workers are asked for in kernel tests, and what their answers are worth."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal

from harness.app.kernel_files import search_folders
from harness.app.kernels import KernelTests
from harness.config.kernel_checks import TIME_NAMES
from harness.configuration import Configuration
from harness.lane import Lane
from harness.limits import device_limits
from harness.measurement import ENERGY_S, Measurement
from harness.model import Artifact, Run, Test
from harness.occupancy import compute_occupancy
from harness.stats import aggregate
from harness.timing.finalists import PER_ROUND, ROUNDS
from harness.timing.kernel import Scored
from harness.timing.launch_model import Simulation
from harness.timing.protocol import HOT_SAMPLE_S, Expectation, Measure
from harness.timing.stopping import Rival, RuleName, Stopping, find_rival, share_risk

FLOPS = {"gflops": 1e9, "tflops": 1e12}
BYTES = {"gbps": 1e9}
"""Metrics that say what a launch does: their value times the time, times this."""


FINAL = Stopping("repeat", repeat=PER_ROUND)
"""Of every run of a test but its first, which are those of the finals."""
ENERGY_INDEX = ROUNDS + 1
RETAKES = range(ENERGY_INDEX + 1, ENERGY_INDEX + 3)
"""Of the runs of a test whose measurement was suspect: so often at most."""
FOR_ENERGY = Stopping("precision", precision=1e-12, max_samples=1 << 30, max_s=ENERGY_S)
"""Of the run that follows the finals, where energy is asked for: long enough to tell."""


class KernelMeasures:
    """How the tests of a kernel are measured and scored.

    Attributes:
        by_energy: whether the objective is the energy of a launch.
    """

    def __init__(self, tests: KernelTests) -> None:
        self._tests = tests
        self._spec = tests.spec
        self._table = tests.kernel
        self.by_energy = tests.spec.scoring.optimal.endswith("_energy")

    def _expect(self, lane: Lane, artifact: Artifact | None) -> Expectation | None:
        reference = self._table.reference
        if reference is None:
            return None
        name = reference.function or reference.file or ""
        if artifact is None or self._tests.reference_launch is None:
            return Expectation(name, reference.atol, reference.rtol)
        values = self._tests.values(Configuration((), ()), lane.device)
        launch = self._tests.reference_launch.expand(values)
        return Expectation(
            artifact.function,
            reference.atol,
            reference.rtol,
            artifact.path,
            launch,
            self._find_symbols(artifact),
        )

    def _find_symbols(self, artifact: Artifact) -> dict[str, str]:
        """What the driver finds the variables of a binary by that are arguments, by name."""
        found = self._tests.find_variables(artifact)
        return {name: variable.symbol for name, variable in found.items()}

    def make_request(
        self,
        test: Test,
        lane: Lane,
        index: int,
        best: Run | None,
        reference: Callable[[], Artifact | None],
    ) -> Measure:
        """What the lane's worker is asked for a run of the test.

        Args:
            reference: the binary of the reference, where that is a kernel; asked for if needed.
        """
        assert test.artifact is not None, "a kernel is compiled before it is run"
        kernel, device = self._table, lane.device
        data = self._spec.mock.verify or not device.simulated
        verify = data and index == 0  # what meets again was verified before
        own = [str(folder) for folder in search_folders(self._spec)]
        # What this process finds, workers find.
        folders = tuple(dict.fromkeys([*own, *(folder for folder in sys.path if folder)]))
        expectation = self._expect(lane, reference()) if verify else None
        mode, stopping, sample_s = kernel.measure.mode, FINAL, HOT_SAMPLE_S
        if index == ENERGY_INDEX or self.by_energy:
            mode, stopping, sample_s = "hot", FOR_ENERGY, 0.01
        elif index == 0 or index in RETAKES:
            stopping = self._stopping(test.configuration, lane, best)
        return Measure(
            number=test.id,
            module=test.artifact.path,
            function=test.artifact.function,
            launch=self._tests.launch_of(test.configuration, device),
            arguments=self._tests.arguments_of(test.configuration, device),
            mode=mode,
            stopping=stopping,
            sample_s=sample_s,
            folders=folders,
            expectation=expectation,
            data=data,
            convention="numba" if kernel.language == "numba" else "c",
            variables={} if device.simulated else self._find_symbols(test.artifact),
            simulation=self._simulate(test, lane, index) if device.simulated else None,
        )

    @property
    def rule(self) -> RuleName | Literal["energy"]:
        """When there are enough samples; `auto` resolved."""
        if self.by_energy:
            return "energy"
        if self._table.measure.stop == "auto":
            return "repeat" if self._spec.scoring.repeat > 1 else "precision"
        return self._table.measure.stop

    def _stopping(self, configuration: Configuration, lane: Lane, best: Run | None) -> Stopping:
        measure, repeat, name = self._table.measure, self._spec.scoring.repeat, self.rule
        assert name != "energy"
        risk = share_risk(self._tests.size or 10_000, measure.max_samples)
        return Stopping(
            name,
            repeat,
            measure.precision,
            measure.max_samples,
            measure.max_s,
            risk,
            self._rival(configuration, lane, best, risk) if name == "race" else None,
        )

    def _rival(
        self, configuration: Configuration, lane: Lane, best: Run | None, risk: float
    ) -> Rival | None:
        """What the best run so far sets for this configuration to beat, in its own seconds.

        None where less time is not better: then nothing can be given up.
        """
        if best is None or best.measurement is None or best.sample is None:
            return None
        rival = find_rival(best.measurement.samples_s, risk)
        metric, highest = self._spec.scoring.metric, self._spec.scoring.optimal.startswith("max")
        if metric is None or rival is None:
            return None if highest else rival
        # Of a rate (something / time_s), the time that would give the same.
        once, twice = (
            self._tests.metrics[metric].number(
                self._tests.times(configuration, lane.device, time_s)
            )
            for time_s in (1.0, 2.0)
        )
        if not highest or once <= 0 or best.sample <= 0 or abs(once / twice - 2) > 1e-6:
            return None
        equal_s = once / best.sample
        return Rival(equal_s, equal_s * rival.upper_s / rival.best_s)

    def score(self, test: Test, lane: Lane, measured: Measurement) -> Scored:
        """What the samples of a test are worth: its objective, and all metrics."""
        time_s = aggregate(measured.samples_s, self._spec.scoring.aggregate)
        values = self._tests.times(test.configuration, lane.device, time_s)
        metrics = {name: formula.number(values) for name, formula in self._tests.metrics.items()}
        chosen = self._spec.scoring.metric
        if self.by_energy:
            return _score_energy(measured.energy_j, tuple(metrics.items()))
        if chosen is None:
            return Scored(time_s, tuple(metrics.items()))
        worths = tuple(
            self._tests.metrics[chosen].number({**values, TIME_NAMES[0]: sample_s})
            for sample_s in measured.samples_s
        )
        return Scored(metrics[chosen], tuple(metrics.items()), worths)

    def costs(
        self, configuration: Configuration, lane: Lane, measurement: Measurement
    ) -> list[float]:
        """What was measured means for the objective, such that less is better."""
        if self.by_energy:
            return [] if measurement.energy_j is None else [measurement.energy_j]
        return [self._cost(configuration, lane, sample_s) for sample_s in measurement.samples_s]

    def _cost(self, configuration: Configuration, lane: Lane, time_s: float) -> float:
        chosen, optimal = self._spec.scoring.metric, self._spec.scoring.optimal
        worth = time_s
        if chosen is not None:
            worth = self._tests.metrics[chosen].number(
                self._tests.times(configuration, lane.device, time_s)
            )
        return 1 / worth if optimal.startswith("max") else worth

    # -- simulating --------------------------------------------------------------------------

    def _simulate(self, test: Test, lane: Lane, index: int) -> Simulation:
        assert test.artifact is not None
        device, configuration = lane.device, test.configuration
        launch = self._tests.launch_of(configuration, device)
        occupancy = compute_occupancy(
            test.artifact.resources,
            threads=launch.threads,
            shared_bytes=launch.shared_bytes,
            limits=device_limits(device),
        )
        at_one = self._tests.times(configuration, device, 1.0)
        flops = [
            f * self._tests.metrics[n].number(at_one)
            for n, f in FLOPS.items()
            if n in self._tests.metrics
        ]
        moved = [
            f * self._tests.metrics[n].number(at_one)
            for n, f in BYTES.items()
            if n in self._tests.metrics
        ]
        return Simulation(
            configuration.names,
            configuration.values_,
            resident=max(1, occupancy.blocks) if occupancy else 1,
            occupancy=max(0.01, occupancy.fraction) if occupancy else 1.0,
            flops=max(flops, default=0.0),
            transferred_bytes=max(moved, default=0.0),
            round=index,
        )


def _score_energy(energy_j: float | None, metrics: tuple[tuple[str, float], ...]) -> Scored:
    if energy_j is None:
        return Scored(None, metrics, reason="the device's counter of energy told nothing")
    return Scored(energy_j, metrics, (energy_j,))
