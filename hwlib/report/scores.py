"""Mean and spread over seeds, and when a difference counts as one."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hwlib.record import Record


@dataclass(frozen=True)
class Score:
    """Mean over `n` seeds; `sd` is the sample standard deviation, None with one seed."""

    mean: float
    sd: float | None
    n: int

    def text(self, digits: int) -> str:
        """The mean, with ± the deviation where it is known."""
        return f"{self.mean:.{digits}f}" + ("" if self.sd is None else f" ± {self.sd:.{digits}f}")

    def __str__(self) -> str:
        return self.text(2)


def score(values: Iterable[float]) -> Score:
    """Sum up one or more values, a seed each."""
    values = [float(value) for value in values]
    mean = sum(values) / len(values)
    if len(values) == 1:
        return Score(mean, None, 1)
    return Score(mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)), len(values))


def accuracy(records: Sequence[Record], model: str) -> Score | None:
    """Accuracy in percent on the target test set, over the seeds of one scenario; None when there is none."""
    values = [record.metrics["accuracy"][model] for record in records if model in record.metrics["accuracy"]]
    return score(values) if values else None


def of_all(records: Sequence[Record], metric: str, key: str) -> Score | None:
    """Entry `key` of a metric over the seeds; None where a record lacks it, for then it is of other seeds."""
    entries = [record.metrics.get(metric) for record in records]
    values = [entry.get(key) if isinstance(entry, dict) else None for entry in entries]
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    return score(numbers) if numbers and len(numbers) == len(values) else None


def oracle(records: Sequence[Record], model: str) -> Score | None:
    """Accuracy of the best observed step, chosen by the target's own labels: what is compared with, never reported."""
    return of_all(records, "oracle", model)


def measured(records: Sequence[Record], name: str) -> Score | None:
    """A metric over the seeds of one problem; None where no record has it."""
    values = [r.metrics.get(name) for r in records]
    values = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return score(values) if values else None


def signed(points: float) -> str:
    """A difference with its sign, and a minus that is one."""
    return f"{points:+.2f}".replace("-", "−")


@dataclass(frozen=True)
class Difference:
    """`points` is ours less theirs, from the two decimals that the table shows; `spread` is None with one seed."""

    points: float
    spread: float | None

    @property
    def sign(self) -> int:
        return (self.points > 0) - (self.points < 0)

    @property
    def within_spread(self) -> bool:
        return self.spread is not None and abs(self.points) <= self.spread


def difference(ours: Score, theirs: Score) -> Difference:
    """Compare two scores; the spread is the root of the summed variances, known when both have several seeds."""
    points = round(round(ours.mean, 2) - round(theirs.mean, 2), 2)
    if ours.sd is None or theirs.sd is None:
        return Difference(points, None)
    return Difference(points, round(math.hypot(ours.sd, theirs.sd), 2))
