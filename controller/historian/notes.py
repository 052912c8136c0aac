"""What the record holds beside samples: events, the procedure's journal, profiles and gaps."""

from __future__ import annotations

import math
from typing import Any, Final

from controller.events import Event
from controller.historian.profiles import Profile, from_row
from controller.historian.reading import EARLIEST, LATEST, Reader
from controller.historian.recorder import Gap

_NAN_BLOB: Final = b"NaN"  # SQLite would store a NaN as NULL, which is None

_PROFILES: Final = """
SELECT ns, scanner, points, from_m, to_m, data FROM profile
WHERE (?1 IS NULL OR scanner = ?1) AND ns >= ?2 AND ns < ?3 ORDER BY ns, id
"""
_PROFILES_BY_METER: Final = """
SELECT ns, scanner, points, from_m, to_m, data FROM profile
WHERE (?1 IS NULL OR scanner = ?1) AND to_m >= ?2 AND from_m <= ?3 ORDER BY ns, id
"""


def event_row(event: Event) -> tuple[object, ...]:
    """The row of table ``event`` after its id."""
    return (
        event.ns,
        str(event.source),
        str(event.verb),
        event.tag,
        _storable(event.old),
        _storable(event.new),
        event.cause,
        event.actor,
    )


def _storable(value: Any) -> Any:
    return _NAN_BLOB if isinstance(value, float) and math.isnan(value) else value


def restored(value: Any) -> Any:
    """A value of an event as it was given."""
    return math.nan if value == _NAN_BLOB else value


class Notes(Reader):
    """Events, journal, profiles and gaps of a record."""

    def events(
        self,
        from_ns: int = EARLIEST,
        to_ns: int = LATEST,
        *,
        source: str | None = None,
        verb: str | None = None,
        tag: str | None = None,
        actor: str | None = None,
        limit: int = -1,
    ) -> list[Event]:
        """Events in the order in which they were recorded; with an actor, the audit trail."""
        found = self.query(
            "SELECT ns, source, verb, tag, old, new, cause, actor FROM event "
            "WHERE ns >= ?1 AND ns < ?2 AND (?3 IS NULL OR source = ?3) "
            "AND (?4 IS NULL OR verb = ?4) AND (?5 IS NULL OR tag = ?5) "
            "AND (?6 IS NULL OR actor = ?6) ORDER BY ns, id LIMIT ?7",
            (from_ns, to_ns, source, verb, tag, actor, limit),
        )
        return [Event(*(restored(value) for value in row)) for row in found]

    def journal(self, subject: str) -> list[tuple[int, str]]:
        """Time and text of the entries of one subject, oldest first."""
        return self.query("SELECT ns, entry FROM journal WHERE subject = ? ORDER BY id", (subject,))

    def latest_journal(self) -> dict[str, tuple[int, str]]:
        """The last entry of each subject: what a restart begins from."""
        found = self.query(
            "SELECT subject, ns, entry FROM journal "
            "WHERE id IN (SELECT max(id) FROM journal GROUP BY subject) ORDER BY subject"
        )
        return {subject: (ns, entry) for subject, ns, entry in found}

    def profiles(
        self, from_ns: int = EARLIEST, to_ns: int = LATEST, *, scanner: str | None = None
    ) -> list[Profile]:
        """Scanner profiles that ended in a range of time."""
        return [from_row(*row) for row in self.query(_PROFILES, (scanner, from_ns, to_ns))]

    def profiles_by_meter(
        self, from_m: float, to_m: float, *, scanner: str | None = None
    ) -> list[Profile]:
        """Scanner profiles that cover any of these roll meters."""
        return [from_row(*row) for row in self.query(_PROFILES_BY_METER, (scanner, from_m, to_m))]

    def gaps(self, group: str | None = None) -> list[tuple[str, Gap]]:
        """Declared gaps with the name of their scan group (empty for notes), oldest first."""
        found = self.query(
            "SELECT coalesce(scan_group.name, ''), group_id, kind, from_ns, to_ns, samples, "
            "quality, reason FROM gap LEFT JOIN scan_group ON scan_group.id = gap.group_id "
            "WHERE ?1 IS NULL OR scan_group.name = ?1 ORDER BY from_ns, gap.id",
            (group,),
        )
        return [(name, Gap(*row)) for name, *row in found]
