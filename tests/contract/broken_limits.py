"""Planted faults of whole files: duplicates, contradictions, physics, encoding and size."""

from __future__ import annotations

from tests.contract.fault import Fault


def _latin(raw: bytes) -> bytes:
    return raw.replace("µ".encode(), "µ".encode("latin-1"), 1)


def _nul(raw: bytes) -> bytes:
    return raw.replace(b"A-2601", b"A-26\x0001", 1)


LIMITS = (
    # --- duplicate ---
    Fault(
        "tag named twice",
        "line",
        'name = "TIC-501.MODE"',
        'name = ¦"TIC-501.STATUS"',
        "duplicate",
        "tag name",
    ),
    Fault(
        "port twice",
        "line",
        "simulated_port = 15208",
        "simulated_port = ¦15207",
        "duplicate",
        "port",
    ),
    Fault(
        "unit twice on a bus",
        "line",
        "unit = 27\n",
        "unit = ¦26\n",
        "duplicate",
        "unit on this bus",
    ),
    Fault(
        "terminal twice", "line", 'point = "do:26"', 'point = ¦"do:25"', "duplicate", "already used"
    ),
    Fault(
        "key twice",
        "recipe",
        "core_um = 25.0",
        "core_um = 25.0\n¦core_um = 26.0",
        "duplicate",
        "twice",
    ),
    Fault("table twice", "recipe", "[settings]", "¦[targets]", "duplicate", "twice"),
    Fault(
        "phase twice",
        "recipe",
        'use = "exhaust_off"',
        'use = ¦"cool_down"',
        "duplicate",
        "phase of this unit",
    ),
    # --- contradiction of limits ---
    Fault(
        "high-high below high",
        "line",
        "high = 4.5, high_high = 5.5",
        "high = 4.5, high_high = ¦4.0",
        "contradiction",
        "high_high is not above high",
    ),
    Fault(
        "range upside down",
        "line",
        "range = [0, 500], resolution",
        "range = ¦[500, 0], resolution",
        "contradiction",
        "not below",
    ),
    Fault(
        "trip below maximum", "line", "trip_c = 190.0", "trip_c = ¦150.0", "contradiction", "160"
    ),
    Fault(
        "zones overlap",
        "line",
        "from_m = 6.5",
        "from_m = ¦6.0",
        "contradiction",
        "overlaps zone B2",
    ),
    Fault(
        "safe value not writable",
        "line",
        "range = [20, 160], rate_per_s = 0.5, safe = 20",
        "range = [20, 160], rate_per_s = 0.5, safe = ¦0",
        "contradiction",
        "cannot be written",
    ),
    Fault(
        "two tests in one condition",
        "line",
        '{ tag = "PIT-110.PV", above = 6.0 }',
        '¦{ tag = "PIT-110.PV", above = 6.0, below = 7.0 }',
        "contradiction",
        "exactly one test",
    ),
    Fault(
        "half a formula",
        "recipe",
        '[{ name = "s-BPDA", mol_pct = 100.0',
        '¦[{ name = "s-BPDA", mol_pct = 90.0',
        "contradiction",
        "90 mol%",
    ),
    Fault(
        "target wider than scrap",
        "recipe",
        "loh_peel_pct = [33.0, 40.0]",
        "loh_peel_pct = ¦[28.0, 40.0]",
        "contradiction",
        "scrap",
    ),
    Fault(
        "phases in a circle",
        "recipe",
        'use = "start_belt"\nafter = ["utilities.zero_analyzers"]',
        'use = "start_belt"\nafter = ¦["web.thread_leader"]',
        "contradiction",
        "wait for each other",
    ),
    Fault(
        "weights do not add up",
        "material",
        "weight = [0.13,",
        "weight = ¦[0.23,",
        "contradiction",
        "add up to 1.1",
    ),
    # --- physics out of reach ---
    Fault(
        "oven too cold to imidize",
        "recipe",
        "tenter_c = [150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, 480.0]",
        "tenter_c = [150.0, 200.0, 250.0, ¦300.0, 300.0, 300.0, 300.0, 300.0]",
        "physics",
        "cannot reach 99 % imidization",
    ),
    Fault("coat too heavy", "recipe", "wet_g_m2 = 8.45", "wet_g_m2 = ¦12.0", "physics", "0.426 um"),
    Fault(
        "coat too thin for the bead",
        "recipe",
        "wet_g_m2 = 8.45\nlayer_um = 0.30",
        "wet_g_m2 = ¦3.0\nlayer_um = 0.11",
        "physics",
        "breaks up",
    ),
    Fault(
        "faster than the pump",
        "recipe",
        "run_speed_m_min = 2.0",
        "run_speed_m_min = ¦5.0",
        "physics",
        "needs 67.9 rpm",
    ),
    Fault(
        "dope too stiff for the die",
        "recipe",
        "solids_wt_pct = 18.0",
        "solids_wt_pct = ¦22.0",
        "physics",
        "die pressure",
    ),
    Fault(
        "wetter than the dope",
        "recipe",
        "loh_peel_pct = [33.0, 40.0]\nloh_reject_pct = [30.0, 43.0]",
        "loh_peel_pct = ¦[86.0, 90.0]\nloh_reject_pct = [85.0, 91.0]",
        "physics",
        "fresh dope",
    ),
    # --- encoding, size ---
    Fault("not UTF-8", "recipe", "25 µm", "25 ¦µm", "encoding", "0xb5 is not UTF-8", _latin),
    Fault(
        "byte order mark",
        "recipe",
        "#:schema",
        "¦#:schema",
        "encoding",
        "byte order mark",
        lambda raw: b"\xef\xbb\xbf" + raw,
    ),
    Fault(
        "UTF-16",
        "line",
        "#:schema",
        "¦#:schema",
        "encoding",
        "UTF-16",
        lambda raw: raw.decode().encode("utf-16"),
    ),
    Fault("a NUL byte", "recipe", 'lot = "A-26', 'lot = "A-26¦', "encoding", "NUL", _nul),
    Fault(
        "too large",
        "line",
        "#:schema",
        "¦#:schema",
        "size",
        "1 MiB",
        lambda raw: raw + b"#" * (1 << 20),
    ),
)
