"""Gauges of the line as the scan reads them: passes, and the quality figures made of them.

Publishes the scan group ``film.quality`` at 1 Hz: loss on heating at peel, profile two sigma
of gel gauge and scanner, mean core thickness, thin layer per side. A figure is GOOD only while
what it is made of is fresh; otherwise it is bad, never the last value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from config.models import Line
from controller.events import Event
from controller.film.agreement import GaugeAgreement
from controller.film.gel import GelLaw
from controller.film.lanes import LaneMark, LaneWatch
from controller.film.profile import Array, Sink, Traverse
from controller.film.spots import Spots
from controller.film.transport import SnapshotLike, TableLike
from drivers.base import Block, Quality

PUBLISH_S = 1.0
FRESH_S = 45.0  # a standardization of 20 s and two traverses
_GEL_SPOT_M, _SCAN_SPOT_M = 0.025, 0.005
_LEAST_GEL_G_M2, _LEAST_SCAN_UM = 5.0, 2.0
_FIGURES = (
    "QI-LOH.PEEL",
    "QI-CD2S.GEL",
    "QI-CD2S.SCAN",
    "QI-CORE.MEAN",
    "QI-LAYER.AIR",
    "QI-LAYER.BELT",
)
_GEL_CORE = "QI-CORE.GEL"
_TRUST = ("QI-SCAN.TRUST", "QI-SCAN.OFF")
_EDGE_M = (-0.5, 2.5)  # film near the edge of a coat: the layer gauge sees it later
_PUMP_S = 20.0  # die hold-up
_LEAST_M_MIN = 0.3
_LEAST_LANES = 3
_STILL_S = 3.0
_SILENT_S = 1.0  # a scanner without a value for so long sees nothing


class GelSolvent:
    """Mean solvent content over a pass of the gel gauge, and the loss on heating from it."""

    def __init__(self, law: GelLaw) -> None:
        self.law = law
        self.loh_pct = math.nan
        self._sum = 0.0
        self._count = 0

    def take(self, weight_g_m2: float, solvent_wt_pct: float) -> None:
        """Take one scan's reading; off the film neither counts."""
        if weight_g_m2 >= _LEAST_GEL_G_M2 and solvent_wt_pct > 0.0:
            self._sum += solvent_wt_pct
            self._count += 1

    def complete(self) -> None:
        """Close a pass."""
        if self._count:
            self.loh_pct = self.law.loss_on_heating(self._sum / self._count)
        self._sum, self._count = 0.0, 0


class RollMeter:
    """Roll meter of the film at the winder, only while it grows: NaN when nothing is collected."""

    def __init__(self) -> None:
        self._last = math.nan
        self._still_s = math.inf

    def step(self, roll_m: float, dt: float) -> float:
        """Take the published roll meter."""
        if roll_m > self._last:
            self._still_s = 0.0
        else:
            self._still_s += dt
        self._last = roll_m
        return roll_m if self._still_s < _STILL_S else math.nan


