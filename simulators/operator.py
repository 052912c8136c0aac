"""The scripted operator of a dry run: answers each question after a stated time.

Some answers are also work of hands (laying a leader, splicing): the script does it on the
simulated plant when it answers. Everything is recorded as ``operator:simulated``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.models import Role
from controller.events import Actor
from controller.procedure.runner import Runner
from controller.scan import ScanOutput

ANSWER_AFTER_S = 60.0
_NS = 1_000_000_000


class ScriptedOperator:
    """Watches the runner's questions.

    Args:
        runner: the procedure.
        hands: what to do on the plant when a question of that key is answered.
        delays_s: line seconds until an answer, by key; others take ``ANSWER_AFTER_S``.
    """

    def __init__(
        self,
        runner: Runner,
        hands: Mapping[str, Callable[[], None]],
        delays_s: Mapping[str, float] | None = None,
    ) -> None:
        self._runner = runner
        self._hands = dict(hands)
        self._delays = dict(delays_s or {})

    def __call__(self, output: ScanOutput) -> None:
        """Look at the open questions of one scan."""
        now_ns = output.snapshot.now_ns
        for pending in self._runner.asks():
            waited_s = (now_ns - pending.asked_ns) / _NS
            if waited_s >= self._delays.get(pending.ask.key, ANSWER_AFTER_S):
                work = self._hands.get(pending.ask.key)
                if work is not None:
                    work()
                self._runner.answer(
                    pending.ask_id, pending.ask.choices[0], person(pending.ask.role)
                )


def person(role: Role) -> Actor:
    """The simulated person of a role."""
    name = "engineer" if role in {Role.ENGINEER, Role.ADMIN} else "operator"
    return Actor(f"{name}:simulated", role)
