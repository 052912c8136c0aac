"""Before there is heat: utilities, exhaust, purge, analyzers; and the exhaust's own end."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from config.models import Role
from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.common import (
    FANS,
    FLASH_POINT_SAFE_C,
    PUMP,
    all_below,
    fans_to,
    hottest,
    vapor,
)
from controller.procedure.steps import Ask, Log, Move, Put, Ramp, Steps, Switch, Until

_FAN_MAXIMUM = 2.5  # full fan speed moves this times the table flow


class ProveUtilities(Phase):
    """Safety circuit, air, chilled water and room air are as a start needs them."""

    use: ClassVar[str] = "prove_utilities"
    steps: ClassVar[tuple[str, ...]] = ("safety_circuit", "media", "tenter_empty")

    class Parameters(Params):
        """Limits for a start."""

        chill_l_min: float = Field(default=5.0, ge=0.0)
        room_ppm: float = Field(default=10.0, gt=0.0)
        ask_empty: bool = True
        timeout_s: float = Field(default=300.0, gt=0.0)

    params: Parameters

    def safety_circuit(self, ctx: Context) -> Steps:
        """Emergency stop, guards, fire contact and compressed air are healthy."""
        _ = ctx
        tags = ("HS-901.OK", "ZS-902.OK", "XS-903.OK", "PS-904.OK")
        yield Until(
            lambda c: all(c.on(tag) for tag in tags),
            lambda c: f"healthy {', '.join(tag for tag in tags if not c.on(tag)) or 'circuit'}",
            self.params.timeout_s,
            for_s=2.0,
        )

    def media(self, ctx: Context) -> Steps:
        """Chilled water flows and the room air is clean."""
        _ = ctx
        p = self.params
        yield Until(
            lambda c: c.value("FT-509.PV") >= p.chill_l_min and c.value("AT-900.PV") < p.room_ppm,
            lambda c: (
                f"chilled water {c.text('FT-509.PV')} of {p.chill_l_min:g} L/min, "
                f"room air {c.text('AT-900.PV')} below {p.room_ppm:g} ppm"
            ),
            p.timeout_s,
            for_s=5.0,
        )

    def tenter_empty(self, ctx: Context) -> Steps:
        """A person has seen that no film and no leader lies in the tenter."""
        if self.params.ask_empty and not ctx.off("film.IN_TENTER"):
            yield Ask("tenter_empty", "Walk the line: is the tenter free of film and leader?")
        yield Switch("film.tenter_empty", on=True)


class ProveExhaust(Phase):
    """Exhaust runs and every zone's flow is measured, not assumed (safety 0.5)."""

    use: ClassVar[str] = "prove_exhaust"
    steps: ClassVar[tuple[str, ...]] = ("fans", "flows")

    class Parameters(Params):
        """Fan speed and what counts as proven."""

        fan_pct: float = Field(default=100.0, gt=0.0, le=100.0)
        share: float = Field(default=0.7, gt=0.0, le=1.0)
        timeout_s: float = Field(default=300.0, gt=0.0)

    params: Parameters

    def fans(self, ctx: Context) -> Steps:
        """Dampers open, fans to purge speed."""
        _ = ctx
        yield from fans_to(self.params.fan_pct)

    def flows(self, ctx: Context) -> Steps:
        """Flow of every zone is proven for 10 s."""
        _ = ctx
        yield Until(
            lambda c: not self._missing(c),
            lambda c: f"proven flow of {', '.join(self._missing(c)) or 'all zones'}",
            self.params.timeout_s,
            for_s=10.0,
        )

    def _missing(self, ctx: Context) -> list[str]:
        expected = self.params.share * _FAN_MAXIMUM * self.params.fan_pct / 100.0
        return [
            zone.name
            for zone in ctx.line.zone
            if zone.exhaust_flow is not None
            and not ctx.value(zone.exhaust_flow) >= expected * (zone.table_flow_nm3_h or 0.0)
        ]


