"""Scanner against gel gauge and pump: three ways to the same thickness (fault F11).

Every scanner pass is compared with what the gel gauge and the pump said of the same film when
it was there. The ratio found in the first good passes is the reference, because each gauge has
its own fixed error; later passes must agree with it within 2 % (process specification 10).
A scanner that contradicts both, or the one of them that is known, is in doubt at once (its
mean is bad, so the thickness loop stands still) and not trusted after three passes, until
three passes agree again. A pump that wears contradicts scanner and gel gauge, and is believed
by neither.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field

LIMIT = 0.02
FIRST_LIMIT = 0.05  # fixed errors: scanner 0.3 um of 12.5 um, gel gauge 1.5 %, pump slip
LEARN_PASSES = 5
DOUBT_PASSES = 3
BLIND_PASSES = 3  # passes in a row in which the scanner saw nothing new
HEAD_M = 3.0  # film that was still being spread when the first of it was cast
_KEPT_M = 80.0
_SPACING_M = 0.2
_NEAR_M = 2.0


@dataclass(slots=True)
class Memory:
    """What one way said of the film, by label."""

    labels: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def take(self, label_m: float, value: float) -> None:
        """Note a value of the film with this label; labels must grow."""
        labels = self.labels
        if math.isnan(value) or math.isnan(label_m):
            return
        if labels and label_m - labels[-1] < _SPACING_M:
            return
        labels.append(label_m)
        self.values.append(value)
        if label_m - labels[0] > 2.0 * _KEPT_M:
            old = bisect_left(labels, label_m - _KEPT_M)
            del labels[:old], self.values[:old]

    def at(self, label_m: float) -> float:
        """Value of the film with this label; NaN where nothing near it is known."""
        labels = self.labels
        if not labels or label_m < labels[0] + HEAD_M:
            return math.nan
        later = min(bisect_left(labels, label_m), len(labels) - 1)
        near = min((later, max(later - 1, 0)), key=lambda k: abs(labels[k] - label_m))
        return self.values[near] if abs(labels[near] - label_m) <= _NEAR_M else math.nan


@dataclass(slots=True)
class Way:
    """One way to the thickness, with the scanner's reference ratio to it."""

    memory: Memory = field(default_factory=Memory)
    reference: float = math.nan
    _sum: float = 0.0
    _count: int = 0

    def deviation(self, label_m: float, core_um: float) -> float:
        """Scanner over this way, relative to the reference; NaN when it is not known."""
        known = self.memory.at(label_m)
        return core_um / known / (1.0 if math.isnan(self.reference) else self.reference) - 1.0

    def limit(self) -> float:
        """Deviation allowed now."""
        return FIRST_LIMIT if math.isnan(self.reference) else LIMIT

    def learn(self, label_m: float, core_um: float) -> None:
        """Take a pass that agrees into the reference, until there is one."""
        known = self.memory.at(label_m)
        if math.isnan(known) or not math.isnan(self.reference):
            return
        self._sum += core_um / known
        self._count += 1
        if self._count >= LEARN_PASSES:
            self.reference = self._sum / self._count


class GaugeAgreement:
    """Judges the scanner pass by pass.

    Attributes:
        trusted: its thickness counts as measured.
        doubt: the last pass contradicted; the loops must not act on it.
        off_pct: its last deviation from the gel gauge (else the pump), %; NaN when unknown.
    """

    def __init__(self) -> None:
        self.trusted = True
        self.doubt = False
        self.off_pct = math.nan
        self.gel, self.pump = Way(), Way()
        self._off = self._agreed = self._blind = 0

    def judge(self, label_m: float, core_um: float) -> bool:
        """Take one scanner pass over film with this label; True when it may count."""
        self._blind = 0
        ways = (self.gel, self.pump)
        found = [(way, way.deviation(label_m, core_um)) for way in ways]
        known = [(way, off) for way, off in found if not math.isnan(off)]
        if not known and self._off == 0:  # it may have been blind only
            self._count(contradicts=False)
        if known:
            self.off_pct = 100.0 * known[0][1]
            contradicts = all(abs(off) > way.limit() for way, off in known)
            self._count(contradicts=contradicts)
            if not contradicts:
                for way, _ in known:
                    way.learn(label_m, core_um)
        return self.trusted and not self.doubt

    def unseen(self) -> None:
        """Take a pass in which the scanner saw too little, or always the same."""
        self._blind += 1
        if self._blind >= BLIND_PASSES:
            self.trusted = False
            self._agreed = 0

    def _count(self, *, contradicts: bool) -> None:
        self.doubt = contradicts
        self._off = self._off + 1 if contradicts else 0
        self._agreed = 0 if contradicts else self._agreed + 1
        if self._off >= DOUBT_PASSES:
            self.trusted = False
        elif self._agreed >= DOUBT_PASSES:
            self.trusted = True
