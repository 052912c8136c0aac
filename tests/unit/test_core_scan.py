"""The scan: order of the parts, demands to the procedure, counters, determinism."""

from __future__ import annotations

from config.models import Level
from controller.alarms import Alarms
from controller.events import Event, EventHash
from controller.exhaust import ExhaustRequired
from controller.interlocks import Interlocks
from controller.references import ZoneReferences
from controller.refusals import Source
from controller.scan import Scan
from controller.stuck import StuckCheck
from tests.core_rig import ENGINEER, T0, Rig, cond, make_line, trip

LINE = make_line(
    [
        trip("IL1", cond(tag="FT-201.PV", below=350.0), Level.CONTROLLED_STOP, effects=("off",)),
        trip("IL9", cond(tag="TIC-501.PV", above=225.0), Level.HOLD),
    ],
    {"off": {"SIC-110.SP": 0.0}},
)


class Part:
    def __init__(self, name: str, calls: list[str], port: list[tuple[str, str, float]]) -> None:
        self.name = name
        self.calls = calls
        self.port = port
        self.demands: list[tuple[Level, str]] = []

    def step(self, snapshot, now_ns, dt):
        self.calls.append(f"{self.name} {len(self.port)}")
        assert snapshot.now_ns == now_ns
        return [Event(now_ns, self.name, "step", "", None, dt, "")]

    def demand(self, level, cause, now_ns) -> None:
        self.demands.append((level, cause))
        self.calls.append(f"demand {level.value}")


def wire(rig: Rig, calls: list[str], **more):
    parts = {name: Part(name, calls, rig.port.sent) for name in ("film", "procedure", "loops")}
    scan = Scan(
        rig.table,
        StuckCheck(rig.line, rig.table),
        [parts["film"]],
        Interlocks(rig.line, rig.table),
        Alarms(rig.line, rig.table),
        rig.gate,
        parts["procedure"],
        [parts["loops"]],
        **more,
    )
    return scan, parts


def test_parts_run_in_order_and_forced_outputs_leave_before_the_procedure() -> None:
    rig, calls = Rig(LINE), []
    scan, parts = wire(rig, calls)
    rig.values({"FT-201.PV": 300.0, "TIC-501.PV": 300.0})
    rig.poll()
    output = scan.step(rig.now, 0.1)
    assert calls == ["film 0", "demand CS", "demand H", "procedure 1", "loops 1"]
    sources = [event.source for event in output.events]
    assert sources == ["film", "interlock", "interlock", "procedure", "loops", "gate"]
    assert [level for level, _ in parts["procedure"].demands] == [
        Level.CONTROLLED_STOP,
        Level.HOLD,
    ]
    assert parts["procedure"].demands[0][1].startswith("IL1: title of IL1: FT-201.PV 300, below")
    scan.step(rig.now, 0.1)
    assert calls[5:] == ["film 1", "procedure 1", "loops 1"]  # demanded once


def test_a_bad_output_asks_for_a_hold() -> None:
    rig, calls = Rig(LINE), []
    scan, parts = wire(rig, calls)
    rig.gate.request("XC-501.CMD", 1.0, Source.RECIPE, "heat", rig.now)
    for _ in range(70):
        rig.wait(0.1)
        rig.poll()
        scan.step(rig.now, 0.1)
    levels = [level for level, cause in parts["procedure"].demands]
    assert levels == [Level.HOLD]
    assert "XC-501.CMD shed" in parts["procedure"].demands[0][1]


def test_counters_tell_late_scans_and_the_time_taken() -> None:
    ticks = iter(range(100))
    rig = Rig(LINE)
    scan, _ = wire(rig, [], timer=lambda: float(next(ticks)))
    scan.step(rig.now, 0.1)
    scan.skipped(3)
    counters = scan.counters
    assert (counters.scans, counters.late, counters.last_s, counters.longest_s) == (1, 3, 1.0, 1.0)


def test_without_procedure_and_loops_the_core_still_protects() -> None:
    rig = Rig(LINE)
    scan = Scan(
        rig.table,
        StuckCheck(rig.line, rig.table),
        [ExhaustRequired(rig.line, rig.table, 18.0), ZoneReferences(rig.line, rig.table)],
        Interlocks(rig.line, rig.table),
        Alarms(rig.line, rig.table),
        rig.gate,
    )
    rig.values({"FT-201.PV": 300.0})
    rig.poll()
    assert scan.step(rig.now, 0.1).interlocks.level is Level.CONTROLLED_STOP
    assert rig.port.sent == [("put", "SIC-110.SP", 0.0)]
    assert rig.snapshot().good("FRQ-201.REQ") == 500.0


def story(nudge: float) -> str:
    rig = Rig(LINE)
    il = Interlocks(rig.line, rig.table)
    scan = Scan(
        rig.table, StuckCheck(rig.line, rig.table), [], il, Alarms(rig.line, rig.table), rig.gate
    )
    digest = EventHash(rig.table.resolutions(), T0)
    for k in range(300):
        rig.wait(0.1)
        rig.values({"FT-201.PV": 300.0 if 50 < k < 60 else 500.0, "TIC-501.PV": 100.0 + k})
        rig.poll()
        rig.gate.request("SIC-110.SP", 0.01 * k + nudge, Source.RECIPE, "ramp", rig.now)
        if k == 100:
            il.reset("IL1", ENGINEER, "checked", rig.now)
        digest.update(scan.step(rig.now, 0.1).events)
    return digest.hexdigest()


def test_the_same_story_has_the_same_hash_and_another_has_not() -> None:
    assert story(0.0) == story(0.0)
    assert story(0.0) != story(1.0)
