"""Words that files may use beyond their own: phases, monomers, device families, effects."""

from __future__ import annotations

from typing import Final

PHASES: Final = (
    "prove_utilities",
    "prove_exhaust",
    "purge",
    "zero_analyzers",
    "ramp_oven",
    "soak_oven",
    "hold_oven",
    "cool_oven",
    "start_belt",
    "thread_leader",
    "recirculate_dope",
    "cast",
    "peel",
    "pin",
    "ramp_speed",
    "start_coating",
    "tune_profile",
    "collect",
    "stop_coating",
    "stop_casting",
    "run_out",
    "cool_down",
    "exhaust_off",
)
"""Phase classes of the procedure, in the order of a run."""

DIANHYDRIDES: Final = {
    "s-BPDA": "3,3',4,4'-biphenyltetracarboxylic dianhydride",
    "a-BPDA": "2,3,3',4'-biphenyltetracarboxylic dianhydride",
    "i-BPDA": "2,2',3,3'-biphenyltetracarboxylic dianhydride",
    "PMDA": "pyromellitic dianhydride",
    "ODPA": "bis(3,4-dicarboxyphenyl) ether dianhydride",
    "a-ODPA": "bis(2,3-dicarboxyphenyl) ether dianhydride",
    "NTDA": "naphthalenetetracarboxylic dianhydride",
}

DIAMINES: Final = {
    "PPD": "p-phenylenediamine",
    "m-PDA": "m-phenylenediamine",
    "ODA": "4,4'-diaminodiphenyl ether",
    "3,4-ODA": "3,4'-diaminodiphenyl ether",
    "TPE-R": "1,3-bis(4-aminophenoxy)benzene",
    "TPE-Q": "1,4-bis(4-aminophenoxy)benzene",
    "BAPP": "2,2-bis[4-(4-aminophenoxy)phenyl]propane",
}

POINT_UNITS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "epc3016": {
        "pv": ("degC",),
        "sp": ("degC",),
        "wsp": ("degC",),
        "op": ("%",),
        "status": ("1",),
        "mode": ("1",),
        "man": ("1",),
        "mop": ("%",),
    },
    "e5cc": {
        "pv": ("degC",),
        "sp": ("degC",),
        "wsp": ("degC",),
        "op": ("%",),
        "ct": ("A",),
        "status": ("1",),
        "mode": ("1",),
    },
    "acs380": {
        "run": ("1",),
        "sp": ("m/min", "%", "rpm"),
        "cw": ("1",),
        "sw": ("1",),
        "ref": ("m/min", "%", "rpm"),
        "act": ("m/min", "%", "rpm"),
        "fault": ("1",),
        "reset": ("1",),
    },
    "atv320": {
        "run": ("1",),
        "sp": ("m/min", "%", "rpm"),
        "cw": ("1",),
        "sw": ("1",),
        "ref": ("m/min", "%", "rpm"),
        "act": ("m/min", "%", "rpm"),
        "fault": ("1",),
        "reset": ("1",),
    },
    "reglo_icc": {
        f"ch{channel}.{point}": (unit,)
        for channel in (1, 2, 3, 4)
        for point, unit in (("sp", "mL/min"), ("run", "1"), ("pv", "mL/min"), ("running", "1"))
    },
    "confocal2400": {"pv": ("um",), "status": ("1",)},
    "optris_ct": {"pv": ("degC",)},
    "ek9000": {},
    "pnozmulti": {
        "run": ("1",),
        "estop_ok": ("1",),
        "guards_ok": ("1",),
        "no_fire": ("1",),
        "gas_ok": ("1",),
        "heat": ("1",),
        "feed": ("1",),
        "web": ("1",),
        "host": ("1",),
        "exhaust": ("1",),
        "purged": ("1",),
    },
}
"""Per family its points with the units they may carry; a coupler's points are terminals."""

BUS_FAMILIES: Final = {
    "modbus_tcp": ("epc3016", "ek9000", "pnozmulti"),
    "modbus_rtu": ("e5cc", "acs380", "atv320"),
    "ascii": ("reglo_icc",),
    "optris": ("optris_ct",),
    "confocal": ("confocal2400",),
}
"""Families that can live on each kind of bus."""
