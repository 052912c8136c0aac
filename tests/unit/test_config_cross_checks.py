"""Cross checks beyond the forty broken files: each rule refuses what it is for, with its words."""

from __future__ import annotations

import pytest

from config.loader import CONFIG, ConfigError, load_line, load_materials, load_recipe

FILES = {
    "line": CONFIG / "lines" / "pilot.toml",
    "recipe": CONFIG / "recipes" / "core25_layer030.toml",
}
LINE = load_line(FILES["line"])
MATERIALS = load_materials()
IL2 = '{ tag = "PROC.PURGE", below = 5.0 }'

SECOND_SIDE = """\
[[coated]]
side = "air"
wet_g_m2 = 8.45
layer_um = 0.30
tolerance_um = 0.06

[[coated]]
side = "air"
"""

LINE_FAULTS = [
    # conditions
    (IL2, "{ below = 5.0 }", "contradiction", "exactly one operator, found none"),
    (IL2, '{ tag = "PROC.PURGE", any = [] }', "contradiction", "found any and tag"),
    (IL2, "{ any = [] }", "contradiction", "an empty list decides nothing"),
    (IL2, '{ not = { tag = "PROC.PURGE" } }', "contradiction", "exactly one test, found none"),
    (IL2, '{ any = [{ tag = "PROC.SOAK", above = 1 }], below = 5.0 }', "contradiction", "without"),
    (IL2, '{ tag = "PROC.PURGE", not_good = false }', "contradiction", "only true has a meaning"),
    (IL2, '{ not = { tag = "PROC.PURGES", above = 1 } }', "reference", "no such tag"),
    ('when = { tag = "TIC-508.PV"', 'when = { tag = "TIC-509X.PV"', "reference", "no such tag"),
    # header
    ("web_width_belt_m = 0.6", "web_width_belt_m = 0.7", "contradiction", "wider than web_width"),
    ("coat_width_m = 0.56", "coat_width_m = 0.59", "contradiction", "wider than the web"),
    # zones
    ("to_m = 6.5\n", "to_m = 3.0\n", "contradiction", "ends before it begins"),
    ("to_m = 39.0\n", "to_m = 49.0\n", "range", "beyond the last station"),
    ('loop = "TIC-508"', 'loop = "TIC-588"', "reference", "no such loop"),
    ('fan = "SIC-803"', 'fan = "SIC-833"', "reference", "no such drive"),
    ('lfl = "AT-201.PV"', 'lfl = "AT-211.PV"', "reference", "no such tag"),
    ("minimum_flow_nm3_h = 500.0", "minimum_flow_nm3_h = 1300.0", "contradiction", "at most 1250"),
    # buses
    (
        'address = "tcp://192.168.10.11:502"',
        'address = "/dev/ttyS0"',
        "contradiction",
        "modbus_tcp",
    ),
    (
        'address = "/dev/serial/by-id/usb-FTDI_RS485_RTU_A-if00-port0"',
        'address = "tcp://a:1"',
        "contradiction",
        "a serial device",
    ),
    ("baud = 9600\n", "", "missing key", "a serial bus needs 'baud'"),
    ("simulated_stream_port = 15232\n", "", "contradiction", "needs a stream port"),
    (
        "simulated_port = 15301\n",
        "simulated_port = 15301\nsimulated_stream_port = 15999\n",
        "contradiction",
        "has no stream port",
    ),
    ("192.168.10.12:502", "192.168.10.11:502", "duplicate", "address given twice"),
    # instruments, points, terminals
    ('family = "optris_ct"', 'family = "optris"', "reference", "did you mean 'optris_ct'"),
    (
        'family = "atv320"\nbus = "RTU-C"',
        'family = "atv320"\nbus = "SER-2"',
        "contradiction",
        "cannot live on a bus of kind optris",
    ),
    ('point = "wsp"', 'point = "wspp"', "reference", "did you mean 'wsp'"),
    ('point = "mode"', 'point = "status"', "duplicate", "already used by TIC-501.STATUS"),
    ('point = "ai:0"', 'point = "input 0"', "reference", "not a terminal"),
    ('point = "ai32:36"', 'point = "ai32:35"', "duplicate", "already used by ZC-210.PV"),
    ('signal = "ma", span = [0, 10]', 'signal = "count"', "contradiction", "needs a signal"),
    (
        'kind = "bool" },\n  { name = "FS-202',
        'kind = "bool", signal = "count" },\n  { name = "FS-202',
        "contradiction",
        "a bit has no signal",
    ),
    ('signal = "ma", span = [0, 10],', 'signal = "ma",', "contradiction", "needs span"),
    ("span = [0, 10]", "span = [10, 0]", "contradiction", "4 mA"),
    # limits
    (
        "range = [-20, 800], resolution = 0.1",
        "range = [-20, 800], resolution = 900",
        "contradiction",
        "coarser",
    ),
    ("write = { range = [20, 200]", "write = { range = [200, 20]", "contradiction", "not below"),
    (
        "write = { range = [20, 200]",
        "write = { range = [-20, 200]",
        "range",
        "wider than the range",
    ),
    *(
        ("by_role = { operator = [20, 160] }", f"by_role = {{ {plant} }}", category, says)
        for plant, category, says in (
            ("operator = [160, 20]", "contradiction", "not below"),
            ("operator = [20, 201]", "range", "within 20 to 200 degC"),
            ("engineer = [20, 150], operator = [20, 160]", "range", "within 20 to 150 degC"),
            ("operator = [30, 160]", "contradiction", "safe value cannot be written"),
        )
    ),
    (
        "by_role = { operator = [20, 160] }",
        'by_role = { operator = [20, 160] }, role = "engineer"',
        "contradiction",
        "operator may not write this tag",
    ),
    ("maximum_c = 575.0", "maximum_c = 560.0", "contradiction", "above the zone's maximum_c"),
    (
        'consequence = "filter blinds; gel passes or flow collapses"',
        'consequence = " "',
        "missing key",
        "needs its 'consequence'",
    ),
]

