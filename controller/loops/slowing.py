"""Line speed down while the gel sticks to the belt (fault F14), and back when a person resets.

The peel force of a soft film rises with the peel rate, so a line that peels in jerks is slowed
(process specification 10): along the recipe's ramp at a quarter of its pace, as long as the
warning trip's cause stands, not below the thread speed. Drives, pump, coating and exhaust follow
by the ratio lock; the late belt zones follow by the recipe's offsets of thread and run speed. The
speed goes back only after a person has reset the trip; the hold trip ends what does not help.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from config.models import Line, Settings
from controller.events import Event
from controller.loops.parts import Request, Setter, SnapshotLike, TableLike, specs

MASTER = "SIC-210.SP"
PACE = 0.25  # of the recipe's speed ramp: the belt's zones follow a change within 8 minutes
_SAME_M_MIN = 0.002  # the resolution of the drive's set point, and rounding


class SpeedRelief:
    """The pure part: which speed the line should go to.

    Args:
        floor_m_min: thread speed; relief never goes below it.

    Attributes:
        base_m_min: speed before the relief; NaN when there is none.
        left: somebody else moved the speed since: nothing more is done until the reset.
    """

    def __init__(self, floor_m_min: float) -> None:
        self.floor_m_min = floor_m_min
        self.base_m_min = math.nan
        self.left = False
        self._own = math.nan

    def step(self, sticks: bool, tripped: bool, now_m_min: float) -> float:
        """Take the present set point; returns the one to go to, which may be the same.

        Args:
            sticks: the cause stands.
            tripped: not yet reset by a person.
            now_m_min: accepted set point of the belt.
        """
        relieved = not math.isnan(self.base_m_min)
        if relieved and abs(now_m_min - self._own) > _SAME_M_MIN:
            self.left, self.base_m_min, relieved = tripped, math.nan, False
        if not tripped:
            self.left = False
            if relieved and abs(now_m_min - self.base_m_min) <= _SAME_M_MIN:
                self.base_m_min, relieved = math.nan, False
            return self.base_m_min if relieved else now_m_min
        if not sticks or self.left or now_m_min <= self.floor_m_min:
            return now_m_min
        if not relieved:
            self.base_m_min = self._own = now_m_min
        return self.floor_m_min

    def moved(self, now_m_min: float) -> None:
        """Tell the set point that stands after the request."""
        self._own = now_m_min


class SlowingLoop:
    """Relief of the peel line on the belt's set point.

    Attributes:
        sticking: tells (cause stands, not yet reset) of the warning trip.
        events: what happened since the manager took them.
    """

    name = "slowing"

    def __init__(self, line: Line, table: TableLike, put: Request, settings: Settings) -> None:
        self.auto = False
        self.frozen = ""
        self.sticking: Callable[[], tuple[bool, bool]] = _never
        self.events: list[Event] = []
        self._spec = specs(line)[MASTER]
        self._put, self._table = put, table
        self._row, self._state = table.index(MASTER), table.index("PROC.STATE")
        self._heading = ""
        self.adopt(settings)

    def adopt(self, settings: Settings) -> None:
        """Go on with speeds and offsets of another recipe."""
        run, thread = settings.run_speed_m_min, settings.thread_speed_m_min
        step_k = settings.belt_offset_thread_k - settings.belt_offset_run_k
        self._k_per_m_min = step_k / (run - thread) if run > thread else 0.0
        self.control = SpeedRelief(thread)
        rate = PACE * settings.speed_ramp_m_min_per_min / 60.0
        self._setter = Setter(MASTER, self._table, self._put, self._spec, rate)

    @property
    def shift_k(self) -> float:
        """How much cooler the late belt zones are for the slower film, K (0 or below for most)."""
        base = self.control.base_m_min
        now = float(self._table.request[self._row])
        return 0.0 if math.isnan(base) else self._k_per_m_min * max(base - now, 0.0)

    def switch(self, *, on: bool) -> None:
        """Automatic or manual; a relief under way is forgotten, the speed stays."""
        if on != self.auto:
            self.control = SpeedRelief(self.control.floor_m_min)
        self.auto = on

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Look and move the speed."""
        running = snapshot.known[self._state] == 1.0
        self.frozen = "" if running else "the procedure is not running"
        now = float(self._table.request[self._row])
        if not self.auto or not running or math.isnan(now):
            return
        goal = self.control.step(*self.sticking(), now)
        self._tell(now, goal, now_ns)
        if goal != now:
            self._setter.toward(goal, "gel sticks to the belt", now_ns, dt)
            self.control.moved(float(self._table.request[self._row]))

    def _tell(self, now: float, goal: float, now_ns: int) -> None:
        """One event a change of heading: slower, back, or there."""
        heading = "slower" if goal < now else "back" if goal > now else ""
        if heading == self._heading:
            return
        self._heading = heading
        causes = {
            "slower": "gel sticks to the belt: the line slows, not below its thread speed",
            "back": "a person reset the trip: the line returns to its speed",
            "": "the line keeps this speed",
        }
        verb = f"line speed {heading}" if heading else "line speed steady"
        self.events.append(Event(now_ns, "loop", verb, MASTER, now, goal, causes[heading]))


def _never() -> tuple[bool, bool]:
    """Nothing sticks."""
    return False, False
