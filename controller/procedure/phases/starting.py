"""Belt, leader, dope: from an empty warm line to dope recirculating at the thread speed."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.common import (
    BELT,
    COATER,
    DIVERTER,
    NIP,
    PUMP,
    RAILS,
    START_M_MIN_PER_MIN,
    TANK,
    WEB_RATIOS,
    WINDER,
)
from controller.procedure.steps import Ask, Move, Put, Ramp, Steps, Switch, Until
from controller.procedure.tanks import DOPE, LEADER, wait_for_tanks

_SPEED_SHARE = 0.03  # a drive follows when it is this near its set-point
_SPANS = ("231", "311", "601", "701")


class StartBelt(Phase):
    """The casting belt turns at the thread speed."""

    use: ClassVar[str] = "start_belt"
    steps: ClassVar[tuple[str, ...]] = ("run", "speed", "prove")

    class Parameters(Params):
        """How fast the empty belt starts."""

        m_min_per_min: float = Field(default=START_M_MIN_PER_MIN, gt=0.0, le=6.0)
        timeout_s: float = Field(default=120.0, gt=0.0)

    params: Parameters

    def run(self, ctx: Context) -> Steps:
        """Drive on."""
        _ = ctx
        yield Put(f"{BELT}.RUN", 1.0, "belt starts")

    def speed(self, ctx: Context) -> Steps:
        """Up to the thread speed."""
        target = ctx.settings.thread_speed_m_min
        yield Ramp(
            (Move(f"{BELT}.SP", target, self.params.m_min_per_min),),
            lambda c: f"belt to {target:g} m/min, now {c.text(f'{BELT}.ACT', 2)}",
        )

    def prove(self, ctx: Context) -> Steps:
        """The measured speed is there."""
        target = ctx.settings.thread_speed_m_min
        yield Until(
            lambda c: abs(c.value(f"{BELT}.ACT") - target) <= _SPEED_SHARE * target,
            lambda c: f"belt at {target:g} m/min, now {c.text(f'{BELT}.ACT', 2)}",
            self.params.timeout_s,
            for_s=5.0,
        )


class ThreadLeader(Phase):
    """Leader film from the peel roll through the pins to the winder, at the thread speed."""

    use: ClassVar[str] = "thread_leader"
    steps: ClassVar[tuple[str, ...]] = ("drives", "prove", "thread", "tension")

    class Parameters(Params):
        """Tension that proves the leader in a span, share of its set point."""

        tension_share: float = Field(default=0.5, gt=0.2, lt=1.0)
        timeout_s: float = Field(default=600.0, gt=0.0)

    params: Parameters

    def drives(self, ctx: Context) -> Steps:
        """Nip, coater roll, rails and winder follow the belt."""
        _ = ctx
        yield from wait_for_tanks(LEADER)
        for drive in (NIP, COATER, RAILS, WINDER):
            yield Put(f"{drive}.RUN", 1.0, "web drives start")
        for name in WEB_RATIOS:
            yield Switch(name, on=True)

    def prove(self, ctx: Context) -> Steps:
        """Measured speeds are near the belt's."""
        _ = ctx
        drives = (NIP, RAILS, WINDER)
        yield Until(
            lambda c: all(
                abs(c.value(f"{d}.ACT") - c.value(f"{BELT}.ACT"))
                <= _SPEED_SHARE * c.value(f"{BELT}.ACT")
                for d in drives
            ),
            lambda c: (
                "web drives at belt speed: "
                + ", ".join(f"{d} {c.text(f'{d}.ACT', 2)}" for d in drives)
            ),
            self.params.timeout_s,
            for_s=5.0,
        )

    def thread(self, ctx: Context) -> Steps:
        """A person lays the leader."""
        _ = ctx
        yield Ask("thread_leader", "Thread the leader from the peel roll to the winder.")
        yield Switch("film.leader", on=True)

    def tension(self, ctx: Context) -> Steps:
        """Every span carries tension; from now on a loss of it is a break."""
        settings = ctx.settings
        wanted = dict(
            zip(
                _SPANS,
                (settings.tension_gel_n_m,) * 2 + (settings.tension_cured_n_m,) * 2,
                strict=True,
            )
        )
        share = self.params.tension_share
        yield Until(
            lambda c: all(c.value(f"NT-{n}.PV") >= share * t for n, t in wanted.items()),
            lambda c: (
                "tension in every span: "
                + ", ".join(f"NT-{n} {c.text(f'NT-{n}.PV', 0)} N/m" for n in wanted)
            ),
            self.params.timeout_s,
            for_s=10.0,
        )
        yield Switch("tension", on=True)


class RecirculateDope(Phase):
    """Dope flows through pump and filter back to the tank until it is steady."""

    use: ClassVar[str] = "recirculate_dope"
    steps: ClassVar[tuple[str, ...]] = ("valves", "pump", "steady")

    class Parameters(Params):
        """Pump speed and the filter's limit (change-out at 2 MPa)."""

        rpm: float = Field(default=10.0, gt=0.0, le=30.0)
        rpm_per_min: float = Field(default=20.0, gt=0.0)
        filter_mpa: float = Field(default=2.0, gt=0.0)
        for_s: float = Field(default=60.0, ge=0.0)
        timeout_s: float = Field(default=900.0, gt=0.0)

    params: Parameters

    def valves(self, ctx: Context) -> Steps:
        """Diverter to recirculation, tank valve open."""
        _ = ctx
        yield from wait_for_tanks(DOPE)
        yield Put(DIVERTER, 0.0, "dope to recirculation")
        yield Until(lambda c: c.off(DIVERTER), "diverter at recirculation", 30.0)
        yield Put(TANK, 1.0, "dope from the tank")

    def pump(self, ctx: Context) -> Steps:
        """Gear pump up to its recirculation speed."""
        _ = ctx
        p = self.params
        yield Put(f"{PUMP}.RUN", 1.0, "dope recirculates")
        yield Ramp(
            (Move(f"{PUMP}.SP", p.rpm, p.rpm_per_min),),
            lambda c: f"pump to {p.rpm:g} rpm, now {c.text(f'{PUMP}.ACT')}",
        )

    def steady(self, ctx: Context) -> Steps:
        """Filter pressure difference is in order for a minute."""
        _ = ctx
        p = self.params
        yield Until(
            lambda c: (
                c.value("PDT-111.PV") < p.filter_mpa
                and c.value(f"{PUMP}.ACT") > (1.0 - 10.0 * _SPEED_SHARE) * p.rpm
            ),
            lambda c: (
                f"filter {c.text('PDT-111.PV', 2)} below {p.filter_mpa:g} MPa, "
                f"pump {c.text(f'{PUMP}.ACT')} rpm"
            ),
            p.timeout_s,
            p.for_s,
        )
