"""Sensors that jump: values that move faster than the plant can (hazard Z9).

What a wire, a plug or a half-shorted thermocouple does shows as a step that no oven can make. A
value further from the last believed one than the time since the last sample allows is bad, until it
is back there or has moved believably for ``SETTLE_S``: then it is the new beginning, since the old
one may have been the false one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from drivers.base import is_good

SETTLE_S: Final = 10.0
_LEAST_S: Final = 1.0  # noise of one sample is no rate


class RateCheck:
    """One tag, sample by sample.

    Args:
        per_s: fastest that the true value can move, in the tag's unit per second.
    """

    __slots__ = ("_accepted", "_last", "_last_ns", "_per_s", "_since_ns")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._accepted = self._last = math.nan
        self._last_ns = self._since_ns = 0

    def jumps(self, value: float, now_ns: int) -> bool:
        """Take a sample that is good otherwise; tell whether it is not to be believed.

        Args:
            value: in the tag's unit.
            now_ns: UTC ns when it was asked for.
        """
        most = self._per_s * max((now_ns - self._last_ns) / 1e9, _LEAST_S)
        jumped = abs(value - self._accepted) > most  # from nothing, nothing is a jump
        if jumped and abs(value - self._last) > most:
            self._since_ns = now_ns
        self._last, self._last_ns = value, now_ns
        if jumped and now_ns - self._since_ns < SETTLE_S * 1e9:
            return True
        self._accepted = value
        return False


class BlockRates:
    """The rate checks of one block.

    Args:
        fastest: limit of each tag of the block, None where any change is believed.
    """

    __slots__ = ("_checks",)

    def __init__(self, fastest: Sequence[float | None]) -> None:
        self._checks = [
            (place, RateCheck(per_s)) for place, per_s in enumerate(fastest) if per_s is not None
        ]

    def __bool__(self) -> bool:
        return bool(self._checks)

    def jumped(
        self, values: Sequence[float], quality: Sequence[int] | int, sent_ns: int
    ) -> list[int]:
        """Places of the values not to be believed; what is bad already is left out."""
        return [
            place
            for place, check in self._checks
            if is_good(quality if isinstance(quality, int) else quality[place])
            and check.jumps(values[place], sent_ns)
        ]
