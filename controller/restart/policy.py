"""What a person may do with a run whose controller failed: by outage, film and what was going on.

Three ends. Where no film was being made, the run goes on at its named steps. Where casting was
interrupted the film in the line has an end, so it is lost: with the oven hot the line can be
threaded and cast anew. Where film may have charred, or nobody knows where it is, the only way
is the controlled stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from controller.procedure.states import State

LONGEST_S: Final = 900.0
"""Outage after which film on the line is only run out: as long as any hold waits before it
offers the run-out."""
HOT_C: Final = 200.0
STANDS_M_MIN: Final = 0.3
"""As interlock IL10: slower film in a hotter tenter is standing film."""
_UNWINDING: Final = (State.STOPPING, State.ABORTING)


class Way(StrEnum):
    """What may follow a restart of the controller."""

    READING = "reading"  # the plant is not read yet
    RESUME = "resume"  # restart: every unit goes on at its named step
    ANEW = "cast anew"  # rethread: the film runs out, the hot line is threaded and cast anew
    STOP = "stop"  # the controlled stop only


@dataclass(frozen=True, slots=True)
class Situation:
    """What the policy looks at.

    Attributes:
        state: of the run when the controller failed. outage_s: how long nobody controlled.
        film_m: meters of film on the line. casting: the recipe had not ended it.
        believed: the labels of the film are known. in_tenter: film, or leader, is in the tenter.
        rails_m_min: slower of the rails' mean speed in the outage and their speed now; NaN
            unknown. hottest_c: hottest tenter zone; NaN unknown.
    """

    state: State
    outage_s: float
    film_m: float
    casting: bool
    believed: bool
    in_tenter: bool
    rails_m_min: float
    hottest_c: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The way that is open, and why."""

    way: Way
    why: str


def decide(now: Situation) -> Verdict:
    """Choose the way; what is unknown counts as the worse."""
    if now.state in _UNWINDING:
        return Verdict(Way.STOP, f"the run was {now.state.name}: it is stopped anew")
    hot, moving = not now.hottest_c <= HOT_C, now.rails_m_min >= STANDS_M_MIN
    if now.in_tenter and hot and not moving:
        return Verdict(
            Way.STOP, f"film stood in the tenter above {HOT_C:g} °C: it may have charred"
        )
    return _by_film(now)


def _by_film(now: Situation) -> Verdict:
    minutes = LONGEST_S / 60.0
    if not now.film_m > 0.0:
        return Verdict(Way.RESUME, "no film of this lot is on the line")
    if not now.believed:
        return Verdict(Way.STOP, "nobody knows where the film is: a counter started again")
    if now.outage_s > LONGEST_S:
        return Verdict(Way.STOP, f"film was on the line for more than {minutes:g} min unwatched")
    if now.casting:
        return Verdict(Way.ANEW, "casting was interrupted: the film on the line ends there")
    return Verdict(Way.RESUME, "the recipe had ended casting: the film runs out")
