"""Arming: what must be known of every device before the line may be started.

A device on its own makes the line safe when this computer is gone, but only if it was set to.
Three of five families leave the factory with that switched off. So the settings are read back
while the line stands in IDLE, and START is refused with every one that is off, wrong or unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from drivers.base import LinkState
from drivers.settings import WrongSetting

READ_EVERY_S = 10.0  # line seconds between readings in IDLE
FRESH_S = 30.0  # a reading older than this is none


class Verified(Protocol):
    """A device with settings."""

    name: str
    state: LinkState
    wrong: tuple[WrongSetting, ...]

    def verified_s(self) -> float:
        """Seconds since all its settings were read."""

    def verify(self) -> None:
        """Read them again soon."""


class Arming:
    """Reads settings again and again, and says what is against arming.

    Args:
        devices: those that have settings.
    """

    def __init__(self, devices: Sequence[Verified]) -> None:
        self._devices = tuple(devices)
        self._next_s = READ_EVERY_S
        self.more: list[str] = []

    def step(self, dt: float, *, idle: bool) -> None:
        """Have the settings read again when it is time; only while nothing is made."""
        self._next_s -= dt
        if not idle or self._next_s > 0.0:
            return
        self._next_s = READ_EVERY_S
        for device in self._devices:
            device.verify()

    def against(self) -> list[str]:
        """Every reason against arming the line now."""
        found = list(self.more)
        for device in self._devices:
            found += [str(setting) for setting in device.wrong]
            if device.state is not LinkState.UP:
                found.append(f"{device.name}: does not answer; its settings are unknown")
            elif device.verified_s() > FRESH_S:
                told = f"{device.name}: its settings were not read in the last {FRESH_S:.0f} s"
                found.append(told)
        return found
