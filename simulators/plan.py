"""How long a run will take, from line and recipe: the basis of the time left.

An estimate for people who wait, not a promise: phases that wait on the plant take as long as
they take, and the plan follows what has really been reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.models import Line, Recipe
from controller.procedure.runner import Runner
from controller.procedure.states import State

_PREPARE_S = 160.0  # utilities, exhaust, purge, analyzers
_SOAK_S = 1350.0  # 20 min of good time, and settling
_THREAD_S = 100.0
_TUNE_S = 1200.0  # until layer and profile are seen and in target
_STOP_S = 80.0
_COOL_S = 3300.0  # to 60 °C, faster than 10 K/min nowhere
_EXHAUST_S = 1000.0  # 15 min after the pump, and the engineer
_WARM_FROM_C = 25.0


@dataclass(frozen=True)
class RunPlan:
    """Line seconds from here to the end after each landmark, latest landmark first."""

    after: tuple[tuple[str, float], ...]
    whole_s: float
    meters: float
    speed_m_s: float

    def left_s(self, runner: Runner, now_s: float, roll_m: float) -> float:
        """Line seconds left, from the latest landmark reached."""
        if runner.state is not State.RUNNING:
            return 0.0
        if runner.done("collecting.tune_profile") and not runner.done("collecting.collect"):
            return self.after_collecting_s + (self.meters - roll_m) / self.speed_m_s
        for phase, left in self.after:
            if runner.done(phase):
                return left
        return max(self.whole_s - now_s, self.after[-1][1])

    @property
    def after_collecting_s(self) -> float:
        """Line seconds from the end of the roll to the end of the run."""
        return dict(self.after)["collecting.collect"]


def plan_of(line: Line, recipe: Recipe) -> RunPlan:
    """Add up what each stage takes at the recipe's speeds."""
    settings = recipe.settings
    length = max(station.at_m for station in line.station)
    thread, run = settings.thread_speed_m_min / 60.0, settings.run_speed_m_min / 60.0
    hottest = max(settings.tenter_c)
    ramp = (min(hottest, 300.0) - _WARM_FROM_C) * 6.0 + max(0.0, hottest - 300.0) * 10.0 + 400.0
    through = length / thread
    faster = (
        settings.run_speed_m_min - settings.thread_speed_m_min
    ) / settings.speed_ramp_m_min_per_min * 60.0 + 600.0
    stages = (
        ("oven.ramp_oven", _PREPARE_S + ramp),
        ("oven.soak_oven", _SOAK_S),
        ("web.thread_leader", _THREAD_S),
        ("casting.pin", through),
        ("coating.start_coating", faster),
        ("collecting.tune_profile", _TUNE_S),
        ("collecting.collect", settings.roll_length_m / run),
        ("shutdown.run_out", _STOP_S + length / run * 1.15),
        ("oven.cool_oven", _COOL_S),
        ("shutdown.exhaust_off", _EXHAUST_S),
    )
    whole = sum(seconds for _, seconds in stages)
    left, landmarks = whole, []
    for phase, seconds in stages:
        left -= seconds
        landmarks.append((phase, left))
    return RunPlan(tuple(reversed(landmarks)), whole, settings.roll_length_m, run)