RECIPE_FAULTS = [
    ("tolerance_um = 0.06", "tolerance_um = 0.4", "contradiction", "a layer of nothing"),
    ("core_tolerance_um = 0.5", "core_tolerance_um = 50.0", "contradiction", "a core of nothing"),
    ("modulus_md_gpa = [6.0, 12.0]", "modulus_md_gpa = [12.0, 6.0]", "contradiction", "not below"),
    ("thread_speed_m_min = 1.0", "thread_speed_m_min = 2.5", "contradiction", "threading faster"),
    ('solvent = "DMAc"', 'solvent = "DMAC"', "reference", "did you mean 'DMAc'"),
    ('"PPD", mol_pct = 100.0', '"m-PDA", mol_pct = 100.0', "reference", "exactly these monomers"),
    ("tension_gel_n_m = 30.0", "tension_gel_n_m = 300.0", "range", "NT-231.PV can measure"),
    ("cooler_c = 60.0", "cooler_c = 150.0", "range", "TIC-509.SP"),
    (
        '[{ name = "PPD", mol_pct = 100.0 }]',
        '[{ name = "PPD", mol_pct = 50.0 }, { name = "PPD", mol_pct = 50.0 }]',
        "duplicate",
        "monomer",
    ),
    (
        'use = "pin"\n',
        'use = "pin"\nuntil = { tag = "NT-311.PV", above = 900 }\n',
        "range",
        "never",
    ),
    ("loh_reject_pct = [30.0, 43.0]", "loh_reject_pct = [34.0, 43.0]", "contradiction", "scrap"),
    ('[[coated]]\nside = "air"', SECOND_SIDE, "duplicate", "side given twice"),
]


def findings(kind, path):
    try:
        load_line(path) if kind == "line" else load_recipe(path, LINE, MATERIALS)
    except ConfigError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    ("kind", "find", "plant", "category", "says"),
    [("line", *fault) for fault in LINE_FAULTS] + [("recipe", *fault) for fault in RECIPE_FAULTS],
)
def test_rule(tmp_path, kind, find, plant, category, says):
    text = FILES[kind].read_text("utf-8")
    assert find in text
    path = tmp_path / FILES[kind].name
    path.write_text(text.replace(find, plant, 1), "utf-8")
    found = findings(kind, path)
    assert len(found) == 1, [str(problem) for problem in found]
    assert found[0].category.value == category, str(found[0])
    assert says in str(found[0])


def test_an_unfinished_document_points_at_its_end(tmp_path):
    path = tmp_path / "cut.toml"
    path.write_text('[line]\nname = """pilot\n', "utf-8")
    (problem,) = findings("line", path)
    assert problem.category.value == "syntax"
    assert (problem.line, problem.column) == (3, 1)