class Cross:
    """Feeds the agreement of scanner, gel gauge and pump from the scan.

    Args:
        pump_um: core that one pump revolution per meter of belt gives, um m.
    """

    def __init__(self, table: TableLike, pump_um: float) -> None:
        self.agreement = GaugeAgreement()
        self._pump_um = pump_um
        self._rows = [
            table.index(name)
            for name in ("SIC-110.ACT", "SIC-210.ACT", "SIC-110.RUN", "XV-110.CMD", "PROC.STATE")
        ]
        self._heads = [
            (table.index(f"XV-301{head}.CMD"), table.index(f"film.COAT_{head}.S")) for head in "AB"
        ]
        self._die = table.index("film.DIE.S")
        self._on = [math.nan, math.nan]
        self._edges: list[float] = []
        self._rate = math.nan
        self.watching = False
        self._lanes = LaneWatch()
        self._marks: list[LaneMark] = []
        self._told = True

    def step(self, known: list[float], dt: float) -> None:
        """Take one scan: what the pump gives now, and where coats begin and end."""
        rpm, belt, runs, to_die, state = (known[row] for row in self._rows)
        feeds = runs > 0.5 and to_die > 0.5
        self.watching = feeds and state == 1.0
        if not feeds or not belt > _LEAST_M_MIN:
            self._rate = math.nan
        elif math.isnan(self._rate):
            self._rate = rpm / belt
        else:
            self._rate += (rpm / belt - self._rate) * min(1.0, dt / _PUMP_S)
        self.agreement.pump.memory.take(known[self._die], self._rate * self._pump_um)
        for k, (command, label) in enumerate(self._heads):
            if known[command] != self._on[k]:
                self._on[k] = known[command]
                if not math.isnan(known[label]):
                    self._edges = [*self._edges[-7:], known[label]]

    def judge(self, core_um: float, label_m: float) -> bool:
        """Judge a scanner pass; film at the edge of a coat, or without dope, changes nothing."""
        agreement = self.agreement
        low, high = _EDGE_M
        edge = any(low <= label_m - edge <= high for edge in self._edges)
        if self.watching and not edge and not math.isnan(core_um):
            return agreement.judge(label_m, core_um)
        return agreement.trusted

    def unseen(self, label_m: float) -> None:
        """Hear of a pass in which the scanner saw too little film that should be there."""
        if self.watching and label_m > _EDGE_M[1]:
            self.agreement.unseen()

    def profile(self, filtered: Array, label_m: float) -> None:
        """Look for lanes that stand out, after a pass."""
        if self.watching and label_m > _EDGE_M[1]:
            self._marks += self._lanes.take(filtered, label_m)

    def events(self, now_ns: int) -> Sequence[Event]:
        """Tell marked lanes and a change of trust."""
        events = [_lane_event(mark, now_ns) for mark in self._marks]
        self._marks.clear()
        trusted = self.agreement.trusted
        if trusted is self._told:
            return events
        self._told = trusted
        off = self.agreement.off_pct
        why = "saw no new film" if math.isnan(off) else f"is {off:+.1f} % off gel gauge and pump"
        cause = "agrees again" if trusted else f"{why}: film unmeasured, thickness loop stands"
        verb = "trusted" if trusted else "not trusted"
        told = f"the scanner {cause}"
        return [*events, Event(now_ns, "gauge", verb, "GT-601.PV", None, None, told)]


def _lane_event(mark: LaneMark, now_ns: int) -> Event:
    where = f"{1e3 * mark.from_m:+.0f} to {1e3 * mark.to_m:+.0f} mm from the center line"
    what = f"{100.0 * mark.depth:+.1f} % off its neighborhood" if mark.marked else "clear again"
    verb = "lane marked" if mark.marked else "lane clear"
    cause = f"{where}: {what}, from film label {mark.label_m:.1f} m on"
    return Event(now_ns, "gauge", verb, "GT-601.PV", None, round(100.0 * mark.depth, 2), cause)


