"""Device profiles: what ships loads, and what contradicts itself is refused."""

import math
import struct
from pathlib import Path

import pytest

from config.models import TagSpec
from drivers.base import Quality
from drivers.codec import PointDecoder
from drivers.profile import ProfileError, load_profile, load_profiles

DEVICES = Path(__file__).parents[2] / "config" / "devices"


def changed(tmp_path, family, old, new):
    text = (DEVICES / f"{family}.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / f"{family}.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_nine_families_ship_and_none_claims_a_bench_test():
    profiles = load_profiles(DEVICES)
    assert sorted(profiles) == [
        "acs380",
        "atv320",
        "confocal2400",
        "e5cc",
        "ek9000",
        "epc3016",
        "optris_ct",
        "pnozmulti",
        "reglo_icc",
    ]
    for profile in profiles.values():
        assert profile.identity.verified_on_hardware == "no"
        assert profile.identity.source


@pytest.mark.parametrize(
    ("family", "old", "new", "word"),
    [
        ("epc3016", "scale = 0.1", "scale = 0.0", "scale 0"),
        ("epc3016", 'unit = "degC"', 'unit = "celsius"', "unknown unit"),
        ("epc3016", "min = 0.0\n", "", "min < max"),
        ("epc3016", "max = 800.0", "max = -1.0", "min < max"),
        ("epc3016", "volatile = true", "volatile = false", "wear"),
        ("epc3016", "max_regs_per_read = 100", "max_regs_per_read = 4", "too many"),
        ("epc3016", "count = 5", "count = 3", "outside block"),
        ("epc3016", 'name = "wsp"', 'name = "pv"', "one name"),
        ("epc3016", "count = 2", "count = 5", "canary"),
        ("epc3016", 'type = "s16"', 'type = "s17"', "s16"),
        ("epc3016", 'name = "fast"', 'name = "fast"\nspeed = 3', "speed"),
        ("epc3016", '"BAD_SENSOR_FAILURE"', '"BROKEN"', "sentinel"),
        ("acs380", "function = 16\naddress = 1\n", "function = 16\naddress = 0\n", "overlap"),
        ("acs380", "mask = 0x0080", "mask = 0", "mask"),
        ("e5cc", "[identity]", "[identity", "toml"),
    ],
)
def test_contradictions_are_refused_with_the_place(tmp_path, family, old, new, word):
    path = changed(tmp_path, family, old, new)
    with pytest.raises(ProfileError, match=f"{family}.toml") as caught:
        load_profile(path)
    assert word in str(caught.value)


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(ProfileError, match=r"none\.toml"):
        load_profile(tmp_path / "none.toml")


def test_full_scale_gives_the_scale():
    point = next(
        p for p in load_profiles(DEVICES)["acs380"].block_named("drive").point if p.name == "act"
    )
    tag = TagSpec(
        name="SIC-210.ACT",
        point="act",
        unit="m/min",
        range=(-1.0, 7.0),
        resolution=0.001,
        description="",
        full_scale=6.0,
    )
    assert point.scale_for(tag) == pytest.approx(0.0003)
    with pytest.raises(ProfileError, match="full_scale"):
        point.scale_for(tag.model_copy(update={"full_scale": None}))


def test_a_word_order_swapped_in_a_profile_shows_bad_values(tmp_path):
    """Planted: the status words of the E5CC read high word first."""
    block = load_profiles(DEVICES)["e5cc"].block_named("status")
    swapped = load_profile(
        changed(tmp_path, "e5cc", 'word_order = "low_first"', 'word_order = "high_first"')
    ).block_named("status")
    status = TagSpec(
        name="S",
        point="status",
        unit="1",
        range=(0.0, float((1 << 27) - 1)),
        resolution=1.0,
        description="",
    )
    wire = struct.pack(">4H", 0x1000, 0x0210, 0, 0)  # alarm 1; writing on, RAM mode

    def read(spec):
        point = next(p for p in spec.point if p.name == "status")
        return PointDecoder([point.compiled(status, spec.address)], 4).decode(wire)

    assert read(block) == ([float(0x0210_1000)], Quality.GOOD)
    values, quality = read(swapped)
    assert math.isnan(values[0])
    assert quality == [Quality.BAD_OUT_OF_RANGE]


WEARS = {  # hardware sheet 2.4: registers whose memory wears when they are written cyclically
    "epc3016": {2, 24, 25},
    "acs380": set(range(100, 10000)),
    "atv320": {9001, 9002, *range(6001, 6006)},
    "pnozmulti": set(),
    "e5cc": set(),
}


@pytest.mark.parametrize("family", sorted(load_profiles(DEVICES)))
def test_set_points_go_to_memory_that_does_not_wear(family):
    """RAM instead of EEPROM: nothing that is written in a run is kept over a power cut."""
    profile = load_profiles(DEVICES)[family]
    for rule in profile.write:
        assert rule.volatile, rule.point
        assert not set(rule.registers()) & WEARS[family], rule.point
    for step in profile.setup:
        if step.kind == "ensure":  # written only where it differs, on connecting
            assert step.address not in WEARS.get(family, set()), step.why


def test_a_family_that_writes_to_eeprom_as_delivered_is_put_into_ram_mode_first():
    setup = load_profiles(DEVICES)["e5cc"].setup
    ram = next(step for step in setup if "RAM write mode" in step.why)
    assert (ram.kind, ram.address, ram.value) == ("command", 0, 0x0401)
    assert (ram.status_address, ram.mask, ram.equals) == (0x2406, 1 << 20, 1 << 20)


@pytest.mark.parametrize(
    ("family", "registers"),
    [
        ("epc3016", {1169: "1 to 5", 2308: "1 to 5"}),
        ("acs380", {5813: "3", 5814: "2", 5815: "1 to 20"}),
        ("atv320", {6005: "1 to 20"}),
        ("ek9000", {0x1120: "1500", 0x1122: "0", 0x1123: "0"}),
        ("pnozmulti", {255: "bits 0x700 equal to 0x400"}),
    ],
)
def test_what_makes_the_line_safe_without_us_is_verified(family, registers):
    """Hardware sheet 2.3 and pilot line 4; E5CC and Reglo have none: a contactor guards them."""
    setup = load_profiles(DEVICES)[family].setup
    allowed = {
        (step.status_address if step.kind == "command" else step.address): step.allowed
        for step in setup
    }
    assert registers.items() <= allowed.items()