class Purge(Phase):
    """Ovens flushed with proven flow before heat; the count itself never stops (IL2)."""

    use: ClassVar[str] = "purge"
    steps: ClassVar[tuple[str, ...]] = ("full_flow", "volumes", "to_demand")

    class Parameters(Params):
        """Volumes of the slowest zone."""

        volumes: float = Field(default=5.0, ge=4.0)
        fan_pct: float = Field(default=100.0, gt=0.0, le=100.0)
        timeout_s: float = Field(default=1800.0, gt=0.0)

    params: Parameters

    def full_flow(self, ctx: Context) -> Steps:
        """Fans at purge speed."""
        _ = ctx
        yield from fans_to(self.params.fan_pct)

    def volumes(self, ctx: Context) -> Steps:
        """Enough volumes of the slowest zone, without a gap in the proof."""
        _ = ctx
        yield Until(
            lambda c: c.value("PROC.PURGE") >= self.params.volumes,
            lambda c: f"purge: {c.text('PROC.PURGE', 2)} of {self.params.volumes:g} volumes",
            self.params.timeout_s,
        )

    def to_demand(self, ctx: Context) -> Steps:
        """Exhaust follows the demand of the zones from now on."""
        yield Log(f"purged {ctx.text('PROC.PURGE', 1)} volumes")
        yield Switch("exhaust", on=True)


class ZeroAnalyzers(Phase):
    """Vapor analyzers see clean air and say so."""

    use: ClassVar[str] = "zero_analyzers"
    steps: ClassVar[tuple[str, ...]] = ("clean_air",)

    class Parameters(Params):
        """What counts as zero."""

        zero_pct: float = Field(default=3.0, gt=0.0)
        for_s: float = Field(default=30.0, ge=0.0)
        timeout_s: float = Field(default=600.0, gt=0.0)

    params: Parameters

    def clean_air(self, ctx: Context) -> Steps:
        """Every analyzer is GOOD, has sample flow and reads zero."""
        _ = ctx
        yield Until(
            lambda c: vapor(c)[1] < self.params.zero_pct,
            lambda c: f"analyzers at zero: {vapor(c)[0]} {vapor(c)[1]:.1f} % of LFL",
            self.params.timeout_s,
            self.params.for_s,
        )
        yield Log("vapor analyzers healthy and at zero")


class ExhaustOff(Phase):
    """The only way the exhaust stops (IL-OFF of safety 1.2)."""

    use: ClassVar[str] = "exhaust_off"
    steps: ClassVar[tuple[str, ...]] = ("conditions", "confirm", "fans_off")

    class Parameters(Params):
        """Conditions; the pump's rest covers the ten minutes of clean air."""

        lfl_pct: float = Field(default=5.0, gt=0.0, le=5.0)
        pump_off_s: float = Field(default=900.0, ge=900.0)
        timeout_s: float = Field(default=86400.0, gt=0.0)

    params: Parameters

    def conditions(self, ctx: Context) -> Steps:
        """All zones cold, air clean and pump off, together for 15 minutes."""
        _ = ctx
        yield Until(
            self._met,
            lambda c: (
                f"cold and clean for {self.params.pump_off_s / 60.0:g} min: hottest "
                f"{hottest(c, c.zones())[1]:.0f} °C, vapor {vapor(c)[1]:.1f} % of LFL"
            ),
            self.params.timeout_s,
            for_s=self.params.pump_off_s,
        )

    def confirm(self, ctx: Context) -> Steps:
        """An engineer agrees, and the conditions still hold."""
        _ = ctx
        yield Ask(
            "exhaust_off",
            "All zones are cold and the air is clean. May the exhaust stop?",
            Role.ENGINEER,
            choices=("stop", "keep running"),
            timeout_s=self.params.timeout_s,
        )
        yield Until(self._met, "conditions still hold", 600.0, for_s=1.0)

    def fans_off(self, ctx: Context) -> Steps:
        """Fans to rest."""
        _ = ctx
        yield Switch("exhaust", on=False)
        yield Ramp(tuple(Move(f"{fan}.SP", 0.0, 600.0) for fan in FANS), "exhaust fans to rest")
        for fan in FANS:
            yield Put(f"{fan}.RUN", 0.0, "exhaust off")

    def _met(self, ctx: Context) -> bool:
        return (
            all_below(ctx, ctx.zones(), FLASH_POINT_SAFE_C)
            and vapor(ctx)[1] < self.params.lfl_pct
            and abs(ctx.value(f"{PUMP}.ACT")) < 0.1
            and ctx.off(f"{PUMP}.RUN")
        )
