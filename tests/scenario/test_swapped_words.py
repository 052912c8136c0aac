"""Drivers and simulators read the manuals apart: if one has an order wrong, nothing looks good."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from controller import app
from drivers.base import Quality, is_good
from drivers.codec import Point
from tests.dry_rig import DryRig

E5CC_PV = ("TIC-201.PV", "TIC-202.PV", "TIC-203.PV", "TIC-204.PV", "TIC-401.PV", "TIC-101.PV")
EPC_PV = tuple(f"TIC-{number}.PV" for number in range(501, 509))
COUNTERS = ("ZC-210.PV", "ZC-510.PV", "ZC-701.PV")
COUNT_M = 0.0001
SET_UP = 1 << 25 | 1 << 20  # E5CC status: writing on, RAM mode
FAR_M = 1000.0  # farther than any web of this line ever went
ENCODER = 12_345  # encoders do not begin at zero


def read(rig: DryRig, tag: str) -> tuple[float, int]:
    return rig.kernel.table.read(rig.kernel.table.index(tag), rig.kernel.clock.utc_ns())


def plausible(rig: DryRig, tag: str) -> bool:
    """A good value that a person would take for room temperature."""
    value, quality = read(rig, tag)
    return is_good(quality) and 10.0 < value < 40.0


def preset_encoders(rig: DryRig, *, swapped: bool) -> None:
    """Let the encoders stand somewhere; ``swapped``: the coupler sends the high word first."""
    image = rig.line_up.instruments["IO-A"]._inputs
    sound = image._counters

    def counters() -> list[int]:
        found = [int(count) + ENCODER for count in sound()]
        return [(n & 0xFFFF) << 16 | n >> 16 for n in found] if swapped else found

    image._counters = counters


def test_the_same_order_on_both_sides_reads_well(tmp_path: Path) -> None:
    with DryRig(tmp_path, start_at_s=None) as rig:
        preset_encoders(rig, swapped=False)
        rig.run(10.0)
        assert all(plausible(rig, tag) for tag in E5CC_PV + EPC_PV)
        assert int(read(rig, "TIC-201.STATUS")[0]) & SET_UP == SET_UP
        for tag in COUNTERS:
            assert read(rig, tag) == (pytest.approx(ENCODER * COUNT_M, abs=0.01), Quality.GOOD)


def test_a_controller_profile_with_swapped_words_is_never_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status of the E5CC is 64 bit, low word first; read the other way it never agrees.

    So the set-up does not pass, and no set point can be written to any of them. What is one
    register long reads well either way.
    """
    devices = tmp_path / "devices"
    shutil.copytree(app.DEVICES, devices)
    profile = devices / "e5cc.toml"
    text = profile.read_text("utf-8")
    assert text.count('"low_first"') >= 4
    profile.write_text(text.replace('"low_first"', '"high_first"'), "utf-8")
    monkeypatch.setattr(app, "DEVICES", devices)
    with DryRig(tmp_path / "lot", start_at_s=None) as rig:
        rig.run(20.0)
        assert int(read(rig, "TIC-201.STATUS")[0]) & SET_UP == 0
        rig.kernel.outputs.put("TIC-201.SP", 90.0)
        rig.run(5.0)
        instruments = rig.line_up.instruments
        assert read(rig, "TIC-201.SP") == (20.0, Quality.GOOD)
        assert instruments["B1"].status() & SET_UP == SET_UP, "it was set up; nobody believed it"
        (bus,) = (bus for bus in rig.kernel.buses if bus.name == "RTU-A")
        for device in bus.devices:
            assert "cannot be switched on" in device.outputs[0].locked
        assert all(plausible(rig, tag) for tag in EPC_PV), "other families are not harmed"


def test_counters_with_swapped_words_are_absurd(tmp_path: Path) -> None:
    with DryRig(tmp_path, start_at_s=None) as rig:
        preset_encoders(rig, swapped=True)
        rig.run(10.0)
        for tag in COUNTERS:
            value, quality = read(rig, tag)
            assert not is_good(quality) or value > FAR_M, tag


def test_registers_with_swapped_bytes_are_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Point.byte_order

    def swapped(point: Point) -> list[int]:
        order = sound(point)
        return [order[at ^ 1] for at in range(len(order))]

    monkeypatch.setattr(Point, "byte_order", swapped)
    with DryRig(tmp_path, start_at_s=None) as rig:
        rig.run(10.0)
        for tag in E5CC_PV + EPC_PV:
            assert not plausible(rig, tag), (tag, read(rig, tag))
        bad = [tag for tag in E5CC_PV + EPC_PV if not is_good(read(rig, tag)[1])]
        assert len(bad) > 7, "most lie outside what the instrument can measure"
