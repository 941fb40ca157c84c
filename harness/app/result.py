"""What a session gives back to a Python program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.extras import load_extra
from harness.model import Outcome, OutcomeKind, SessionInfo
from harness.report.kernel import find_measurement
from harness.report.plain import describe_score
from harness.report.summary import Summary
from harness.units import format_count, format_text


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """The end of a session.

    Attributes:
        outcomes: every test's outcome in the order of the tests, reused ones included.
        importance: outcomes around the best configuration, if they were asked for.
    """

    summary: Summary
    outcomes: tuple[Outcome, ...]

    def __repr__(self) -> str:
        parts = [self.summary.state, format_count(self.summary.progress.done, "test")]
        parts += ["simulated"] if self.info.simulated else []
        if self.best is None:
            parts.append("no test succeeded")
        else:
            score = describe_score(self.best, self.info.unit)
            parts.append(f"best {score} with {self.best.configuration}")
        return f"<Result of {format_text(self.info.name)}: {', '.join(parts)}>"

    @property
    def info(self) -> SessionInfo:
        """What the session was."""
        return self.summary.info

    @property
    def best(self) -> Outcome | None:
        """The best outcome; None if no test succeeded."""
        return self.summary.progress.best_overall()

    @property
    def complete(self) -> bool:
        """Whether the session came to its end, this time."""
        return self.summary.state == "complete"

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The outcomes without a score."""
        return tuple(o for o in self.outcomes if o.kind is not OutcomeKind.OK)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per test.

        Its id, lane, outcome, reason, score, unit, samples, simulated and compile_s; of kernels the
        metrics; then the parameters, which come last where names are the same.
        """
        metrics = [_find_metrics(outcome) for outcome in self.outcomes]
        nothing = dict.fromkeys(name for found in metrics for name in found)
        return [
            {
                "test": outcome.test_id,
                "lane": outcome.lane,
                "outcome": outcome.kind.value,
                "reason": outcome.reason,
                "score": outcome.score,
                "unit": self.info.unit,
                "samples": list(outcome.samples),
                "simulated": self.info.simulated,
                "compile_s": outcome.compile_s,
                **nothing,
                **found,
                **outcome.configuration,
            }
            for outcome, found in zip(self.outcomes, metrics, strict=True)
        ]

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`.

        Raises:
            ConfigError: pandas is not installed.
        """
        return load_extra("pandas", "pandas", "to_pandas()").DataFrame(self.to_rows())

    def to_polars(self) -> Any:
        """The rows as a `polars.DataFrame`.

        Raises:
            ConfigError: polars is not installed.
        """
        polars = load_extra("polars", "polars", "to_polars()")
        return polars.DataFrame(self.to_rows(), infer_schema_length=None, strict=False)


def _find_metrics(outcome: Outcome) -> dict[str, float]:
    measurement = find_measurement(outcome)
    return {} if measurement is None else dict(measurement.metrics)
