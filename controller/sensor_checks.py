"""Checks of what instruments say, sample by sample: not a number, outside the range, a jump.

Values are checked when they arrive, so that the image, the rules and the record all carry
the same quality.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from config.models import CalculatedTag, TagSpec
from drivers.base import Quality, is_bad

_NE43_LOW = 0.2 / 16.0  # 3.8 mA: lowest measuring signal of NAMUR NE 43, in spans below 4 mA
_NE43_HIGH = 0.5 / 16.0  # 20.5 mA: highest


def accepted_range(spec: TagSpec | CalculatedTag) -> tuple[float, float]:
    """Lowest and highest value taken from an instrument, in the tag's unit.

    A 4-20 mA signal may run from 3.8 to 20.5 mA (NE 43): a sound analyzer at 0 % shows
    noise below 0 %. Other signals may differ from the range by one resolution step.
    """
    low, high = spec.range
    if isinstance(spec, TagSpec) and spec.signal == "ma":
        start, end = spec.span or spec.range
        span = abs(end - start)
        return low - _NE43_LOW * span, high + _NE43_HIGH * span
    return low - spec.resolution, high + spec.resolution


def outside(values: Sequence[float], low: Sequence[float], high: Sequence[float]) -> list[int]:
    """Positions of values that are not a number or outside their accepted range."""
    return [k for k, value in enumerate(values) if not low[k] <= value <= high[k]]


def spoiled(
    values: Sequence[float], quality: Sequence[int] | int, positions: Sequence[int]
) -> list[int]:
    """Quality per value once the ones at ``positions`` are bad; a bad reason given stays."""
    result = [quality] * len(values) if isinstance(quality, int) else list(quality)
    for k in positions:
        if not is_bad(result[k]):
            nothing = math.isnan(values[k])
            result[k] = Quality.BAD_SENSOR_FAILURE if nothing else Quality.BAD_OUT_OF_RANGE
    return result


def failed(quality: Sequence[int] | int, positions: Sequence[int], count: int) -> list[int]:
    """Quality per value once the good ones at ``positions`` are not to be believed."""
    result = [quality] * count if isinstance(quality, int) else list(quality)
    for k in positions:
        result[k] = Quality.BAD_SENSOR_FAILURE
    return result
