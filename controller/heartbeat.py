"""Our sign of life to the safety controllers: a count that only a complete interlock scan gives.

A counter and not a toggle: a frozen one shows. It proves that the logic has run over every row
of the trip table and that what it forces has left; it proves nothing about the process.
"""

from __future__ import annotations

from collections.abc import Callable

Beat = Callable[[int], None]
"""Told of each new count."""


class Heartbeat:
    """Counts complete interlock scans.

    Args:
        beat: told of each new count, 1 and up.

    Attributes:
        count: last count given.
        held: why none is given though the scan goes on (a watchdog's order); empty: given.
    """

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self._passes = 0
        self.count = 0
        self.held = ""

    def complete(self, passes: int) -> None:
        """A scan has ended, its forced outputs have left.

        Args:
            passes: how often the whole trip table has been evaluated; the same number as after
                the scan before means that this one left it out, and gives no count.
        """
        if passes == self._passes or self.held:
            return
        self._passes = passes
        self.count += 1
        self._beat(self.count)
