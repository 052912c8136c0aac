"""What each meter of a roll carries, and whether it counts as good.

A meter is good when the scanner saw it in one valid pass, every lane was seen in the last
three passes, and all targets hold on measured or estimated values (pilot line, section 6).
The outermost lane of each side lies under the turn of the gauge and is not judged. A gauge
gap of up to 20 s (standardizing) makes a meter estimated; a longer one unmeasured, and
unmeasured is not good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config.models import Recipe, Side

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PASS_MAX_S = 12.0
ESTIMATE_MAX_S = 20.0
LANES_SEEN_IN = 3
EDGE_LANES = 1  # each side: 2.5 mm of product under the turn of the gauge, never measured
PROFILE_FILTER = 0.2


@dataclass(frozen=True)
class Passes:
    """Scanner passes over the roll, oldest first.

    Attributes:
        from_m, to_m: roll meters under the scanner when each began and ended.
        seconds: how long each took.
        thickness_um: one row a pass, one column a lane; NaN where the lane was not seen.
    """

    from_m: Floats
    to_m: Floats
    seconds: Floats
    thickness_um: Floats


@dataclass(frozen=True)
class Scanned:
    """Scanner passes brought to meters; NaN where unmeasured.

    Attributes:
        total_um: mean over the width. cd_2sigma_pct: of the filtered profile.
        measured: in one valid pass. estimated: in a gap short enough to bridge.
        lanes_seen: every lane in the last three passes.
    """

    total_um: Floats
    cd_2sigma_pct: Floats
    measured: Flags
    estimated: Flags
    lanes_seen: Flags


def two_sigma_pct(profile: Floats) -> float:
    """Two standard deviations of a cross profile as percent of its mean; NaN when unseen."""
    seen = profile[np.isfinite(profile)]
    return float(200.0 * seen.std() / seen.mean()) if seen.size > 1 else float("nan")


def scan_meters(meters: Floats, passes: Passes, speed_m_s: Floats) -> Scanned:
    """Bring passes to meters.

    Args:
        meters: roll meters wanted, increasing.
        passes: what the scanner did.
        speed_m_s: web speed at each meter, to turn gaps from meters into seconds.
    """
    count = len(passes.to_m)
    nothing = np.full(meters.shape, np.nan)
    if not count:
        none = np.zeros(meters.shape, bool)
        return Scanned(nothing, nothing.copy(), none, none.copy(), none.copy())
    spread, seen3 = _filtered(passes.thickness_um)
    means = _row_means(passes.thickness_um)
    owner = np.clip(np.searchsorted(passes.to_m, meters), 0, count - 1)
    inside = (meters >= passes.from_m[owner]) & (meters <= passes.to_m[owner])
    measured = inside & (passes.seconds[owner] <= PASS_MAX_S) & np.isfinite(means[owner])
    before = np.clip(owner - 1, 0, count - 1)
    gap_m = passes.from_m[owner] - passes.to_m[before]
    bridged = ~inside & (gap_m <= ESTIMATE_MAX_S * speed_m_s) & (owner > 0)
    bridged &= meters <= passes.to_m[-1]
    middle = (passes.from_m + passes.to_m) / 2
    known = np.isfinite(means)
    total = np.interp(meters, middle[known], means[known]) if known.any() else nothing
    usable = measured | bridged
    return Scanned(
        np.where(usable, total, np.nan),
        np.where(usable, spread[owner], np.nan),
        measured,
        bridged,
        seen3[owner],
    )


def _row_means(rows: Floats) -> Floats:
    seen = np.isfinite(rows)
    count = seen.sum(axis=1)
    total = np.where(seen, rows, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _filtered(rows: Floats) -> tuple[Floats, Flags]:
    """Two sigma of the running profile, and whether each lane was seen in three passes."""
    running = np.full(rows.shape[1], np.nan)
    spread = np.full(len(rows), np.nan)
    whole = np.zeros(len(rows), bool)
    for number, row in enumerate(rows):
        seen = np.isfinite(row)
        fresh = seen & ~np.isfinite(running)
        running[fresh] = row[fresh]
        old = seen & ~fresh
        running[old] += PROFILE_FILTER * (row[old] - running[old])
        spread[number] = two_sigma_pct(running)
        recent = rows[max(0, number - LANES_SEEN_IN + 1) : number + 1]
        seen_lanes: Flags = np.asarray(np.isfinite(recent).any(axis=0))
        whole[number] = bool(seen_lanes[EDGE_LANES:-EDGE_LANES].all())
    return spread, whole


@dataclass(frozen=True)
class MeterValues:
    """Values per meter that are judged; NaN is unknown.

    Attributes:
        marks: why film was marked while it was made -> which meters.
    """

    core_um: Floats
    cd_2sigma_pct: Floats
    layer_um: dict[Side, Floats]
    imidization_pct: Floats
    solvent_wt_pct: Floats
    loh_peel_pct: Floats
    made_in_hold: Flags
    marks: dict[str, Flags] = field(default_factory=dict)


def judge(recipe: Recipe, values: MeterValues, scanned: Scanned) -> tuple[Flags, list[str]]:
    """Which meters are good, and the first reason why each other one is not."""
    targets = recipe.targets
    core_low, core_high = (
        targets.core_um - targets.core_tolerance_um,
        (targets.core_um + targets.core_tolerance_um),
    )
    checks: list[tuple[str, Flags]] = [
        ("made in hold", ~values.made_in_hold),
        *((reason, ~marked) for reason, marked in values.marks.items()),
        ("unmeasured thickness", scanned.measured | scanned.estimated),
        ("lane unseen in the last 3 passes", scanned.lanes_seen),
        *_range("core thickness", values.core_um, core_low, core_high),
        *_range("CD 2 sigma", values.cd_2sigma_pct, -np.inf, targets.core_cd_2sigma_pct),
        *_range("imidization", values.imidization_pct, targets.imidization_min_pct, np.inf),
        *_range(
            "residual solvent", values.solvent_wt_pct, -np.inf, targets.residual_solvent_max_wt_pct
        ),
        *_range("loss on heating at peel", values.loh_peel_pct, *targets.loh_reject_pct),
    ]
    for coat in recipe.coated:
        low, high = coat.layer_um - coat.tolerance_um, coat.layer_um + coat.tolerance_um
        checks += _range(
            f"thin layer {coat.side.value} side", values.layer_um[coat.side], low, high
        )
    return _first_reasons(checks)


def _range(name: str, value: Floats, low: float, high: float) -> Sequence[tuple[str, Flags]]:
    known = np.isfinite(value)
    return (
        (f"{name} unknown", known),
        (f"{name} out of target", ~known | ((value >= low) & (value <= high))),
    )


def _first_reasons(checks: Sequence[tuple[str, Flags]]) -> tuple[Flags, list[str]]:
    good = np.ones_like(checks[0][1])
    reasons = [""] * good.size
    for reason, passed in checks:
        for index in np.flatnonzero(good & ~passed):
            reasons[index] = reason
        good = good & passed
    return good, reasons
