"""Writes to the safety controller: the heartbeat and its watchdog, nothing else (I12)."""

from __future__ import annotations

from simulators.instruments.pnozmulti import CONTROL, INPUTS, TRIGGER, PnozMulti
from simulators.judging.writes import Scene, check_allowed, decode_write

_ONE_SECOND = 4 << 8 | TRIGGER
_COUNTER_AND_ALIVE = 0xFF01  # i8-i15 and i0


class SafetyWatch:
    """Looks at every write to one safety controller.

    Args:
        scene: where findings go.
        name: of the instrument.
        device: the simulated controller; this listens to its writes from now on.
    """

    def __init__(self, scene: Scene, name: str, device: PnozMulti) -> None:
        self._scene, self._name = scene, name
        device.observer = self._written

    def look(self) -> None:
        """It has no set points."""

    def _written(self, pdu: bytes) -> None:
        check_allowed(self._scene, self._name, {INPUTS: None, CONTROL: (_ONE_SECOND,)}, pdu)
        address, words = decode_write(pdu)
        if address == INPUTS and words and words[0] & ~_COUNTER_AND_ALIVE:
            self._scene.stray(self._name, "a virtual input that only asks")
