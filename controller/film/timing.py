"""Whether the phases of a recipe may last as long as film and roll need at its speeds."""

from __future__ import annotations

from config.models import Line, PhaseUse, Recipe
from controller.film.prediction import station_m

_SPARE = 1.05  # a time-out nearer than this to the way's own time is too short
_RUN_OUT = 1.2  # of the way from die to winder


def least_seconds(recipe: Recipe, line: Line) -> dict[str, float]:
    """Shortest time of the phases that wait for film to travel, by phase class."""
    settings = recipe.settings
    run, thread = settings.run_speed_m_min / 60.0, settings.thread_speed_m_min / 60.0
    peel, gel, wind = (station_m(line, name) for name in ("PEEL", "GEL", "WIND"))
    faster = settings.run_speed_m_min - settings.thread_speed_m_min
    return {
        "cast": peel / thread,
        "pin": (wind - gel) / thread,
        "ramp_speed": faster / settings.speed_ramp_m_min_per_min * 60.0,
        "collect": settings.roll_length_m / run,
        "run_out": _RUN_OUT * wind / run,
    }


def short_timeouts(recipe: Recipe, line: Line) -> list[str]:
    """Phases whose time-out would hold a run that is in order, in words."""
    least = least_seconds(recipe, line)
    found = []
    for unit in recipe.unit:
        for phase in unit.phase:
            needs = _SPARE * least.get(phase.use, 0.0)
            if phase.timeout_s < needs:
                found.append(
                    f"{unit.name}.{phase_name(phase)} takes {needs / 60.0:.0f} min at this "
                    f"recipe's speeds and length; its time-out of {phase.timeout_s / 60.0:.0f} min "
                    "would hold the run"
                )
    return found


def phase_name(phase: PhaseUse) -> str:
    """Name of a phase inside its unit: its own, or that of its class."""
    return phase.name or phase.use
