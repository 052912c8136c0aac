"""A wall clock that can be made to jump, as when somebody sets the computer's time."""

from __future__ import annotations

from drivers.base import Clock

NS = 1_000_000_000


class JumpingClock:
    """A clock whose UTC can be stepped; its monotonic seconds go on.

    Args:
        clock: the true one.
    """

    __slots__ = ("_clock", "_off_ns")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._off_ns = 0

    def jump(self, by_s: float) -> None:
        """Step UTC by seconds, either way."""
        self._off_ns += round(by_s * NS)

    def utc_ns(self) -> int:
        """UTC as this computer believes it, ns since 1970."""
        return self._clock.utc_ns() + self._off_ns

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return self._clock.monotonic()
