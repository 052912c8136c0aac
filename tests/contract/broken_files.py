"""Files with one planted fault each: every kind of finding at least four times."""

from __future__ import annotations

from tests.contract.broken_limits import LIMITS
from tests.contract.fault import Fault

FIELDS = (
    # --- syntax ---
    Fault("string not closed", "line", 'name = "pilot"', 'name = "pilot¦', "syntax", "Illegal"),
    Fault("no equals sign", "recipe", "core_um = 25.0", "core_um ¦25.0", "syntax", "Expected '='"),
    Fault("header not closed", "recipe", "[targets]", "[targets¦", "syntax", "Expected ']'"),
    Fault(
        "decimal comma",
        "recipe",
        "cooler_c = 60.0",
        "cooler_c = 60¦,0",
        "syntax",
        "Expected newline",
    ),
    Fault("no value", "recipe", "dryer_c = 90.0", "dryer_c = ¦", "syntax", "Invalid value"),
    Fault("yaml habit", "recipe", "[core]", "core¦:", "syntax", "Expected '='"),
    # --- type ---
    Fault(
        "number as text", "recipe", "dryer_c = 90.0", 'dryer_c = ¦"90"', "type", "expected a number"
    ),
    Fault(
        "seven zones",
        "recipe",
        "tenter_c = [150.0, 200.0,",
        "tenter_c = ¦[150.0,",
        "type",
        "at least 8",
    ),
    Fault("unknown side", "recipe", 'side = "air"', 'side = ¦"top"', "type", "'air' or 'belt'"),
    Fault("number for a name", "recipe", 'solvent = "DMAc"', "solvent = ¦1", "type", "a text"),
    Fault(
        "truth for a number", "line", "heater_kw = 12.0", "heater_kw = ¦true", "type", "a number"
    ),
    Fault("unknown level", "line", 'level = "CS"', 'level = ¦"STOP"', "type", "'W', 'H', 'CS'"),
    Fault("fraction of a unit", "line", "unit = 1\n", "unit = ¦1.5\n", "type", "a whole number"),
    # --- unit ---
    Fault("pressure in bar", "line", 'unit = "MPa"', 'unit = ¦"bar"', "unit", "1 bar = 0.1 MPa"),
    Fault("misspelled unit", "line", 'unit = "degC"', 'unit = ¦"degc"', "unit", "degC"),
    Fault(
        "duty in degrees",
        "line",
        'point = "op", unit = "%"',
        'point = "op", unit = ¦"degC"',
        "unit",
        "does not measure this",
    ),
    Fault(
        "compares flow with temperature",
        "line",
        'below_tag = "FRQ-201.REQ"',
        'below_tag = ¦"TIC-201.WSP"',
        "unit",
        "compares Nm3/h with degC",
    ),
    Fault(
        "thermocouple in kelvin",
        "line",
        'point = "ai:0", unit = "degC"',
        'point = "ai:0", unit = ¦"K"',
        "unit",
        "allowed: degC",
    ),
    Fault(
        "density in GPa",
        "material",
        'value = 1400.0, unit = "kg/m3"',
        'value = 1400.0, unit = ¦"GPa"',
        "unit",
        "use kg/m3",
    ),
    # --- unknown key ---
    Fault(
        "misspelled setting",
        "recipe",
        "cooler_c = 60.0",
        "¦coolr_c = 60.0",
        "unknown key",
        "did you mean 'cooler_c'",
    ),
    Fault(
        "invented table",
        "recipe",
        "[targets]",
        "[¦comments]\na = 1\n\n[targets]",
        "unknown key",
        "'comments'",
    ),
    Fault(
        "misspelled tag key",
        "line",
        "deadband = 0.1,",
        "¦dead_band = 0.1,",
        "unknown key",
        "did you mean 'deadband'",
    ),
    Fault(
        "misspelled test",
        "line",
        "above = 0.5",
        "¦abov = 0.5",
        "unknown key",
        "did you mean 'above'",
    ),
    Fault(
        "invented material key",
        "material",
        "amorphous = false",
        "amorphous = false\n¦colour = 1",
        "unknown key",
        "'colour'",
    ),
    # --- range ---
    Fault(
        "too fast",
        "recipe",
        "run_speed_m_min = 2.0",
        "run_speed_m_min = ¦9.0",
        "range",
        "at most 5",
    ),
    Fault(
        "thin soup",
        "recipe",
        "solids_wt_pct = 18.0",
        "solids_wt_pct = ¦4.0",
        "range",
        "at least 10",
    ),
    Fault(
        "hotter than the zone",
        "recipe",
        "450.0, 480.0]",
        "450.0, ¦580.0]",
        "range",
        "outside what TIC-508.SP takes",
    ),
    Fault(
        "belt offset too cold",
        "recipe",
        "belt_offset_thread_k = -16.0",
        "belt_offset_thread_k = ¦-120.0",
        "range",
        "puts TIC-201 at 18",
    ),
    Fault(
        "alarm outside the range",
        "line",
        "high = 4.5, high_high = 5.5",
        "high = 4.5, high_high = ¦12.0",
        "range",
        "allowed 0 to 10",
    ),
    Fault(
        "effect outside the write range",
        "line",
        '"TIC-201.SP" = 20',
        '"TIC-201.SP" = ¦10',
        "range",
        "allowed 20 to 160",
    ),
    Fault(
        "trip beyond the sensor",
        "line",
        'tag = "PIT-110.PV", above = 6.0',
        'tag = "PIT-110.PV", above = ¦60.0',
        "range",
        "the tag never comes there",
    ),
    Fault("not a number", "recipe", "width_td = 1.0", "width_td = ¦nan", "range", "not a finite"),
    # --- reference ---
    Fault(
        "trip on no tag",
        "line",
        'tag = "PIT-110.PV", above = 6.0',
        'tag = ¦"PIT-11.PV", above = 6.0',
        "reference",
        "did you mean 'PIT-110.PV'",
    ),
    Fault("no such bus", "line", 'bus = "RTU-C"', 'bus = ¦"RTU-Z"', "reference", "no such bus"),
    Fault(
        "no such effect",
        "line",
        'effects = ["main_off"]',
        'effects = [¦"mainoff"]',
        "reference",
        "did you mean 'main_off'",
    ),
    Fault(
        "no such station",
        "line",
        'station = "LAYER"',
        'station = ¦"LAYERS"',
        "reference",
        "did you mean 'LAYER'",
    ),
    Fault(
        "effect writes no tag",
        "line",
        '"SIC-110.RUN" = 0',
        '¦"SIC-111.RUN" = 0',
        "reference",
        "no such writable tag",
    ),
    Fault(
        "phase after nothing",
        "recipe",
        '"belt.start_belt"]',
        '¦"belt.begin"]',
        "reference",
        "no such phase",
    ),
    Fault("no such phase class", "recipe", 'use = "peel"', 'use = ¦"peal"', "reference", "'peel'"),
    Fault("no such agent", "recipe", 'agent = "N-', 'agent = ¦"M-', "reference", "no such agent"),
    Fault("no such monomer", "recipe", '"s-BPDA"', '¦"S-BPDA"', "reference", "'s-BPDA'"),
)

FAULTS = (*FIELDS, *LIMITS)
