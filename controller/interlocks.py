"""Interlocks: the line file's trips, evaluated every scan in every mode, as a pure function.

Three-valued: an unknown input neither trips nor clears; what a lost input must do is
written in the row's own ``not_good`` tests. Rows that are not latched are permissives, and
a permissive needs GOOD inputs, so unknown acts as tripped there. A latched trip holds its
outputs until a person resets it with a reason, once its cause is gone (safety rules 1.2 and
2.3): gone means false, not unknown, and no other row of the same hazard on the same tags may
have its cause present, so a 25 % trip of an analyzer resets only below the 20 % warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

from config.models import Level, Line, Role
from controller.bypass import Bypass, bypass_refusals
from controller.cause_effect import RANK, Matrix, Row
from controller.condition_nodes import Finding
from controller.events import Actor, Event
from controller.outputs import Forced
from controller.refusals import ACCEPTED, Cause, Decision, Refusal, refused
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

_ENGINEER_HAZARDS = tuple(f"Z{number}" for number in range(1, 9))
_UNREAD = (Quality.BAD_WAITING_FOR_INITIAL_DATA, Quality.BAD_NO_COMMUNICATION)
_FIRST_OUT_RANK = RANK[Level.HOLD]


@dataclass(frozen=True, slots=True)
class InterlockResult:
    """What the interlocks demand in this scan.

    Attributes:
        new_trips: rows that tripped in this scan, the first cause first.
        active: all rows that act, in the order of the line file.
        level: highest level of them, None when nothing acts.
        first_out: row that started the present state at level H or above, empty when none.
        forced: outputs held, by tag index.
        blocks: outputs whose increase is refused, by tag index, with the row.
        left: outputs nobody writes, by tag index, with the row: other protection has them.
        events: trips, clears, resets and bypasses of this scan.
    """

    new_trips: tuple[str, ...]
    active: tuple[str, ...]
    level: Level | None
    first_out: str
    forced: Mapping[int, Forced]
    blocks: Mapping[int, str]
    left: Mapping[int, str]
    events: tuple[Event, ...]


class Interlocks:
    """Evaluates the cause-and-effect matrix of a line.

    Args:
        line: the line file.
        table: the process image its conditions look at.

    Attributes:
        passes: how often every row has been evaluated.
    """

    def __init__(self, line: Line, table: TagTable) -> None:
        self._matrix = Matrix(line, table)
        self._rows = self._matrix.rows
        self._watch = [(row, row.gate, row.when.evaluate) for row in self._rows]
        self._first_out = ""
        self._bypass: Bypass | None = None
        self._pending: list[Event] = []
        self.passes = 0
        self._table = table
        self._up_s = 0.0
        self._seen: Snapshot | None = None
        self._result = self._collect(())

    @property
    def result(self) -> InterlockResult:
        """Demands as of the last scan or reset."""
        return self._result

    def step(self, snapshot: Snapshot, dt: float) -> InterlockResult:
        """Evaluate every row once; unchanged demands come back as the same objects."""
        self._seen, known = snapshot, snapshot.known
        self._up_s += dt
        enabled = [condition.evaluate(known, dt) for condition in self._matrix.enables]
        self._expire_bypass(snapshot.now_ns)
        tripped: list[Row] = []
        for row, gate, evaluate in self._watch:
            if gate >= 0 and enabled[gate] is False:
                cause = self._unwatched(row)
            else:
                row.watching = True
                cause = evaluate(known, dt)
            row.cause = cause
            if cause is False:
                if row.tripped and not row.trip.latched:
                    self._clear(row, snapshot.now_ns)
            elif not row.tripped and self._acts(row):
                if self._only_unread(row, snapshot):
                    row.cause = None
                    row.when.reset()
                else:
                    tripped.append(row)
        if tripped:
            self._trip(tripped, snapshot)
        self.passes += 1
        return self._answer(tripped)

    def reset(self, name: str, actor: Actor, reason: str, now_ns: int) -> Decision:
        """Release a latched trip; it never restarts anything.

        Refused, with every reason, while the cause is present or unknown, without a stated
        reason, or for a role too low: engineer for hazards Z1 to Z8, operator for others.
        """
        number = self._matrix.number.get(name)
        if number is None:
            return refused(_no(name, Cause.UNKNOWN_TAG, "the line has no such trip"))
        row = self._rows[number]
        reasons = self.against_reset(name, actor, reason)
        if reasons:
            self._note(now_ns, "reset refused", row, "; ".join(map(str, reasons)), actor.name)
            return refused(*reasons)
        row.tripped = False
        self._note(now_ns, "reset", row, reason, actor.name)
        self._forget_first_out()
        self._result = self._collect(())
        return ACCEPTED

    def against_reset(self, name: str, actor: Actor, reason: str) -> tuple[Refusal, ...]:
        """Every reason against a reset of a row now; empty when it would be done."""
        row = self._rows[self._matrix.number[name]]
        return (*_reset_rights(row, actor, reason), *self._still_there(row))

    def bypass(self, asked: Bypass, now_ns: int) -> Decision:
        """Ignore one row for a limited time; refused for hazards Z1 to Z4 whoever asks.

        Bypasses are not part of the saved state: a restart clears them.
        """
        number = self._matrix.number.get(asked.trip)
        if number is None:
            return refused(_no(asked.trip, Cause.UNKNOWN_TAG, "the line has no such trip"))
        row = self._rows[number]
        reasons = self.against_bypass(asked, now_ns)
        if reasons:
            self._note(
                now_ns, "bypass refused", row, "; ".join(map(str, reasons)), asked.actor.name
            )
            return refused(*reasons)
        self._bypass = asked
        self._note(now_ns, "bypass", row, asked.reason, asked.actor.name)
        return ACCEPTED

    def against_bypass(self, asked: Bypass, now_ns: int) -> tuple[Refusal, ...]:
        """Every reason against a bypass now; empty when it would be set."""
        row = self._rows[self._matrix.number[asked.trip]]
        return bypass_refusals(row.trip, asked, self._bypass, now_ns)

    @property
    def bypassed(self) -> Bypass | None:
        """The bypass in force, None when there is none."""
        return self._bypass

    def findings(self, name: str) -> tuple[Finding, ...]:
        """Leaves of a row's condition as they are now: what makes it true, else what keeps it so.

        Empty before the first scan.
        """
        row, seen = self._rows[self._matrix.number[name]], self._seen
        return () if seen is None else tuple(row.when.because(seen) or row.when.explain(seen))

    def since_ns(self, name: str) -> int:
        """UTC ns at which a row tripped last; 0 when it never did."""
        return self._rows[self._matrix.number[name]].since_ns

    def why(self, name: str) -> str:
        """Values that made a row trip; empty when it is not tripped.

        A latched row keeps those of its trip. One that clears by itself says what keeps it now.
        """
        row = self._rows[self._matrix.number[name]]
        if not row.tripped:
            return ""
        if row.trip.latched or self._seen is None:
            return row.why
        return _because(row, self._seen) or row.why

    def demand(self, name: str) -> tuple[Level, str]:
        """Level of a row and what it says: its name, title and the live values that tripped it."""
        row = self._rows[self._matrix.number[name]]
        return row.trip.level, f"{name}: {row.trip.title}: {row.why}"

    def says(self, name: str) -> str:
        """A row in words: its name, title and ``why`` it acts."""
        row = self._rows[self._matrix.number[name]]
        return f"{name}: {row.trip.title}: {self.why(name) or 'does not act'}"

    def acts(self, name: str) -> bool:
        """Tell whether a row is tripped; False when the line has no such row."""
        number = self._matrix.number.get(name)
        return number is not None and self._rows[number].tripped

    def cause(self, name: str) -> bool | None:
        """Truth of a row's condition in the last scan."""
        return self._rows[self._matrix.number[name]].cause

    def watched(self, name: str) -> bool:
        """Whether a row is enabled; one that is not, of a zone that is off, has no cause."""
        return self._rows[self._matrix.number[name]].watching

    def latched(self) -> tuple[str, ...]:
        """Latched trips that a restart must find again, for the journal."""
        return tuple(row.trip.name for row in self._rows if row.tripped and row.trip.latched)

    def restore(self, names: Sequence[str], now_ns: int) -> None:
        """Trip again what was latched before a restart; names the line lost are skipped."""
        for name in names:
            number = self._matrix.number.get(name)
            if number is not None and self._rows[number].trip.latched:
                row = self._rows[number]
                row.tripped, row.since_ns, row.why = True, now_ns, "latched before the restart"
                self._note(now_ns, "restored", row, row.why)
        self._result = self._collect(())

    @staticmethod
    def _unwatched(row: Row) -> bool | None:
        """Cause of a row that is not enabled: gone, and its timers start anew."""
        if row.watching:
            row.watching = False
            row.when.reset()
        return False

    def _acts(self, row: Row) -> bool:
        """Tell whether a cause that is present or unknown trips the row."""
        if self._bypass is not None and self._bypass.trip == row.trip.name:
            return False
        return row.cause is True or not row.trip.latched

    def _only_unread(self, row: Row, snapshot: Snapshot) -> bool:
        """Tell whether nothing but inputs that cannot have been read yet makes a latched row true.

        A device counts as silent after its stale limit, and so it does after a start. A value
        that was read and is bad, or too low, trips at once.
        """
        if row.cause is not True:
            return False
        table = self._table
        for found in row.when.because(snapshot):
            limit_s = float(table.stale_ns[table.index(found.tag)]) / 1e9
            if found.quality not in _UNREAD or self._up_s >= limit_s:
                return False
        return True

    def _trip(self, rows: list[Row], snapshot: Snapshot) -> None:
        rows.sort(key=lambda row: -row.rank)
        for row in rows:
            row.tripped = True
            row.since_ns = snapshot.now_ns
            row.why = _because(row, snapshot)
            first = not self._first_out and row.rank >= _FIRST_OUT_RANK
            if first:
                self._first_out = row.trip.name
            cause = f"{row.trip.title}: {row.why}{' (first out)' if first else ''}"
            self._note(snapshot.now_ns, "trip", row, cause)

    def _clear(self, row: Row, now_ns: int) -> None:
        row.tripped = False
        self._note(now_ns, "clear", row, "its cause is gone")
        self._forget_first_out()

    def _answer(self, tripped: Sequence[Row]) -> InterlockResult:
        """Anew after anything happened: each trip, clear, reset and bypass has its event."""
        if self._pending:
            self._result = self._collect(tuple(row.trip.name for row in tripped))
            self._pending.clear()
        elif self._result.events or self._result.new_trips:
            self._result = self._quiet()
        return self._result

    def _collect(self, new_trips: tuple[str, ...]) -> InterlockResult:
        return InterlockResult(
            new_trips=new_trips,
            active=tuple(row.trip.name for row in self._rows if row.tripped),
            level=self._matrix.level(),
            first_out=self._first_out,
            forced=self._matrix.forced(),
            blocks=self._matrix.blocks(),
            left=self._matrix.left(),
            events=tuple(self._pending),
        )

    def _quiet(self) -> InterlockResult:
        last = self._result
        return replace(last, new_trips=(), events=())

    def _still_there(self, row: Row) -> list[Refusal]:
        name = row.trip.name
        if not row.tripped:
            return [_no(name, Cause.NOT_TRIPPED, "it is not tripped")]
        reasons = []
        if row.cause is not False:
            state = "present" if row.cause else "unknown"
            reasons.append(_no(name, Cause.CAUSE_PRESENT, f"its cause is still {state}"))
        for number in row.related:
            other = self._rows[number]
            if other.cause is True and other.rank <= row.rank:
                told = f"{other.trip.name} still has its cause: {other.trip.title}"
                reasons.append(_no(name, Cause.CAUSE_PRESENT, told))
        return reasons

    def _forget_first_out(self) -> None:
        if not any(row.tripped and row.rank >= _FIRST_OUT_RANK for row in self._rows):
            self._first_out = ""

    def _expire_bypass(self, now_ns: int) -> None:
        if self._bypass is not None and now_ns >= self._bypass.until_ns:
            row = self._rows[self._matrix.number[self._bypass.trip]]
            self._bypass = None
            self._note(now_ns, "bypass ended", row, "its time is up")

    def _note(self, now_ns: int, verb: str, row: Row, cause: str, actor: str = "") -> None:
        level = row.trip.level.value
        self._pending.append(
            Event(now_ns, "interlock", verb, row.trip.name, None, level, cause, actor)
        )


def _reset_rights(row: Row, actor: Actor, reason: str) -> list[Refusal]:
    name = row.trip.name
    reasons = []
    least = Role.ENGINEER if row.trip.hazard in _ENGINEER_HAZARDS else Role.OPERATOR
    if not actor.may(least):
        told = f"{actor.name} is {actor.role}; {row.trip.hazard} needs {least}"
        reasons.append(_no(name, Cause.ROLE, told))
    if not reason.strip():
        reasons.append(_no(name, Cause.REASON, "a reset needs a reason"))
    return reasons


def _because(row: Row, snapshot: Snapshot) -> str:
    """What makes a row's condition true or unknown; each input is told once."""
    found = row.when.because(snapshot) or row.when.explain(snapshot)
    return "; ".join(dict.fromkeys(map(str, found)))


def _no(name: str, cause: Cause, detail: str) -> Refusal:
    return Refusal(name, cause, detail, nan, nan)
