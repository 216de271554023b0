"""Samples of one measure by tool and round, and what they come to: medians with their spread.

Pure: knows nothing of processes.  A value is always compared with the bare ones measured right
before and right after it, so that a machine that becomes slower in the middle of a run does not
look like a cost.
"""

from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Dict, List, Optional, Sequence

BARE = "bare"
CLEAN_ENOUGH = 3


@dataclass
class Sample:
    at: int  # number of the visit
    value: float
    clean: bool


class Spread:
    """Median and quartiles."""

    def __init__(self, values: Sequence[float]) -> None:
        ordered = sorted(values)
        self.n = len(ordered)
        self.median = median(ordered)
        self.low = ordered[(self.n - 1) // 4]
        self.high = ordered[self.n - 1 - (self.n - 1) // 4]

    def json(self) -> Dict[str, Any]:
        return {"median": self.median, "low": self.low, "high": self.high, "n": self.n}


class Measure:
    """One quantity, measured under bare and under each tool."""

    def __init__(self) -> None:
        self.samples: Dict[str, List[Sample]] = {}

    def add(self, tool: str, at: int, value: float, clean: bool) -> None:
        self.samples.setdefault(tool, []).append(Sample(at, value, clean))

    def tools(self) -> List[str]:
        return [t for t in self.samples if t != BARE]

    def usable(self, tool: str) -> List[Sample]:
        """The undisturbed samples, when there are enough of them."""
        every = self.samples.get(tool, [])
        clean = [s for s in every if s.clean]
        return clean if len(clean) >= CLEAN_ENOUGH else every

    def bare_near(self, at: int) -> Optional[float]:
        """The mean of the bare samples next to a visit."""
        every = self.samples.get(BARE, [])
        near = [s.value for s in every if abs(s.at - at) == 1] or [s.value for s in every]
        return mean(near) if near else None

    def plain(self, tool: str) -> Optional[Spread]:
        values = [s.value for s in self.usable(tool)]
        return Spread(values) if values else None

    def _pairs(self, tool: str) -> List[Sequence[float]]:
        pairs = [(s.value, self.bare_near(s.at)) for s in self.usable(tool)]
        return [(v, b) for v, b in pairs if b]

    def added(self, tool: str) -> Optional[Spread]:
        """Watched minus bare."""
        values = [v - b for v, b in self._pairs(tool)]
        return Spread(values) if values else None

    def ratio(self, tool: str) -> Optional[Spread]:
        """Watched over bare."""
        values = [v / b for v, b in self._pairs(tool)]
        return Spread(values) if values else None

    def disturbed(self) -> int:
        return sum(not s.clean for all_ in self.samples.values() for s in all_)

    def json(self) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for tool, samples in self.samples.items():
            spreads = {"plain": self.plain(tool)}
            if tool != BARE:
                spreads.update(added=self.added(tool), ratio=self.ratio(tool))
            found[tool] = {name: spread.json() for name, spread in spreads.items() if spread}
            found[tool]["raw"] = [[s.at, s.value, s.clean] for s in samples]
        return found


def over(a: Optional[Spread], b: Optional[Spread]) -> Optional[float]:
    """The ratio of two medians; None when the divisor is too small to mean anything."""
    if not a or not b or b.median <= 0:
        return None
    return a.median / b.median
