"""Sends a phase's switch to its owner: ``film.*`` to the film, the rest to the loops."""

from __future__ import annotations

from controller.procedure.context import Switches


class Switchboard:
    """One name space over several owners of switches.

    Args:
        owners: prefix of the name -> owner; the empty prefix owns what no other does.
    """

    def __init__(self, owners: dict[str, Switches]) -> None:
        self._owners = owners

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        """Pass on to the owner."""
        prefix = name.partition(".")[0]
        owner = self._owners.get(prefix) or self._owners[""]
        owner.switch(name, on, now_ns)
