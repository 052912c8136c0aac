"""How a live run ends: what signals and final states ask for. Pure.

The plant is made safe before the service goes: the first signal is a controlled stop, the
second makes all outputs safe at once, further ones are told that it is under way. A service
that has moved nothing ends at the first signal.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.procedure.states import FINAL, Command, State

AFTER_END_S = 5.0  # line seconds of record after the last change
_SAFE = (*FINAL, State.IDLE)
_NOT_BEGUN = (State.IDLE, State.ABORTING, State.ABORTED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a signal leads to: a command for the procedure, or none, and words."""

    command: Command | None
    words: str


@dataclass(slots=True)
class Ending:
    """Counts signals and says when the service may go.

    Attributes:
        once: end when the procedure has ended, without a signal.
        signals: how many came. begun: the procedure ran.
    """

    once: bool = False
    signals: int = 0
    begun: bool = False
    _safe_since_s: float | None = None

    def heed(self, state: State, *, moved: bool) -> Answer:
        """A signal came.

        Args:
            state: of the procedure.
            moved: outputs have been written since the service started.
        """
        self.signals += 1
        if state in FINAL or (state is State.IDLE and not moved):
            return Answer(None, "nothing runs: ending")
        if state is State.IDLE:
            return Answer(Command.ABORT, "outputs were moved by hand: making them safe, then end")
        if state is State.ABORTING:
            return Answer(None, "outputs are being made safe already; the record closes after that")
        if self.signals == 1 and state is not State.STOPPING:
            return Answer(
                Command.STOP,
                "controlled stop, then end (a second signal makes all outputs safe at once)",
            )
        if self.signals == 1:
            return Answer(None, "the controlled stop goes on, then end (again: outputs safe)")
        return Answer(Command.ABORT, "abort: all outputs safe at once, then end")

    def over(self, state: State, now_s: float) -> bool:
        """Tell whether the service may end now (called every scan).

        A lot has begun once its procedure ran. An abort before that (a device was silent while
        the service came up) is reset like any other, and the service goes on waiting.
        """
        self.begun = self.begun or state not in _NOT_BEGUN
        closed = self.begun and state is State.IDLE  # reset: the lot is done with
        ended = self.once and self.begun and state in FINAL
        if state not in _SAFE or not (self.signals or closed or ended):
            self._safe_since_s = None
            return False
        if state is State.IDLE and not self.begun:
            return True
        if self._safe_since_s is None:
            self._safe_since_s = now_s
        return now_s - self._safe_since_s >= AFTER_END_S
