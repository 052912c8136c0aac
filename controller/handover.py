"""Loops and units in manual: a loop that writes to a unit in manual is off until it is back.

The procedure goes on switching loops as its phases say; what it wants takes effect when the
unit returns to automatic. Each loop then begins from what is there, so nothing jumps.
"""

from __future__ import annotations

from controller.gate import Gate
from controller.loops.manager import Loops
from controller.outputs import Mode

WRITES: dict[str, tuple[str, ...]] = {
    "ratio.nip": ("SIC-211.SP",),
    "ratio.coater": ("SIC-310.SP",),
    "ratio.rails": ("SIC-510.SP",),
    "ratio.winder": ("SIC-701.SP",),
    "ratio.pump": ("SIC-110.SP",),
    "ratio.coat_air": ("FIC-301A.SP",),
    "ratio.coat_belt": ("FIC-301B.SP",),
    "exhaust": ("SIC-801.SP", "SIC-802.SP", "SIC-803.SP"),
    "loh": ("TIC-203.SP", "TIC-204.SP"),
    "slowing": ("SIC-210.SP",),
    "md": ("SIC-110.SP",),
    "cd": ("TY-121.OP",),
    "coat_weight": ("FIC-301A.SP", "FIC-301B.SP"),
}
"""What each loop writes; one tag stands for a unit."""


class HandOver:
    """Switches of the loops, as far as their units are in automatic.

    Args:
        gate: who owns which unit.
        loops: the loops.
    """

    def __init__(self, gate: Gate, loops: Loops) -> None:
        self._gate = gate
        self._loops = loops
        self._wanted: dict[str, bool] = {}
        self._units = {
            name: tuple(dict.fromkeys(gate.unit_of(tag) for tag in tags if gate.unit_of(tag)))
            for name, tags in WRITES.items()
        }
        gate.on_mode(self._mode_changed)

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        """Put a loop on or off; on waits for its unit.

        Raises:
            KeyError: there is no such loop.
        """
        self._wanted[name] = on
        self._loops.switch(name, on and not self._held(name), now_ns)

    def loops_of(self, unit: str) -> list[str]:
        """Loops the procedure wants on that write to a unit."""
        wanted = {**dict.fromkeys(self._running(unit), True), **self._wanted}
        return [name for name, on in wanted.items() if on and unit in self._of(name)]

    def _running(self, unit: str) -> list[str]:
        """Loops on now that write to a unit, whoever put them on."""
        return [name for name in WRITES if unit in self._of(name) and self._loops.is_on(name)]

    def _of(self, name: str) -> tuple[str, ...]:
        return self._units.get(name, ())

    def _held(self, name: str) -> bool:
        return any(self._gate.mode(unit) is Mode.MANUAL for unit in self._of(name))

    def _mode_changed(self, unit: str, mode: Mode, now_ns: int) -> None:
        if mode is Mode.MANUAL:
            self._wanted.update(dict.fromkeys(self._running(unit), True))
        names = self.loops_of(unit)
        back = [name for name in names if mode is Mode.AUTO and not self._held(name)]
        if back:
            self._loops.take_present(back)
        for name in names:
            self._loops.switch(name, name in back, now_ns)
