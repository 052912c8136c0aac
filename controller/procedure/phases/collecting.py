"""Winding rolls: keyed on meters, changed on the fly by the turret or slowly with tape."""

from __future__ import annotations

from math import inf, isnan
from typing import ClassVar, Literal

from pydantic import Field

from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.common import BELT, set_points
from controller.procedure.steps import Ask, Log, Move, Put, Ramp, Steps, Switch, Until, Wait
from controller.procedure.tanks import CORE, wait_for_tanks

FLYING, TAPE = 1.0, 2.0
"""How a roll is changed, as the counter ``change_how`` keeps it."""
TURRET = "XC-701.CMD"
_LEAD_S = 240.0  # a person is asked for the next core this long before it is needed
_FIRE_S = 2.0


class Collect(Phase):
    """Wind the rolls of the recipe.

    Counters: ``roll_m`` of the present roll, ``before_m`` on the rolls before it,
    ``change_at_m`` and ``change_how`` while a person has asked for a change.
    """

    use: ClassVar[str] = "collect"
    steps: ClassVar[tuple[str, ...]] = ("begin", "wind")

    class Parameters(Params):
        """Length of a roll; 0 takes the recipe's roll length. How it is changed by itself."""

        length_m: float = Field(default=0.0, ge=0.0)
        how: Literal["flying", "tape"] = "flying"
        timeout_s: float = Field(default=86400.0, gt=0.0)

    params: Parameters

    def begin(self, ctx: Context) -> Steps:
        """The film goes to an empty core; its roll meter starts at zero, once."""
        yield from wait_for_tanks(CORE)
        self.counters["before_m"] = self._before() + self.counters.pop("roll_m", 0.0)
        if self._how() == FLYING:
            yield Put(TURRET, 1.0, "collecting begins")
        yield Switch("film.collect", on=True)
        yield Log(f"collecting begins at label {ctx.text('film.WIND.S')} m")
        yield from self._turret_back()

    def wind(self, ctx: Context) -> Steps:
        """The rolls have their length."""
        yield Switch("film.collect", on=True)
        while True:
            yield Until(lambda c: self._all(c) or self._near(c), self._text, self.params.timeout_s)
            if self._all(ctx):
                break
            yield from self._change(ctx)
        yield Switch("film.collect", on=False)
        yield Log(f"collected {self._before() + ctx.value('film.ROLL_M'):.1f} m")

    # --- change ------------------------------------------------------------------------------

    def _change(self, ctx: Context) -> Steps:
        flying = self._how() == FLYING
        place = "the free arm of the turret" if flying else "the stand, with tape, beside the roll"
        yield Ask("new_core", f"Put an empty core on {place}.", timeout_s=inf)
        if self._all(ctx):
            return
        yield Until(
            lambda c: self._meters(c) >= self._change_at(c) - self._slowing_m(c),
            self._text,
            self.params.timeout_s,
        )
        if flying:
            yield Put(TURRET, 1.0, "roll change")
        else:
            yield from self._slow_and_cut(ctx)
        self.counters["before_m"] = self._before() + self.counters.get("roll_m", 0.0)
        self.counters["roll_m"] = 0.0
        for name in ("change_at_m", "change_how"):
            self.counters.pop(name, None)
        yield Switch("roll.change", on=True)
        if flying:
            yield from self._turret_back()
        else:
            settings = ctx.settings
            yield _speed(ctx, settings.run_speed_m_min, settings.belt_offset_run_k)

    def _turret_back(self) -> Steps:
        if self._how() == FLYING:
            yield Wait(_FIRE_S, "turret indexes and cuts")
            yield Put(TURRET, 0.0, "turret at rest")

    def _slow_and_cut(self, ctx: Context) -> Steps:
        """The whole web runs at the thread speed while a person cuts and tapes it."""
        yield _speed(ctx, ctx.settings.thread_speed_m_min, ctx.settings.belt_offset_thread_k)
        yield Until(
            lambda c: self._meters(c) >= self._change_at(c), self._text, self.params.timeout_s
        )
        yield Ask("cut_tape", "Cut the web at the winder and tape it to the new core.")

    # --- meters ------------------------------------------------------------------------------

    def _length(self, ctx: Context) -> float:
        return self.params.length_m or ctx.settings.roll_length_m

    def _before(self) -> float:
        return self.counters.get("before_m", 0.0)

    def _meters(self, ctx: Context) -> float:
        meters = ctx.value("film.ROLL_M")
        if not isnan(meters):
            self.counters["roll_m"] = meters
        return meters

    def _all(self, ctx: Context) -> bool:
        """Whether everything the recipe wants is wound."""
        goal = self._length(ctx) * ctx.settings.rolls
        return self._before() + self._meters(ctx) >= goal - 1e-9

    def _how(self) -> float:
        return self.counters.get("change_how", FLYING if self.params.how == "flying" else TAPE)

    def _change_at(self, ctx: Context) -> float:
        asked = self.counters.get("change_at_m", inf)
        last = self._before() + self._length(ctx) >= self._length(ctx) * ctx.settings.rolls - 1e-9
        return min(asked, inf if last else self._length(ctx))

    def _slowing_m(self, ctx: Context) -> float:
        """Meters the line needs to slow down before a change by tape."""
        if self._how() == FLYING:
            return 0.0
        settings = ctx.settings
        now, slow = settings.run_speed_m_min, settings.thread_speed_m_min
        return 0.5 * (now + slow) * (now - slow) / settings.speed_ramp_m_min_per_min

    def _near(self, ctx: Context) -> bool:
        lead_m = _LEAD_S / 60.0 * ctx.settings.run_speed_m_min + self._slowing_m(ctx)
        asked = "change_at_m" in self.counters
        return asked or self._meters(ctx) >= self._change_at(ctx) - lead_m

    def _text(self, ctx: Context) -> str:
        at = self._change_at(ctx)
        change = "" if isnan(at) or at == inf else f", change at {at:g} m"
        total = self._length(ctx) * ctx.settings.rolls
        done = self._before() + ctx.value("film.ROLL_M")
        return f"roll {ctx.text('film.ROLL_M')} m{change}; {done:.1f} of {total:g} m in all"


def _speed(ctx: Context, target: float, offset_k: float) -> Ramp:
    """Belt and its zones to another speed, in the time the speed takes (see RampSpeed)."""
    now = ctx.set_point(f"{BELT}.SP")
    minutes = max(abs(target - now) / ctx.settings.speed_ramp_m_min_per_min, 1.0)
    moves = [
        Move(f"{z.loop}.SP", value, max(abs(value - ctx.set_point(f"{z.loop}.SP")) / minutes, 0.1))
        for z, value in set_points(ctx, ("belt",), offset_k)
    ]
    speed = Move(f"{BELT}.SP", target, ctx.settings.speed_ramp_m_min_per_min)
    return Ramp((*moves, speed), lambda c: f"speed {c.text(f'{BELT}.ACT', 2)} of {target:g} m/min")
