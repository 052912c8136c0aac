"""The process image: one row per tag, in numpy columns, and the snapshot a scan works on.

Drivers attach their blocks first; each block lies in one contiguous slice, so a poll is a
few slice assignments. The first look-up of an index seals the layout: the tags that no
block claimed follow in the order of the line file, calculated tags last.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from config.models import CalculatedTag, Line, TagSpec
from controller.errors import UnknownTag, WiringError
from controller.sensor_checks import accepted_range, failed, outside, spoiled
from controller.sensor_rates import BlockRates
from drivers.base import Block, BlockWriter, Image, Quality, is_bad

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint32]
Times = npt.NDArray[np.int64]
Place = slice | npt.NDArray[np.intp]

_LEAST_STALE_S = 2.0
_CALCULATED_STALE_S = 3.0
_MOST_KEPT = 64  # samples of a tag that nobody takes; older ones go


class TagTable:
    """The one copy of the current state of the line.

    Args:
        line: the line file.
        recorder: gets each block after it was checked and stored; None keeps no record. It
            has the shape of an image: the record attaches each block and writes it.

    Attributes:
        value: last value per tag, in the tag's unit.
        quality: OPC UA status per tag, as received and checked.
        source_ns: UTC ns when the request for it was sent; age counts from here.
        received_ns: UTC ns when it was complete.
        stale_ns: greatest age at which it still counts.
        request: last accepted set-point or output, NaN when none.
    """

    def __init__(self, line: Line, recorder: Image | None = None) -> None:
        self.line = line
        self._recorder = recorder
        self._specs: dict[str, TagSpec | CalculatedTag] = {}
        for instrument in line.instrument:
            for tag in instrument.tags:
                self._specs[tag.name] = tag
        for calculated in line.calculated:
            self._specs[calculated.name] = calculated
        size = len(self._specs)
        self.value: Floats = np.full(size, math.nan)
        self.quality: Codes = np.full(size, Quality.BAD_WAITING_FOR_INITIAL_DATA, np.uint32)
        self.source_ns: Times = np.zeros(size, np.int64)
        self.received_ns: Times = np.zeros(size, np.int64)
        self.stale_ns: Times = np.zeros(size, np.int64)
        self.request: Floats = np.full(size, math.nan)
        self._position: dict[str, int] = {}
        self._claimed: set[str] = set()
        self._writers: dict[str, tuple[BlockSlice, int]] = {}
        self._sealed = False
        self._low = [0.0] * size
        self._high = [0.0] * size
        self._age: Times = np.zeros(size, np.int64)

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def scan_period_s(self) -> float:
        """Nominal time between scans, line seconds."""
        return self.line.line.scan_period_s

    @property
    def names(self) -> tuple[str, ...]:
        """All tags in the order of their index."""
        self._seal()
        return tuple(sorted(self._position, key=self._position.__getitem__))

    def resolutions(self) -> dict[str, float]:
        """Smallest step worth keeping, per tag."""
        return {name: spec.resolution for name, spec in self._specs.items()}

    def spec(self, name: str) -> TagSpec | CalculatedTag:
        """Specification of a tag.

        Raises:
            UnknownTag: the line has no such tag.
        """
        try:
            return self._specs[name]
        except KeyError:
            raise UnknownTag(name) from None

    def index(self, name: str) -> int:
        """Row of a tag; rules resolve it once, at load.

        Raises:
            UnknownTag: the line has no such tag.
        """
        self._seal()
        try:
            return self._position[name]
        except KeyError:
            raise UnknownTag(name) from None

    def attached(self, name: str) -> bool:
        """Tell whether some block brings this tag."""
        return name in self._claimed

    def attach(self, block: Block) -> BlockSlice:
        """Declare a block once, before polling, and get its writer.

        Raises:
            UnknownTag: the line has no tag of that name.
            WiringError: another block already brings one of the tags.
        """
        for name in block.tags:
            self.spec(name)
            if name in self._claimed:
                raise WiringError(f"block {block.name}: tag {name} already comes with another")
            self._claimed.add(name)
        place = self._place(block.tags)
        for name in block.tags:
            own = self._specs[name]
            limit_s = own.stale_s if isinstance(own, TagSpec) else None
            limit_s = limit_s or max(3.0 * block.period_s, _LEAST_STALE_S)
            self.stale_ns[self._position[name]] = round(limit_s * 1e9)
        record = None if self._recorder is None else self._recorder.attach(block)
        writer = BlockSlice(self, block, place, record)
        self._writers |= {name: (writer, k) for k, name in enumerate(block.tags)}
        return writer

    def keep(self, name: str) -> deque[tuple[int, float]]:
        """Keep the samples of an attached tag for somebody who takes every one of them.

        The row of a tag shows its latest value; a gauge that moves while it measures needs all.
        Each is its source time, UTC ns, and its value, NaN unless GOOD.

        Raises:
            WiringError: no block brings the tag.
        """
        if name not in self._writers:
            raise WiringError(f"tag {name}: no block brings it, so it has no samples to keep")
        writer, place = self._writers[name]
        samples: deque[tuple[int, float]] = deque(maxlen=_MOST_KEPT)
        writer.kept.append((place, samples))
        return samples

    def set_calculated(self, index: int, value: float, quality: int, now_ns: int) -> None:
        """Store one calculated value; the next snapshot shows it."""
        if not math.isfinite(value) and not is_bad(quality):
            quality = Quality.BAD
        self.value[index] = value
        self.quality[index] = quality
        self.source_ns[index] = now_ns
        self.received_ns[index] = now_ns

    def distrust(self) -> None:
        """Make everything that came from devices bad until it is read again."""
        for name in self._claimed:
            if isinstance(self._specs[name], TagSpec):
                self.quality[self._position[name]] = Quality.BAD_NO_COMMUNICATION
                self.value[self._position[name]] = math.nan

    def read(self, index: int, now_ns: int) -> tuple[float, int]:
        """Value and quality of one tag now, after staleness."""
        quality = int(self.quality[index])
        if now_ns - int(self.source_ns[index]) > int(self.stale_ns[index]) and not is_bad(quality):
            quality = int(Quality.BAD_NO_COMMUNICATION)
        return float(self.value[index]), quality

    def snapshot(self, now_ns: int) -> Snapshot:
        """One consistent picture of the line at ``now_ns``; the stored columns stay as they are.

        A value older than its limit is ``BAD_NO_COMMUNICATION`` in it; a value that is bad
        for a stated reason keeps that reason.
        """
        self._seal()
        quality = self.quality.copy()
        np.subtract(now_ns, self.source_ns, out=self._age)
        stale = self._age > self.stale_ns
        np.logical_and(stale, quality < Quality.BAD, out=stale)
        np.putmask(quality, stale, Quality.BAD_NO_COMMUNICATION)
        return Snapshot(self, now_ns, self.value.copy(), quality)

    def _place(self, names: Sequence[str]) -> Place:
        """Lay out tags that have no row yet; rows of one block are contiguous before sealing."""
        if not self._sealed:
            for name in names:
                self._lay(name)
        rows = [self._position[name] for name in names]
        if rows == list(range(rows[0], rows[0] + len(rows))):
            return slice(rows[0], rows[0] + len(rows))
        return np.array(rows, np.intp)

    def _lay(self, name: str) -> None:
        row = len(self._position)
        self._position[name] = row
        own = self._specs[name]
        self._low[row], self._high[row] = accepted_range(own)
        calculated = isinstance(own, CalculatedTag)
        self.stale_ns[row] = round((_CALCULATED_STALE_S if calculated else _LEAST_STALE_S) * 1e9)

    def _seal(self) -> None:
        if not self._sealed:
            for name in self._specs:
                if name not in self._position:
                    self._lay(name)
            self._sealed = True

    def accepted(self, name: str) -> tuple[float, float]:
        """Lowest and highest value taken from the instrument of a tag."""
        return accepted_range(self.spec(name))


class BlockSlice:
    """Writer of one block: checks, stores and forwards what one exchange brought.

    Attributes:
        kept: tags of the block whose every sample somebody takes: place in it, samples.
    """

    __slots__ = (
        "_high", "_low", "_nothing", "_place", "_rates", "_record", "_table", "kept",
    )  # fmt: skip

    def __init__(
        self, table: TagTable, block: Block, place: Place, record: BlockWriter | None
    ) -> None:
        self._table = table
        self._place = place
        self._record = record
        self.kept: list[tuple[int, deque[tuple[int, float]]]] = []
        self._nothing = (math.nan,) * len(block.tags)
        ranges = [table.accepted(name) for name in block.tags]
        self._low = [low for low, _ in ranges]
        self._high = [high for _, high in ranges]
        specs = (table.spec(name) for name in block.tags)
        self._rates = BlockRates([getattr(spec, "fastest_per_s", None) for spec in specs])

    def write(
        self,
        values: Sequence[float],
        quality: Sequence[int] | int,
        sent_ns: int,
        received_ns: int,
    ) -> None:
        """Store a block (see ``drivers.base.BlockWriter``); doubtful values become bad here."""
        bad = outside(values, self._low, self._high)
        if bad:
            quality = spoiled(values, quality, bad)
        if self._rates:
            jumped = self._rates.jumped(values, quality, sent_ns)
            if jumped:
                quality = failed(quality, jumped, len(values))
        self._store(values, quality, sent_ns, received_ns)
        if self._record is not None:
            self._record.write(values, quality, sent_ns, received_ns)

    def fail(self, quality: int, reason: str, sent_ns: int, received_ns: int) -> None:
        """Store a failed poll: every tag NaN with ``quality``; never the old value."""
        self._store(self._nothing, quality, sent_ns, received_ns)
        if self._record is not None:
            self._record.fail(quality, reason, sent_ns, received_ns)

    def _store(
        self,
        values: Sequence[float],
        quality: Sequence[int] | int,
        sent_ns: int,
        received_ns: int,
    ) -> None:
        table, place = self._table, self._place
        table.value[place] = values
        table.quality[place] = quality
        table.source_ns[place] = sent_ns
        table.received_ns[place] = received_ns
        for k, samples in self.kept:
            status = quality if isinstance(quality, int) else quality[k]
            samples.append((sent_ns, values[k] if status < Quality.UNCERTAIN else math.nan))


class Snapshot:
    """The line as one scan sees it.

    Attributes:
        now_ns: UTC ns of the scan.
        value: values, in the tags' units.
        quality: OPC UA status per tag, after staleness.
        known: values as plain floats, NaN where the quality is not GOOD: NaN means unknown.
    """

    __slots__ = ("_table", "known", "now_ns", "quality", "value")

    def __init__(self, table: TagTable, now_ns: int, value: Floats, quality: Codes) -> None:
        self._table = table
        self.now_ns = now_ns
        self.value = value
        self.quality = quality
        self.known: list[float] = np.where(quality < Quality.UNCERTAIN, value, math.nan).tolist()

    def get(self, name: str) -> tuple[float, int]:
        """Value and quality of a tag.

        Raises:
            UnknownTag: the line has no such tag.
        """
        index = self._table.index(name)
        return float(self.value[index]), int(self.quality[index])

    def good(self, name: str) -> float:
        """Value of a tag, NaN unless its quality is GOOD."""
        return self.known[self._table.index(name)]

    def spoil(self, index: int, quality: int) -> None:
        """Mark one row bad for the rules of this scan; the image is not touched."""
        self.quality[index] = quality
        self.known[index] = math.nan
