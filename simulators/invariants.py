"""The judge of a dry run: the plant's truth against the invariants of safety specification 3.

It judges what the plant does and what the devices received, never the controller's tags; of
the controller it reads two published counters (soak, purge), because I4 is about them.

I1 no heat without exhaust and purge. I2 no dope to the die without exhaust and belt. I3 true
trip to safe commands in 1.0 s, safe actuators in 3.0 s. I4 nothing counts or permits on bad
ground. I6 nothing energized before an operator's command. I7 exhaust never off outside
IL-OFF. I12 no write outside the allow-list. I19 set points inside limits in the devices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from config.models import Instrument, Line, Recipe
from simulators.instruments.acs380 import Acs380
from simulators.instruments.atv320 import Atv320
from simulators.instruments.confocal2400 import Confocal2400
from simulators.instruments.e5cc import E5cc
from simulators.instruments.ek9000 import Ek9000
from simulators.instruments.epc3016 import Epc3016
from simulators.instruments.line_up import FANS, LineUp
from simulators.instruments.optris_ct import OptrisCt
from simulators.instruments.pnozmulti import PnozMulti
from simulators.instruments.reglo_icc import RegloIcc
from simulators.judging.plant_view import PlantView
from simulators.judging.process import Counters, HeatAndDope, Image
from simulators.judging.trips import Trips
from simulators.judging.violations import Ledger, Violation
from simulators.judging.writes import Scene, Watch
from simulators.judging.writes_drives import (
    CoatingPumpWatch,
    FanWatch,
    GearedDriveWatch,
    PyrometerWatch,
    ScannerWatch,
    WebDriveWatch,
)
from simulators.judging.writes_safety import SafetyWatch
from simulators.judging.writes_zones import BoltWatch, ControllerWatch, SwitchWatch
from simulators.twin.plant import Plant

INVARIANTS = ("I1", "I2", "I3", "I4", "I6", "I7", "I12", "I19")
_TICKS_PER_S = 10


class Judge:
    """Compares plant and instruments with the invariants, tick by tick.

    Build it before the first byte crosses a wire: it listens to the devices' writes.

    Args:
        line: zones, ranges of set points, terminals.
        recipe: set points of the soak.
        plant: the twin.
        line_up: its instruments.
        image: the controller's image, for ``PROC.SOAK`` and ``PROC.PURGE``.
    """

    def __init__(
        self, line: Line, recipe: Recipe, plant: Plant, line_up: LineUp, image: Image
    ) -> None:
        self._ledger = Ledger()
        self._view = PlantView(line, plant)
        self._heat = HeatAndDope(self._view, self._ledger)
        self._trips = Trips(self._view, line_up, self._ledger)
        self._counters = Counters(recipe, self._view, self._ledger, image)
        self._scene = Scene(self._ledger, line_up.clock, self._view.why_exhaust_stays)
        found = (self._watch(one, line_up.instruments[one.name]) for one in line.instrument)
        self._watches = tuple(watch for watch in found if watch is not None)
        self._ticks = 0

    @property
    def violations(self) -> Sequence[Violation]:
        """What was found, one entry an episode, in the order of time."""
        return self._ledger.violations

    @property
    def total(self) -> int:
        """Number of episodes."""
        return len(self._ledger.violations)

    def counts(self) -> Counter[str]:
        """Return the number of episodes per invariant."""
        return self._ledger.counts()

    def operator_commanded(self) -> None:
        """Learn that an operator gives a command: from now on things may be switched on (I6)."""
        self._scene.commanded = True

    def check(self, now_s: float) -> None:
        """Judge one fast tick, after the plant's and the instruments' step."""
        self._ticks += 1
        if self._ticks % _TICKS_PER_S == 0:
            self._view.second(now_s)
            self._counters.second(now_s)
        # Writes are judged when they arrive; in turn each device is looked at anyway.
        self._watches[self._ticks % len(self._watches)].look()
        self._heat.check(now_s)
        self._trips.check(now_s)

    def _watch(self, instrument: Instrument, device: object) -> Watch | None:
        """Listen to one device."""
        scene, name = self._scene, instrument.name
        watch: Watch | None = None
        match device:
            case Epc3016() | E5cc():
                watch = ControllerWatch(scene, instrument, device)
            case Acs380():
                kind = FanWatch if name in FANS else WebDriveWatch
                watch = kind(scene, instrument, device)
            case Atv320():
                watch = GearedDriveWatch(scene, instrument, device)
            case Ek9000() if any(tag.point.startswith("do:") for tag in instrument.tags):
                permitted = self._counters.heat_permitted
                watch = SwitchWatch(scene, instrument, device, permitted)
            case Ek9000():
                watch = BoltWatch(scene, instrument, device)
            case PnozMulti():
                watch = SafetyWatch(scene, name, device)
            case RegloIcc():
                watch = CoatingPumpWatch(scene, instrument, device)
            case Confocal2400():
                watch = ScannerWatch(scene, name, device)
            case OptrisCt():
                watch = PyrometerWatch(scene, name, device)
        return watch
