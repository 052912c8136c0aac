"""Distribution of trip latencies: per hazard and in total, as a table and as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.trip_line import Trial

COMMANDS_BAR_S, ACTUATORS_BAR_S = 1.0, 3.0
TOTAL = "all"
_SHARES = (0.50, 0.95, 0.99)


@dataclass(frozen=True)
class Spread:
    """Median, 95 and 99 % and longest of some times, s; a time before it was due counts as 0."""

    p50: float
    p95: float
    p99: float
    longest: float

    def __str__(self) -> str:
        return " | ".join(f"{value:.2f}" for value in self.values)

    @property
    def values(self) -> tuple[float, float, float, float]:
        """All four."""
        return self.p50, self.p95, self.p99, self.longest


@dataclass(frozen=True)
class Figures:
    """One line of the table."""

    hazard: str
    trials: int
    before_due: int
    lag_s: float
    commands: Spread
    actuators: Spread


def spread(times: Iterable[float]) -> Spread:
    """Nearest-rank percentiles; NaN (it never happened) is longer than any time.

    Raises:
        ValueError: there are no times.
    """
    ranked = sorted(math.inf if math.isnan(time) else max(time, 0.0) for time in times)
    if not ranked:
        raise ValueError("no times, so no distribution")
    p50, p95, p99 = (ranked[math.ceil(share * len(ranked)) - 1] for share in _SHARES)
    return Spread(p50, p95, p99, ranked[-1])


def misses(trials: Iterable[Trial]) -> list[Trial]:
    """Trials that held a bar not, whose row did not act, or that failed to run."""
    return [
        trial
        for trial in trials
        if trial.error
        or not trial.acted
        or not trial.commands_s <= COMMANDS_BAR_S
        or not trial.actuators_s <= ACTUATORS_BAR_S
    ]


def figures(trials: Sequence[Trial]) -> list[Figures]:
    """One line per hazard in their order, and the total."""
    hazards = sorted({trial.hazard for trial in trials}, key=lambda name: int(name[1:]))
    lines = [_line(name, [t for t in trials if t.hazard == name]) for name in hazards]
    return [*lines, _line(TOTAL, trials)]


def _line(name: str, trials: Sequence[Trial]) -> Figures:
    return Figures(
        name,
        len(trials),
        sum(trial.commands_s < 0.0 for trial in trials),
        max(trial.lag_s for trial in trials),
        spread(trial.commands_s for trial in trials),
        spread(trial.actuators_s for trial in trials),
    )


def table(lines: Sequence[Figures]) -> str:
    """Markdown, as in docs/reliability.md."""
    columns = (
        *("Hazard", "Trips", "Safe before due", "Longest lag of plant and sensor"),
        *("Commands: p50", "p95", "p99", "max", "Actuators: p50", "p95", "p99", "max"),
    )
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n"
    rows = (
        f"| {one.hazard} | {one.trials} | {one.before_due} | {one.lag_s:.1f} | {one.commands} "
        f"| {one.actuators} |"
        for one in lines
    )
    return head + "\n".join(rows)


# --- the picture ---------------------------------------------------------------------------------

_LEFT, _TOP, _ROW, _WIDE = 50, 46, 22, 560
_FULL_S = 1.2


def picture(lines: Sequence[Figures]) -> str:
    """Commands on the wire per hazard as SVG: bar to the longest, strokes at p50, p95 and p99."""
    bottom = _TOP + _ROW * len(lines)
    size = f"{_LEFT + _WIDE + 70} {bottom + 34}"
    font = 'font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" {font}>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        _text(_LEFT, 18, "True trip condition to safe commands in every device, s", "start"),
        _text(_LEFT, 34, "bar: to the longest; strokes: 50, 95, 99 %", "start", "#666"),
        *(_grid(tenth / 10.0, bottom) for tenth in range(0, 13, 2)),
    ]
    for number, one in enumerate(lines):
        parts += _row(_TOP + _ROW * number, one)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(seconds: float) -> float:
    return round(_LEFT + _WIDE * min(seconds, _FULL_S) / _FULL_S, 1)


def _text(x: float, y: float, words: str, anchor: str, color: str = "#222") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}">{words}</text>'


def _grid(seconds: float, bottom: int) -> str:
    bar = math.isclose(seconds, COMMANDS_BAR_S)
    color, wide = ("#c0392b", 2) if bar else ("#ddd", 1)
    x = _x(seconds)
    line = f'<path d="M{x} {_TOP - 4}V{bottom + 4}" stroke="{color}" stroke-width="{wide}"/>'
    return line + _text(x, bottom + 20, f"{seconds:.1f}", "middle", color if bar else "#666")


def _row(y: int, one: Figures) -> list[str]:
    p50, p95, p99, longest = (_x(value) for value in one.commands.values)
    strokes = "".join(f"M{x} {y + 3}v14" for x in (p50, p95, p99))
    color = "#7f8c8d" if one.hazard == TOTAL else "#8fb8de"
    place = f'x="{_LEFT}" y="{y + 5}" width="{round(longest - _LEFT, 1)}" height="10"'
    return [
        _text(_LEFT - 8, y + 14, one.hazard, "end"),
        f'<rect {place} fill="{color}"/>',
        f'<path d="{strokes}" stroke="#1b4f72" stroke-width="2"/>',
        _text(_LEFT + _WIDE + 8, y + 14, f"n = {one.trials}", "start", "#666"),
    ]