class FilmGauges:
    """Gel gauge, final scanner and thin-layer lanes.

    Args:
        sink: gets every complete pass of both traversing gauges.
        pump_um: core that one pump revolution per meter of belt gives, um m; NaN if unknown.
        spots: every value of the final scanner with its place; None takes one a scan.

    Attributes:
        gel, scanner: profiles for the loops.
        cross: the scanner against gel gauge and pump.
    """

    def __init__(
        self,
        line: Line,
        table: TableLike,
        law: GelLaw,
        sink: Sink | None = None,
        pump_um: float = math.nan,
        spots: Spots | None = None,
    ) -> None:
        self._spots = spots
        self._silent_s = 0.0
        self.gel = Traverse("WT-231.PV", _GEL_SPOT_M, _LEAST_GEL_G_M2, sink)
        self.scanner = Traverse("GT-601.PV", _SCAN_SPOT_M, _LEAST_SCAN_UM, sink)
        self._solvent = GelSolvent(law)
        names = {tag.name for tag in line.calculated}
        self._extra = _GEL_CORE in names
        figures = (*_FIGURES, _GEL_CORE) if self._extra else _FIGURES
        self.cross: Cross | None = None
        if self._extra and _TRUST[0] in names:
            figures = (*figures, *_TRUST)
            self.cross = Cross(table, pump_um)
            self.scanner.judge, self.scanner.unseen = self._judge, self.cross.unseen
        self._layers_um = 0.0
        self._writer = table.attach(Block("film.quality", figures, PUBLISH_S))
        self._rows = [
            table.index(name)
            for name in (
                *("ZT-231.PV", "WT-231.PV", "AT-231.PV", "ZS-231.STD", "film.GEL.S"),
                *("ZT-601.PV", "GT-601.PV", "ZS-601.STD", "film.SCAN.S"),
                "film.ROLL_M",
            )
        ]
        self._layers = [
            [table.index(f"GT-{number}.PV") for number in range(first, first + 5)]
            for first in (651, 656)
        ]
        at = {station.name: station.at_m for station in line.station}
        self._gel_ahead = at["WIND"] - at["GEL"]
        self._scan_ahead = at["WIND"] - at["SCAN"]
        self._roll = RollMeter()
        self._gel_age = self._scan_age = math.inf
        self._due = 0.0

    def adopt(self, law: GelLaw) -> None:
        """Go on with the law of another recipe of the same chemistry."""
        self._solvent.law = law

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> Sequence[Event]:
        """Take the readings of one scan; publish once a second; tells a gauge not to be trusted."""
        known = snapshot.known
        gel_x, weight, solvent, gel_std, gel_s, scan_x, um, scan_std, scan_s, roll = (
            known[row] for row in self._rows
        )
        self._gel_age += dt
        self._scan_age += dt
        if self.cross is not None:
            self.cross.step(known, dt)
        if gel_std > 0.5:
            gel_x = math.nan
        self._solvent.take(weight, solvent)
        roll = self._roll.step(roll, dt)
        if self.gel.take(gel_x, weight, now_ns, gel_s, roll + self._gel_ahead):
            self._solvent.complete()
            self._gel_age = 0.0
            if self.cross is not None:
                core = self._solvent.law.core_um(self.gel.mean, self._solvent.loh_pct)
                self.cross.agreement.gel.memory.take(gel_s, core)
        for x_m, thickness_um in self._scanned(scan_x, um, now_ns, dt):
            x = math.nan if scan_std > 0.5 else x_m
            if self.scanner.take(x, thickness_um, now_ns, scan_s, roll + self._scan_ahead):
                self._scan_age = 0.0
                if self.cross is not None:
                    self.cross.profile(self.scanner.filtered, scan_s)
        self._due -= dt
        if self._due <= 1e-9:
            self._due = PUBLISH_S
            self._publish(known, now_ns, film_at_gel=gel_s > 0.0, film_at_scanner=scan_s > 0.0)
            return () if self.cross is None else self.cross.events(now_ns)
        return ()

    def _scanned(
        self, x_m: float, um: float, now_ns: int, dt: float
    ) -> Sequence[tuple[float, float]]:
        """Places and values of the final scanner since the last scan.

        While no value comes the carriage is followed all the same, with nothing measured.
        """
        if self._spots is None:
            return ((x_m, um),)
        found = self._spots.take(now_ns)
        self._silent_s = 0.0 if found else self._silent_s + dt
        return found or (((x_m, math.nan),) if self._silent_s > _SILENT_S else ())

    def _judge(self, mean_um: float, label_m: float) -> bool:
        """Judge a scanner pass by the core it shows."""
        return self.cross is None or self.cross.judge(mean_um - self._layers_um, label_m)

    def _publish(
        self, known: list[float], now_ns: int, *, film_at_gel: bool, film_at_scanner: bool
    ) -> None:
        air, belt = (_lanes(known, rows) for rows in self._layers)
        gel = film_at_gel and self._gel_age < FRESH_S
        scan = film_at_scanner and self._scan_age < FRESH_S
        loh = self._solvent.loh_pct if gel else math.nan
        layers = sum(layer for layer in (air, belt) if not math.isnan(layer))
        self._layers_um = layers
        agreement = None if self.cross is None else self.cross.agreement
        if agreement is not None:
            scan = scan and agreement.trusted and not agreement.doubt
        values = [
            loh,
            self.gel.two_sigma_pct() if gel else math.nan,
            self.scanner.two_sigma_pct() if scan else math.nan,
            self.scanner.mean - layers if scan else math.nan,
            air,
            belt,
        ]
        if self._extra:
            values.append(self._solvent.law.core_um(self.gel.mean, loh) if gel else math.nan)
        if agreement is not None:
            values += [float(agreement.trusted), agreement.off_pct]
        quality = [int(Quality.BAD if math.isnan(value) else Quality.GOOD) for value in values]
        self._writer.write(values, quality, now_ns, now_ns)


def _lanes(known: list[float], rows: Sequence[int]) -> float:
    seen = [known[row] for row in rows if not math.isnan(known[row])]
    return sum(seen) / len(seen) if len(seen) >= _LEAST_LANES else math.nan
