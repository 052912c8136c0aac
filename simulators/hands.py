"""What people's hands do on the simulated plant, by the name of the question they answer."""

from __future__ import annotations

from collections.abc import Callable

from simulators.twin.plant import Plant


def hands_of(plant: Plant) -> dict[str, Callable[[], None]]:
    """Everything hands can do on this plant; all of it at once, without tools or time."""
    return {
        "thread_leader": plant.thread_leader,
        "splice": plant.splice,
        "heal": plant.heal,
        "new_roll": plant.new_roll,
        "cut_tape": plant.new_roll,
    }
