"""Figures of the alarm system (ISA-18.2, IEC 62682, EEMUA 191), live or from the record.

Rates, floods and shares are those of the last 24 h at most. A figure says what happened to
the person on shift: only rises and repeats count, never an acknowledgment.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from controller.events import Event

_S = 1_000_000_000
_TEN_MIN_NS, _HOUR_NS, _DAY_NS = 600 * _S, 3_600 * _S, 86_400 * _S
_MOST = 10_000  # calls kept; older ones leave first: counting them stays within a scan
_FLOOD = 10  # more rises than that in 10 min are a flood (EEMUA 191)
_CHATTER, _CHATTER_NS = 3, 60 * _S  # rises of one alarm within a minute
_FLEETING_NS = 10 * _S
_STALE_NS = _DAY_NS
_CALLS = frozenset({"alarm", "repeat"})
_STANDING = frozenset({"unacknowledged", "acknowledged"})


@dataclass(frozen=True, slots=True)
class Figures:
    """Live figures of the alarm system.

    Attributes:
        per_10_min, per_hour: calls in the last 10 min and hour.
        mean_per_10_min, most_per_10_min: over all 10 min periods.
        flood_pct: share of 10 min periods with more than 10 calls.
        top_10_pct: share of the calls that come from the ten busiest alarms.
        chattering: alarms that rose three times within a minute.
        fleeting: calls that returned within 10 s.
        stale: alarms that stand for more than 24 h.
        priorities: share of calls by priority, percent.
    """

    calls: int
    per_10_min: int
    per_hour: int
    mean_per_10_min: float
    most_per_10_min: int
    flood_pct: float
    top_10_pct: float
    chattering: int
    fleeting: int
    stale: int
    priorities: dict[str, float]

    def as_data(self) -> dict[str, object]:
        """The figures as plain data."""
        return asdict(self)


class AlarmFigures:
    """Follows the events of the alarms.

    Args:
        priorities: priority of each alarm, by name.
    """

    def __init__(self, priorities: Mapping[str, str]) -> None:
        self._priorities = priorities
        self._calls: deque[tuple[int, str]] = deque(maxlen=_MOST)
        self._fleeting: deque[int] = deque(maxlen=_MOST)
        self._since: dict[str, int] = {}
        self._began_ns = 0

    def begin(self, now_ns: int) -> None:
        """Count periods from here."""
        self._began_ns = self._began_ns or now_ns

    def hear(self, events: Iterable[Event]) -> None:
        """Take in what happened; events of other parts are passed over."""
        for event in events:
            if event.source == "alarm" and event.tag:
                self._hear(event)

    def figures(self, now_ns: int) -> Figures:
        """The figures as they stand."""
        self._forget(now_ns)
        calls = len(self._calls)
        periods = self._periods(now_ns)
        by_name = Counter(name for _, name in self._calls)
        by_priority = Counter(self._priorities.get(name, "unknown") for _, name in self._calls)
        return Figures(
            calls,
            self._within(now_ns, _TEN_MIN_NS),
            self._within(now_ns, _HOUR_NS),
            round(calls / len(periods), 3),
            max(periods),
            _percent(sum(count > _FLOOD for count in periods), len(periods)),
            _percent(sum(count for _, count in by_name.most_common(10)), calls),
            self._chattering(),
            len(self._fleeting),
            sum(now_ns - since > _STALE_NS for since in self._since.values()),
            {name: _percent(count, calls) for name, count in sorted(by_priority.items())},
        )

    def _hear(self, event: Event) -> None:
        self.begin(event.ns)
        if event.verb in _CALLS:
            self._calls.append((event.ns, event.tag))
        since = self._since.get(event.tag)
        if event.verb == "alarm":
            self._since[event.tag] = event.ns
        elif event.new not in _STANDING and since is not None:
            del self._since[event.tag]
            if event.verb == "return" and event.ns - since <= _FLEETING_NS:
                self._fleeting.append(event.ns)

    def _forget(self, now_ns: int) -> None:
        oldest = now_ns - _DAY_NS
        while self._calls and self._calls[0][0] < oldest:
            self._calls.popleft()
        while self._fleeting and self._fleeting[0] < oldest:
            self._fleeting.popleft()
        self._began_ns = max(self._began_ns, oldest)

    def _within(self, now_ns: int, span_ns: int) -> int:
        count = 0
        for ns, _ in reversed(self._calls):
            if ns <= now_ns - span_ns:
                break
            count += 1
        return count

    def _periods(self, now_ns: int) -> list[int]:
        """Calls in each 10 min since the beginning, the running one too."""
        counts = [0] * (max(0, now_ns - self._began_ns) // _TEN_MIN_NS + 1)
        for ns, _ in self._calls:
            counts[min(max(0, ns - self._began_ns) // _TEN_MIN_NS, len(counts) - 1)] += 1
        return counts

    def _chattering(self) -> int:
        rises: dict[str, list[int]] = {}
        for ns, name in self._calls:
            rises.setdefault(name, []).append(ns)
        return sum(
            any(late - early <= _CHATTER_NS
                for early, late in zip(times, times[_CHATTER - 1 :], strict=False))
            for times in rises.values()
        )  # fmt: skip


def _percent(part: int, whole: int) -> float:
    return round(100.0 * part / whole, 2) if whole else 0.0
