"""Large changes by hand are asked twice (safety rule 2.6): more than 20 K, or 10 % of range."""

from __future__ import annotations

from dataclasses import dataclass

from controller.gate_checks import Asked
from controller.refusals import Cause, Decision, Source

LIFE_NS = 15 * 1_000_000_000
_TEMPERATURES = ("degC", "K")
_LARGE_K = 20.0
_LARGE_FRACTION = 0.1


@dataclass(frozen=True, slots=True)
class _Pending:
    nonce: str
    value: float
    actor: str
    until_ns: int


class Confirmations:
    """Remembers large changes that a person was asked to confirm."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}
        self._count = 0

    def ask(self, asked: Asked, nonce: str) -> Decision | None:
        """Question to put to the person; None when the change may go on.

        The nonce lives 15 s and holds for the same tag, value and person only. A change from
        a value that nobody knows is not a number, and never large.
        """
        limit = _limit(asked)
        change = abs(asked.value - asked.present)
        if limit is None or asked.actor is None or not change > limit:
            return None
        tag, who = asked.output.name, asked.actor.name
        known = self._pending.pop(tag, None)
        if known is not None and self._matches(known, asked, nonce, who):
            return None
        self._count += 1
        fresh = f"{tag}#{self._count}"
        self._pending[tag] = _Pending(fresh, asked.value, who, asked.now_ns + LIFE_NS)
        unit = asked.output.spec.unit
        detail = f"from {asked.present:g} to {asked.value:g} {unit}: repeat to confirm"
        return Decision(False, (asked.refuse(Cause.CONFIRM, detail, change, limit),), fresh)

    @staticmethod
    def _matches(known: _Pending, asked: Asked, nonce: str, who: str) -> bool:
        same = (known.nonce, known.value, known.actor) == (nonce, asked.value, who)
        return same and asked.now_ns <= known.until_ns


def _limit(asked: Asked) -> float | None:
    """Greatest change that needs no confirmation; None when none ever does."""
    output = asked.output
    if asked.source is not Source.OPERATOR or output.spec.kind != "float" or asked.to_safe:
        return None
    low, high = output.write.range
    tenth = _LARGE_FRACTION * (high - low)
    return min(_LARGE_K, tenth) if output.spec.unit in _TEMPERATURES else tenth
