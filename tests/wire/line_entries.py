"""Entries of a line file as the driver tests need them: buses, instruments, tags."""

from config.models import Bus, Instrument


def bus_spec(kind="modbus_tcp", **more):
    rtu = {"baud": 19200, "format": "8E1", "timeout_ms": 300, "gap_ms": 2.1, "reply_ms": 10.0}
    extra = rtu if kind != "modbus_tcp" else {"timeout_ms": 300}
    return Bus(
        name="BUS",
        kind=kind,
        address="tcp://127.0.0.1:502",
        simulated_port=15201,
        **{**extra, **more},
    )


def tag(name, point, limits=(0.0, 100.0), unit="1", **more):
    return {
        "name": name,
        "point": point,
        "unit": unit,
        "range": list(limits),
        "resolution": 0.1,
        "description": name,
        **more,
    }


def instrument(name, family, unit, tags):
    import json  # noqa: PLC0415

    data = {"name": name, "family": family, "bus": "BUS", "unit": unit, "tags": tags}
    return Instrument.model_validate_json(json.dumps(data))


def writes(low, high, safe, **more):
    return {"range": [low, high], "safe": safe, **more}


def epc(name="T1", loop="TIC-501"):
    return instrument(
        name,
        "epc3016",
        1,
        [
            tag(f"{loop}.PV", "pv", (-20, 800), "degC"),
            tag(f"{loop}.SP", "sp", (0, 200), "degC", write=writes(20, 200, 20)),
            tag(f"{loop}.WSP", "wsp", (0, 800), "degC"),
            tag(f"{loop}.OP", "op", (0, 100), "%"),
            tag(f"{loop}.STATUS", "status", (0, 65535)),
            tag(f"{loop}.MODE", "mode", (0, 65535)),
        ],
    )


def epc_by_hand():
    """A zone controller whose output may be given from here."""
    one = epc()
    more = instrument(
        "T1",
        "epc3016",
        1,
        [
            tag("TIC-501.MAN", "man", (0, 1), write=writes(0, 1, 0)),
            tag("TIC-501.MOP", "mop", (0, 100), "%", write=writes(0, 60, 0)),
        ],
    )
    return one.model_copy(update={"tags": one.tags + more.tags})


def e5cc(name="B1", unit=11, loop="TIC-201"):
    return instrument(
        name,
        "e5cc",
        unit,
        [
            tag(f"{loop}.PV", "pv", (-20, 400), "degC"),
            tag(f"{loop}.SP", "sp", (0, 160), "degC", write=writes(20, 160, 20)),
            tag(f"{loop}.STATUS", "status", (0, 4294967295)),
            tag(f"{loop}.MODE", "mode", (0, 1)),
        ],
    )


def drive(name="BELT", unit=21, loop="SIC-210", family="acs380", full_scale=6.0, safe_run=1):
    scaled = {"full_scale": full_scale, "unit": "m/min", "limits": (-1, 7)}
    return instrument(
        name,
        family,
        unit,
        [
            tag(f"{loop}.RUN", "run", (0, 1), write=writes(0, 1, safe_run)),
            tag(f"{loop}.SP", "sp", **scaled, write=writes(0, 6, 1.0)),
            tag(f"{loop}.CW", "cw", (0, 65535)),
            tag(f"{loop}.SW", "sw", (0, 65535)),
            tag(f"{loop}.REF", "ref", **scaled),
            tag(f"{loop}.ACT", "act", **scaled),
            tag(f"{loop}.FAULT", "fault", (0, 65535)),
            tag(f"{loop}.RESET", "reset", (0, 1), write=writes(0, 1, 0, one_shot=True)),
        ],
    )
