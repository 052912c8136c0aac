"""What drives share: run and speed reference held together, a state sequence, a fault reset.

The control word is a pure function of the run request and the status word the drive shows, so
the sequence of a family is one function. A fault ends the run request: after its reset the
drive stands until it is told to run again. While its outputs are shed, a drive that moves
material (its speed is no percentage) goes on at its safe speed if it runs, but is never started;
a fan is.
"""

from __future__ import annotations

from abc import abstractmethod

from drivers.base import WriteOutcome
from drivers.codec import NotEncodable, encode_number
from drivers.parts import RegisterDevice
from drivers.profile import WriteRule
from drivers.writes import HeldOutputs, Words


class DriveOutputs(HeldOutputs):
    """Control word and reference of one drive.

    Attributes:
        status: last status word, None before the first.
    """

    def __init__(self, device: RegisterDevice) -> None:
        profile = device.parts.profile
        run, speed = profile.write_named("run"), profile.write_named("sp")
        super().__init__(
            device,
            device.parts.writable(),
            run.refresh_s,
            speed.min_interval_s,
            at_once=frozenset({"run"}),
        )
        self.drive = device
        self.status: int | None = None
        self._running, self._reference = False, 0  # as the drive shows them
        self._type, self._scale = speed.type, _speed_scale(device, speed)
        tags = device.parts.instrument.tags
        self._moves = any(tag.point == "sp" and tag.unit != "%" for tag in tags)

    # --- what families provide ---

    @abstractmethod
    def control_word(self, run: bool, status: int) -> int:
        """Give the next control word of the family's sequence."""

    @abstractmethod
    def is_tripped(self, status: int) -> bool:
        """Tell whether the drive stands on a fault."""

    @abstractmethod
    def fell_out(self, word: int, status: int) -> bool:
        """Tell whether a drive told to run by ``word`` shows that it was off meanwhile."""

    # --- outputs ---

    def words(self, values: dict[str, float]) -> Words:
        """Encode; what was never requested stays as the drive shows it."""
        run = bool(values.get("run", self._running))
        word = self.control_word(run, self.status if self.status is not None else 0)
        if "sp" not in values:
            return word, self._reference
        return word, encode_number(values["sp"], self._type, self._scale)[0]

    def show(self, word: int, reference: int, running: bool, status: int) -> None:
        """Take what the drive shows; go on with its sequence."""
        self.status, self._running, self._reference = status, running, reference
        self.read_back((word, reference))
        if self.confirmed is not None and self.fell_out(self.confirmed[0], status):
            self.shed_outputs("the drive left its running state by itself")
        if self.is_tripped(status) and self.values.get("run"):
            self.values = {**self.values, "run": 0.0}
            self.drive.report("tripped: the run request ends")
        settled = self.confirmed is None or self.waits()
        if not settled and self.words(self.values) != self.confirmed:
            self._hurry("run", 0.0)

    def after_reset(self, words: Words) -> None:
        """A fault reset was written: the drive holds these words and does not run."""
        if self.confirmed is not None:
            self.confirmed = words
            self.values = {**self.values, "run": 0.0}

    def put(self, point: str, value: float, now: float) -> None:
        """Take a set-point; a tripped drive, or one that stands shed, is not told to run."""
        if point == "run" and value and self.status is not None and self.is_tripped(self.status):
            self.end(point, value, WriteOutcome.REFUSED, "the drive is tripped: reset it first")
            return
        if point == "run" and value and self.shed and self._moves and not self._running:
            self.end(point, value, WriteOutcome.REFUSED, "it stands: a person starts it again")
            return
        super().put(point, value, now)

    def reference_word(self) -> int:
        """Reference the drive holds."""
        return self.confirmed[1] if self.confirmed is not None else self._reference


def _speed_scale(device: RegisterDevice, rule: WriteRule) -> float:
    """EU per count of the reference."""
    if rule.full_scale_counts is None:
        return rule.scale
    for tag in device.parts.instrument.tags:
        if tag.point == "sp" and tag.full_scale is not None:
            return tag.full_scale / rule.full_scale_counts
    raise NotEncodable(f"{device.name}: its .SP tag has no full_scale")
