"""How each injected fault must end, as data: the plan of the line before its later loops exist.

One row a fault and variant: the text to inject, when, the ends that are right, and what else the
run must show. ``early`` comes five minutes after the start, before the roll is collected;
``late`` when some meters of it are on the winder. The tool ``tools/fault_matrix.py`` runs every
row with every recipe and compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from controller.procedure.states import State

When = Literal["early", "late"]
COMPLETE, HELD, STOPPED, ABORTED = (
    State.COMPLETE.name,
    State.HELD.name,
    State.STOPPED.name,
    State.ABORTED.name,
)
HARDNESS: Final = (COMPLETE, HELD, STOPPED, ABORTED)
"""Ends by how much they stop: ending harder than planned is safe, and said."""


@dataclass(frozen=True)
class Expected:
    """One row of the plan.

    Attributes:
        fault: text without its time. title: what it is. when: see the module.
        plan: the expected end in the plan's words.
        ends: procedural states that are right.
        also: what else must be seen: ``trimmed`` the true core is within the recipe's target
            at the end; ``lanes`` lanes are marked in the record; ``meters`` fewer meters are
            good than collected; ``slowed`` the line ran slower; ``flagged`` the clock's jump is
            an event; ``pressure`` a HELD end needs a die pressure outside 1.5 to 4.5 MPa;
            ``zone_off`` the contactor of the zone is open at the end, if HELD.
        length: duration behind the time, empty for none.
        zone: zone at fault, for ``zone_off``.
    """

    fault: str
    title: str
    when: When
    plan: str
    ends: tuple[str, ...]
    also: tuple[str, ...] = ()
    length: str = ""
    zone: str = ""

    def text(self, at_s: float) -> str:
        """The fault as it is given to a run."""
        return f"{self.fault}@{at_s:.0f}s" + (f"+{self.length}" if self.length else "")


_TRIM = "COMPLETE by trim"
_LANES, _METERS = "COMPLETE, lanes marked", "COMPLETE, meters marked"
_OWN_TC = "HELD, or on the second thermocouple (STOPPED after 30 min)"
_SECOND = (HELD, COMPLETE, STOPPED)
_BREAK = "break sequence, STOPPED"
_TABLE = "as the trip table: HELD"

PLAN: Final = (
    Expected("F1", "pump pulsates", "early", _TRIM, (COMPLETE,), ("trimmed",)),
    Expected("F1(wear)", "pump wears", "early", _TRIM, (COMPLETE,), ("trimmed",)),
    Expected("F2", "dope gets thinner", "early",
             "COMPLETE by trim, HELD outside 1.5 to 4.5 MPa", (COMPLETE, HELD),
             ("trimmed", "pressure")),
    Expected("F2(solids)", "dope solids step down", "early",
             "COMPLETE by trim, HELD outside 1.5 to 4.5 MPa", (COMPLETE, HELD),
             ("trimmed", "pressure")),
    Expected("F3", "streak in the die", "early", _LANES, (COMPLETE,), ("lanes",)),
    Expected("F4", "lip bolt 7 stuck", "early", _LANES, (COMPLETE,), ("lanes",)),
    Expected("F5(T6)", "heater of T6 dead", "early", _TABLE, (HELD,), ("zone_off",), zone="T6"),
    Expected("F6(T6)", "thermocouple of T6 burnt out", "early", _OWN_TC, _SECOND,
             ("zone_off",), zone="T6"),
    Expected("F6(T6 frozen)", "thermocouple of T6 frozen", "early", _OWN_TC, _SECOND,
             ("zone_off",), zone="T6"),
    Expected("F7(B2)", "exhaust duct of B2 half closed", "early", "STOPPED", (STOPPED,)),
    Expected("F7(B2 size=0.3)", "exhaust duct of B2 to 30 %", "early", "STOPPED", (STOPPED,)),
    Expected("F8(B1)", "analyzer of B1 without sample", "early", "STOPPED", (STOPPED,)),
    Expected("F8(B1 stuck)", "analyzer of B1 frozen", "early", "STOPPED", (STOPPED,)),
    Expected("F9(peel)", "break at the peel roll", "early", _BREAK, (STOPPED,)),
    Expected("F9(entry)", "break at the tenter entry", "early", _BREAK, (STOPPED,)),
    Expected("F9(exit)", "break behind the tenter", "late", _BREAK, (STOPPED,)),
    Expected("F10", "a row of pins lost", "early", "STOPPED", (STOPPED,)),
    Expected("F11", "scanner reads 2 µm high", "late", _METERS, (COMPLETE,), ("meters",)),
    Expected("F11(dirty)", "scanner dirty", "late", _METERS, (COMPLETE,), ("meters",)),
    Expected("F11(stuck)", "scanner frozen", "late", _METERS, (COMPLETE,), ("meters",)),
    Expected("F12", "coating feed runs empty", "late", _METERS, (COMPLETE,), ("meters",)),
    Expected("F13", "belt 8 K hotter", "early", _TRIM, (COMPLETE,), ("trimmed",)),
    Expected("F13(size=-8)", "belt 8 K colder", "early", _TRIM, (COMPLETE,), ("trimmed",)),
    Expected("F14", "film sticks to the belt", "early", "COMPLETE slowed, or HELD",
             (COMPLETE, HELD), ("slowed",)),
    Expected("F15", "emergency stop", "early", "ABORTED", (ABORTED,)),
    Expected("F15(guard)", "guard open", "early", "ABORTED", (ABORTED,)),
    Expected("F15(fire)", "fire", "early", "ABORTED", (ABORTED,)),
    Expected("F15(dip)", "power dip of 0.5 s", "early", "HELD", (HELD,)),
    Expected("F15(timeout T4)", "controller of T4 silent for 30 s", "early",
             "by its tags: HELD", (HELD,), length="30s"),
    Expected("F15(clock +1h)", "clock of the computer set 1 h on", "late",
             "COMPLETE and flagged", (COMPLETE,), ("flagged",)),
    Expected("F15(clock -1h)", "clock of the computer set 1 h back", "late",
             "COMPLETE and flagged", (COMPLETE,), ("flagged",)),
)  # fmt: skip
