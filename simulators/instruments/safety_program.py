"""The program of the simulated safety controller: what it lets the plant do. Pure.

It sees contacts only, wired in parallel to what the control computer sees. Rules:

- Emergency stop, guards, fire and the gas panel's relay take heat and feed away. Guards and
  emergency stop also take motion (the plant's safety circuit does that by itself as well).
- Heat is released only after the purge timer: exhaust at purge speed for four volumes of the
  slowest zone, without a gap in proven flow.
- The host is alive while i0 is 1 and its counter moves. When it was and is not any more, heat
  and feed are held off, the exhaust is latched on, and motion ends with the run-on timer.
- Nothing comes back by itself: heat and feed only when contactor and pump stand off, motion
  after the timer only when the web drives stand, and the exhaust stays latched until the fans'
  own drives run. So that the return of the host starts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Input terminals of the base unit, bit numbers.
(
    ESTOP_OK,
    GUARDS_OK,
    NO_FIRE,
    GAS_OK,
    FLOW_PROVEN,
    PURGE_SPEED,
    HEAT_ON,
    FEED_ON,
    WEB_ON,
    FANS_ON,
) = range(10)
# Virtual outputs, bit numbers; o8-o15 echo the host's counter.
O_RUN, O_ESTOP_OK, O_GUARDS_OK, O_NO_FIRE, O_GAS_OK, O_HEAT, O_FEED, O_WEB, O_ECHO = range(9)
O_HOST, O_EXHAUST, O_PURGED = 16, 17, 18

HOST_SILENT_S: Final = 2.0  # counter standing for so long: the host is lost
PURGE_S: Final = 86.0  # four volumes of the slowest zones, T5 to T8, at purge speed
FLOW_LOST_S: Final = 1.0  # proven flow may be missing for so long
RUN_ON_S: Final = 1500.0  # 1.2 x the film path at run-out speed, rounded up
_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Safety:
    """What the plant may do.

    Attributes:
        heat, feed, web: released.
        exhaust: latched on.
    """

    heat: bool
    feed: bool
    web: bool
    exhaust: bool


class SafetyProgram:
    """State of the program; everything held off as created.

    Attributes:
        outputs: virtual outputs o0-o127 as one number.
        host: the host is alive.
    """

    def __init__(self) -> None:
        self.outputs = 0
        self.host = False
        self._counter = -1
        self._moved_s = -HOST_SILENT_S  # before anything was heard the host is not alive
        self._unsure = False  # preset: a host that has not spoken yet still counts
        self._held = False  # the host was lost: heat and feed stay off
        self._exhaust = False
        self._lost_s: float | None = None  # since when motion runs on
        self._web_held = False
        self._purge_s = 0.0
        self._gap_s = 0.0
        self._flow_lost = False

    def preset(self) -> None:
        """Stand as after a purge with a host that is alive."""
        self.host = self._unsure = True
        self._purge_s = PURGE_S

    def step(
        self,
        now_s: float,
        contacts: int,
        alive: bool,
        counter: int,
        silent_s: float = HOST_SILENT_S,
    ) -> Safety:
        """One cycle of 0.1 s.

        Args:
            now_s: line time.
            contacts: input terminals, bit numbers above.
            alive: virtual input i0.
            counter: i8-i15.
            silent_s: a counter that stands for so long is a lost host.
        """
        self._hear(now_s, alive, counter, silent_s)
        self._let_go(contacts)
        self._purge(contacts)
        safe = _all(contacts, ESTOP_OK, GUARDS_OK, NO_FIRE)
        may = safe and _all(contacts, GAS_OK) and self.host and not self._held
        heat = may and self._purge_s >= PURGE_S
        feed = may and not self._flow_lost
        running_on = self._lost_s is None or now_s - self._lost_s < RUN_ON_S
        self._web_held = self._web_held or not running_on
        exhaust = self._exhaust and _all(contacts, NO_FIRE)
        safety = Safety(heat, feed, safe and not self._web_held, exhaust)
        self._show(contacts, safety, counter)
        return safety

    def _hear(self, now_s: float, alive: bool, counter: int, silent_s: float) -> None:
        if counter != self._counter:
            first = self._counter < 0
            self._counter = counter
            if not first or counter:
                self._moved_s = now_s
                self._unsure = False
        host = alive and (self._unsure or now_s - self._moved_s < silent_s)
        if self.host and not host:
            self._held = self._exhaust = True
            self._lost_s = now_s
        if host:
            self._lost_s = None
        self.host = host

    def _let_go(self, contacts: int) -> None:
        """With the host back: hold nothing any more whose own switch stands off."""
        if not self.host:
            return
        if not contacts & (1 << HEAT_ON | 1 << FEED_ON):
            self._held = False
        if not contacts & 1 << WEB_ON:
            self._web_held = False
        if contacts & 1 << FANS_ON:
            self._exhaust = False

    def _purge(self, contacts: int) -> None:
        if _all(contacts, FLOW_PROVEN):
            self._gap_s = 0.0
            if self._purge_s < PURGE_S:
                at_speed = _all(contacts, PURGE_SPEED)
                self._purge_s = round(self._purge_s + _TICK_S, 1) if at_speed else 0.0
            if self._purge_s >= PURGE_S:
                self._flow_lost = False
            return
        self._gap_s = round(self._gap_s + _TICK_S, 1)
        if self._purge_s < PURGE_S:
            self._purge_s = 0.0
        elif self._gap_s >= FLOW_LOST_S:
            self._purge_s = 0.0
            self._flow_lost = bool(contacts & (1 << HEAT_ON | 1 << FEED_ON))

    def _show(self, contacts: int, safety: Safety, counter: int) -> None:
        shown = {
            O_RUN: True,
            O_ESTOP_OK: _all(contacts, ESTOP_OK),
            O_GUARDS_OK: _all(contacts, GUARDS_OK),
            O_NO_FIRE: _all(contacts, NO_FIRE),
            O_GAS_OK: _all(contacts, GAS_OK),
            O_HEAT: safety.heat,
            O_FEED: safety.feed,
            O_WEB: safety.web,
            O_HOST: self.host,
            O_EXHAUST: safety.exhaust,
            O_PURGED: self._purge_s >= PURGE_S,
        }
        self.outputs = sum(on << bit for bit, on in shown.items()) | counter << O_ECHO


def _all(contacts: int, *bits: int) -> bool:
    return all(contacts >> bit & 1 for bit in bits)
