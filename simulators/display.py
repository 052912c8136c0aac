"""Progress of a dry run on a terminal: what it does, what it waits for, how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from controller.procedure.states import State
from controller.report.page import duration
from simulators.dry_run import DryRun
from simulators.plan import RunPlan, plan_of

_REFRESH_S = 0.2  # wall seconds between pictures


class Display:
    """A live picture of the run; plain lines, one a phase, when there is no terminal."""

    def __init__(self, console: Console, wall: Callable[[], float] = time.perf_counter) -> None:
        self._console = console
        self._wall = wall
        self._started = wall()
        self._shown = 0.0
        self._plan: RunPlan | None = None
        self._said = ""
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, run: DryRun) -> None:
        """Show the run now; called once a line second."""
        if self._plan is None:
            self._plan = plan_of(run.files.line, run.files.recipe)
        left_s = self._plan.left_s(run.kernel.runner, run.now_s, run.kernel.film.roll_m)
        if not self._console.is_terminal:
            self._say_phase(run, left_s)
        elif self._wall() - self._shown >= _REFRESH_S:
            self._shown = self._wall()
            self._live.update(self._picture(run, left_s), refresh=True)

    def _say_phase(self, run: DryRun, left_s: float) -> None:
        runner = run.kernel.runner
        phases = ", ".join(w.phase for w in runner.waiting_for() if w.step)
        doing = f"{runner.state.name:<9} {phases}"
        if doing != self._said:
            self._said = doing
            running = runner.state is State.RUNNING
            more = f"about {duration(left_s)} of line time left" if running else runner.reason
            self._console.print(f"{duration(run.now_s):>12}  {doing}  ({more})", soft_wrap=True)

    def _picture(self, run: DryRun, left_s: float) -> RenderableType:
        wall_s = self._wall() - self._started
        speed = run.now_s / wall_s if wall_s else 0.0
        total = run.now_s + left_s
        left = f"left {duration(left_s)} of line time"
        if speed:
            left += f", about {duration(left_s / speed)} here"
        runner = run.kernel.runner
        head = Text.assemble(
            ("SIMULATED  ", "bold"), f"{run.options.lot}  {runner.state.name}  line time "
            f"{duration(run.now_s)}  {speed:.0f}x  {left}"
        )  # fmt: skip
        bar = Table.grid(expand=True)  # a bare bar ends without a line end
        bar.add_row(ProgressBar(total=total, completed=run.now_s))
        parts: list[RenderableType] = [head, bar]
        if runner.reason and runner.state.name not in {"RUNNING", "COMPLETE"}:
            parts.append(Text(runner.reason, style="bold"))
        parts += [_phases(run), _values(run)]
        return Group(*parts)


def _phases(run: DryRun) -> Table:
    table = Table.grid(padding=(0, 2))
    for waiting in run.kernel.runner.waiting_for():
        if waiting.step:
            table.add_row(waiting.unit, waiting.phase, Text(waiting.text, overflow="ellipsis"))
    return table


def _values(run: DryRun) -> Table:
    table = Table.grid(padding=(0, 2))
    zones = [zone for zone in run.files.line.zone if zone.contactor is not None]
    table.add_row(
        "zones °C", "  ".join(f"{z.name} {_value(run, f'{z.loop}.PV', 0)}" for z in zones)
    )
    table.add_row(
        "film",
        f"{_value(run, 'SIC-210.ACT', 2)} m/min   cast {_value(run, 'film.CAST_M', 1)} m   "
        f"roll {_value(run, 'film.ROLL_M', 1)} m",
    )
    table.add_row(
        "quality",
        f"LOH {_value(run, 'QI-LOH.PEEL', 1)} %   core {_value(run, 'QI-CORE.MEAN', 2)} µm   "
        f"CD 2 sigma {_value(run, 'QI-CD2S.SCAN', 2)} %   "
        f"layer {_value(run, 'QI-LAYER.AIR', 3)} µm",
    )
    return table


def _value(run: DryRun, tag: str, digits: int) -> str:
    """A live value, or a dash when it is not GOOD: a bad value is never shown as a number."""
    table = run.kernel.table
    value, quality = table.read(table.index(tag), run.kernel.clock.utc_ns())
    return f"{value:.{digits}f}" if quality == 0 else "-"
