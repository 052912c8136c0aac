"""What people's hands do on the simulated plant, by the name of the question they answer."""

from __future__ import annotations

from collections.abc import Callable

from simulators.twin.plant import Plant

HANDS = {
    "thread_leader": "lay the leader from the peel roll to the winder",
    "splice": "peel the film off the belt and splice it to the leader",
    "heal": "join a broken web",
    "new_roll": "put an empty core on the winder",
    "cut_tape": "cut the web at the winder and tape it to the new core",
}


def hands_of(plant: Plant) -> dict[str, Callable[[], None]]:
    """Everything hands can do on this plant; all of it at once, without tools or time."""
    return {
        "thread_leader": plant.thread_leader,
        "splice": plant.splice,
        "heal": plant.heal,
        "new_roll": plant.new_roll,
        "cut_tape": plant.new_roll,
    }
