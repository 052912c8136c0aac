"""Settings of a device that keep the line safe when this computer is gone, as read back.

They are verified on connecting, and again while the line is not armed; see ``controller.arming``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """A setting that is off, or not as it must be.

    Attributes:
        device: name of the instrument.
        register: address, 0-based.
        value: what it holds; None where the device refused to tell or to take it.
        allowed: what it may hold, in words.
        why: what it is for, from the profile.
        refusal: how the device refused, or empty.
    """

    device: str
    register: int
    value: int | None
    allowed: str
    why: str
    refusal: str = ""

    def __str__(self) -> str:
        held = self.refusal if self.value is None else f"is {self.value}"
        return f"{self.device}: {self.why}: register {self.register} {held}, allowed {self.allowed}"
