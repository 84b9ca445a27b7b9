"""One comparison: what is timed, how, and what its result says."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from coursework.runtime import seconds

ROUNDS = 5


@dataclass(frozen=True)
class Case:
    """`ours` against `rival`, on data that both close over; `agree` tells whether their results are the same.

    `target` is how many times faster ours must be, or None for a comparison without a promise.
    """

    name: str
    title: str
    setting: str
    target: float | None
    ours: Callable[[], object]
    rival: Callable[[], object]
    agree: Callable[[object, object], bool]


@dataclass(frozen=True)
class Timing:
    """Seconds of each round, ours and the rival's."""

    case: Case
    ours: list[float]
    rival: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times faster ours is, round by round: a machine that slows down slows both."""
        return [rival / ours for ours, rival in zip(self.ours, self.rival, strict=True)]

    @property
    def ratio(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        """Largest ratio minus smallest."""
        return max(self.ratios) - min(self.ratios)

    @property
    def verdict(self) -> str:
        """A ratio within its spread of the target counts as missed."""
        if self.case.target is None:
            return "no target"
        return "met" if self.ratio - self.spread > self.case.target else "MISSED"


def time_case(case: Case, rounds: int = ROUNDS) -> Timing:
    """Run both in turn, `rounds` times, on one thread each, after one warm-up of each that also checks agreement.

    Raises: RuntimeError if the two do not agree, for then their times say nothing.
    """
    with threadpool_limits(1):
        if not case.agree(case.ours(), case.rival()):
            raise RuntimeError(f"{case.name}: ours and the rival give different results")
        pairs = [(seconds(case.ours), seconds(case.rival)) for _ in range(rounds)]
    ours, rival = map(list, zip(*pairs, strict=True))
    return Timing(case, ours, rival)
