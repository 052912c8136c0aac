"""The verdict on one run of the fault matrix: what was seen against what was planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.expected_ends import ABORTED, COMPLETE, HARDNESS, HELD, STOPPED, Expected

Facts = dict[str, Any]

PRESSURE_MPA = (1.5, 4.5)
SLOWED = 0.97  # of the recipe's speed
FEEDS = ("XV-110.CMD", "XV-111.CMD", "XV-301A.CMD", "XV-301B.CMD")
WEB = ("BELT", "NIP", "RAILS", "WINDER", "COATER")
FANS = ("FAN-X1", "FAN-X2", "FAN-X3")
ZONES = ("201", "202", "203", "204", "401", *(str(n) for n in range(501, 509)))
_TAG = {f"T{n}": f"XC-50{n}.CMD" for n in range(1, 9)}


@dataclass(frozen=True)
class Verdict:
    """What the table says of one run.

    Attributes:
        passed: as planned. harder: it ended safer than planned, and nothing else was wrong.
        notes: what was not as planned.
    """

    passed: bool
    harder: bool
    notes: tuple[str, ...]


def judge(row: Expected, facts: Facts) -> Verdict:
    """Compare a run with its row."""
    if "state" not in facts:
        return Verdict(False, False, ("the run ended in a traceback",))
    notes = []
    state = facts["state"]
    fitting = state in row.ends
    if not fitting:
        notes.append(f"ended {state}")
    if facts["violations"]:
        notes.append(f"{facts['violations']} invariants violated: {facts['violation_list'][0]}")
    if facts["trouble"]:
        notes.append(facts["trouble"])
    unsafe = safe_state(row, facts)
    notes += unsafe
    if fitting:
        notes += [text for name in row.also for text in _ALSO[name](row, facts)]
    hardest = max(map(HARDNESS.index, row.ends))
    harder = state in HARDNESS and HARDNESS.index(state) > hardest and len(notes) == 1
    return Verdict(not notes, harder, tuple(notes))


def safe_state(row: Expected, facts: Facts) -> list[str]:
    """What the devices hold at the end that they should not, in words."""
    devices, state = facts["devices"], facts["state"]
    wrong = []
    if state in {STOPPED, ABORTED, COMPLETE}:
        wrong += [f"{name} is on" for name in FEEDS if devices[name]]
        wrong += [f"{name} moves" for name in (*WEB, "PUMP") if abs(devices[name]) > 0.05]
        wrong += [f"XC-{n}.CMD is on" for n in ZONES if devices[f"XC-{n}.CMD"]]
        if devices["REGLO"]:
            wrong.append("the coating feed runs")
    if state in {STOPPED, ABORTED} and row.fault != "F15(fire)":
        wrong += [f"{name} at {devices[name]:.0f} %" for name in FANS if devices[name] < 95.0]
    if state == HELD:
        wrong += [f"{name} at {devices[name]:.0f} %" for name in FANS if devices[name] < 30.0]
    return wrong


def read_back(facts: Facts) -> str:
    """The safe state as read back from the devices, short."""
    devices = facts["devices"]
    heat = sum(devices[f"XC-{n}.CMD"] for n in ZONES)
    feeds = "feeds off" if not any(devices[name] for name in FEEDS) else "feeds on"
    web = "web at rest" if not any(devices[n] for n in WEB) else f"belt {devices['BELT']:.1f} m/min"
    fans = "/".join(f"{devices[name]:.0f}" for name in FANS)
    return f"{feeds}, {heat} heaters, {web}, fans {fans} %"


def safe_after_s(facts: Facts) -> float | None:
    """Seconds from the fault to the state that is safe for how it ended."""
    fault_s, since, state = facts["fault_s"], facts["since"], facts["state"]
    if fault_s is None or state == COMPLETE:
        return None
    if state == HELD:
        held = [at for at, name in facts["states"] if name == HELD]
        return float(max(held[-1] - fault_s, 0.0))
    parts = ("dope off", "coat off", "heat off", "web at rest")
    if not all(part in since for part in parts):
        return None
    return float(max(max(since[part] for part in parts) - fault_s, 0.0))


def fed_after_s(facts: Facts) -> float | None:
    """Seconds from the fault until no dope and no liquid was fed any more."""
    since = facts["since"]
    if facts["state"] not in {STOPPED, ABORTED} or facts["fault_s"] is None:
        return None
    if "dope off" not in since or "coat off" not in since:
        return None
    return float(max(max(since["dope off"], since["coat off"]) - facts["fault_s"], 0.0))


def _trimmed(_row: Expected, facts: Facts) -> list[str]:
    if facts["state"] != COMPLETE:
        return []
    target, tolerance = facts["core_target_um"]
    true = facts["results"]["core_thickness_um"]["truth"]
    if true is None or abs(true - target) > tolerance:
        return [f"true core {true} µm, target {target} ± {tolerance}"]
    return []


def _lanes(_row: Expected, facts: Facts) -> list[str]:
    return [] if "lanes" in facts["flags"] else ["no lane marked in the record"]


def _meters(_row: Expected, facts: Facts) -> list[str]:
    good, collected = facts["metres_good"], facts["metres_collected"]
    if good <= 0.8 * collected:
        return []
    return [f"{good:.0f} of {collected:.0f} m still count as good"]


def _slowed(_row: Expected, facts: Facts) -> list[str]:
    slowest = facts["slowest_m_min"]
    if facts["state"] == HELD or (slowest is not None and slowest < SLOWED * facts["speed_m_min"]):
        return []
    return ["the line kept its speed"]


def _flagged(_row: Expected, facts: Facts) -> list[str]:
    return [] if "jump" in facts["flags"] else ["the jump is not in the record"]


def _pressure(_row: Expected, facts: Facts) -> list[str]:
    low, high = facts["pressure_mpa"]
    if facts["state"] != HELD or low is None:
        return []
    outside = low < PRESSURE_MPA[0] or high > PRESSURE_MPA[1]
    return [] if outside else ["held although the die pressure was in range"]


def _zone_off(row: Expected, facts: Facts) -> list[str]:
    if facts["state"] != HELD or not facts["devices"][_TAG[row.zone]]:
        return []
    return [f"the contactor of {row.zone} is closed"]


_ALSO: dict[str, Callable[[Expected, Facts], list[str]]] = {
    "trimmed": _trimmed,
    "lanes": _lanes,
    "meters": _meters,
    "slowed": _slowed,
    "flagged": _flagged,
    "pressure": _pressure,
    "zone_off": _zone_off,
}
