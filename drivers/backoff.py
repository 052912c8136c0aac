"""Growing waits between attempts to reach something that does not answer."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Exponential waits with jitter.

    Args:
        first_s: first wait.
        most_s: longest wait.
        jitter: gives 0..1; each wait is scaled by 0.75 to 1.25 with it, so that devices lost
            together do not come back together. A constant 0.5 means no jitter.
    """

    __slots__ = ("_first_s", "_jitter", "_most_s", "_next_s")

    def __init__(self, first_s: float, most_s: float, jitter: Callable[[], float]) -> None:
        self._first_s, self._most_s, self._jitter = first_s, most_s, jitter
        self._next_s = first_s

    def wait_s(self) -> float:
        """Give the next wait, never above the longest, and double the one after it."""
        wait_s = min(self._next_s * (0.75 + 0.5 * self._jitter()), self._most_s)
        self._next_s = min(self._next_s * 2.0, self._most_s)
        return wait_s

    def reset(self) -> None:
        """Start over: something answered."""
        self._next_s = self._first_s
