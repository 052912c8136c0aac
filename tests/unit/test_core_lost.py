"""What the core does with outputs and rows that nobody hears, powers or watches."""

from __future__ import annotations

import math

import pytest

from config.models import CalculatedTag, Line
from controller.gate import Gate
from controller.interlocks import Interlocks
from controller.refusals import Source
from controller.tags import TagTable
from drivers.base import Quality
from tests.core_rig import T0, Port, Rig, cond, make_line, trip

SP, XC, FEED = "TIC-501.SP", "XC-501.CMD", "FIC-301A.SP"


def powered_line() -> Line:
    """The coating pump has its supply from the contactor."""
    line = make_line()

    def supplied(tag):
        if tag.name != FEED or tag.write is None:
            return tag
        return tag.model_copy(
            update={"write": tag.write.model_copy(update={"powered_by": XC, "read_back_s": 1.0})}
        )

    instruments = tuple(
        one.model_copy(update={"tags": tuple(map(supplied, one.tags))}) for one in line.instrument
    )
    return line.model_copy(update={"instrument": instruments})


def second_line() -> Line:
    """Zone T1 may run on its second thermocouple."""
    line = make_line()
    second = CalculatedTag(
        name="TIC-501.SECOND", unit="1", range=(0.0, 3.0), resolution=1.0, description="second"
    )
    return line.model_copy(update={"calculated": (*line.calculated, second)})


def verbs(rig: Rig, seconds: float, *, echo: bool = False) -> list[str]:
    found = []
    for _ in range(round(seconds * 10)):
        found += [e.verb for e in rig.gate.step(rig.scan(echo=echo), 0.1).events]
    return found


def test_a_device_without_power_is_not_found_bad_and_starts_anew_with_its_power() -> None:
    rig = Rig(powered_line())
    rig.values({FEED: 0.0, XC: 1.0})
    rig.gate.request(XC, 0.0, Source.RECIPE, "off", rig.now)
    rig.values({XC: 0.0})
    rig.scan()
    rig.gate.request(FEED, 5.0, Source.RECIPE, "feed", rig.now)
    rig.values({FEED: math.nan}, Quality.BAD_NO_COMMUNICATION)
    assert verbs(rig, 10.0) == ["write"], "without power nobody can be late"
    rig.gate.request(XC, 1.0, Source.RECIPE, "on", rig.now)
    rig.values({XC: 1.0})
    assert verbs(rig, 5.0) == ["write"], "it has its power, and is not heard yet"
    rig.values({FEED: 0.0}, Quality.GOOD)
    assert verbs(rig, 0.9) == []
    assert verbs(rig, 0.4) == ["retry"]
    assert rig.port.sent[-1] == ("put", FEED, 5.0)


def test_what_no_block_reads_is_written_and_not_looked_for() -> None:
    line = make_line()
    table, port = TagTable(line), Port()
    gate = Gate(line, table, port)
    assert gate.request(XC, 1.0, Source.RECIPE, "test", T0)
    assert port.sent == [("put", XC, 1.0)]
    for second in range(100):
        result = gate.step(table.snapshot(T0 + second * 1_000_000_000), 1.0)
        assert [e.verb for e in result.events] == (["write"] if second == 0 else [])


@pytest.mark.parametrize(
    ("runs_on", "shed"), [(0.0, True), (1.0, False), (2.0, False), (3.0, True)]
)
def test_a_zone_on_its_second_thermocouple_has_not_lost_its_input(
    runs_on: float, shed: bool
) -> None:
    rig = Rig(second_line())
    rig.gate.request(SP, 22.0, Source.RECIPE, "heat", rig.now)
    rig.values({"TIC-501.PV": math.nan}, Quality.BAD_SENSOR_FAILURE)
    row = rig.table.index("TIC-501.SECOND")
    for _ in range(25):
        rig.table.set_calculated(row, runs_on, Quality.GOOD, rig.now)
        rig.gate.step(rig.scan(echo=True), 0.1)
    assert (SP in rig.gate.shed_outputs()) is shed


def test_an_input_is_lost_after_two_seconds_without_a_gap() -> None:
    rig = Rig()
    rig.gate.request(SP, 22.0, Source.RECIPE, "heat", rig.now)
    verbs(rig, 1.0, echo=True)
    lost, found = {"TIC-501.PV": math.nan}, {"TIC-501.PV": 25.0}
    for _ in range(3):
        rig.values(lost, Quality.BAD_SENSOR_FAILURE)
        assert verbs(rig, 1.9, echo=True) == []
        rig.values(found, Quality.GOOD)
        assert verbs(rig, 0.1, echo=True) == []
    rig.values(lost, Quality.UNCERTAIN)
    assert verbs(rig, 1.9, echo=True) == []
    assert verbs(rig, 0.1, echo=True) == ["shed"]


def test_an_input_that_is_only_uncertain_is_lost_two_seconds_after_its_last_good_value() -> None:
    """Steps of a quarter of a second add up exactly."""
    rig = Rig()
    rig.gate.request(SP, 22.0, Source.RECIPE, "heat", rig.now)
    rig.gate.step(rig.scan(0.25, echo=True), 0.25)
    rig.values({"TIC-501.PV": 25.0}, Quality.UNCERTAIN)
    seen = [rig.gate.step(rig.scan(0.25, echo=True), 0.25).hold for _ in range(8)]
    assert seen == [""] * 7 + ["TIC-501.SP shed: TIC-501.PV is not GOOD"]


def test_an_input_that_was_lost_before_its_output_was_used_counts_from_its_use() -> None:
    rig = Rig()
    rig.values({"TIC-501.PV": math.nan}, Quality.BAD_SENSOR_FAILURE)
    assert verbs(rig, 5.0) == []
    rig.gate.request(SP, 22.0, Source.RECIPE, "heat", rig.now)
    assert verbs(rig, 1.9, echo=True) == ["write"]
    assert verbs(rig, 0.2, echo=True) == ["shed"]


def test_a_line_without_controlled_outputs_has_none_to_lose() -> None:
    line = make_line()
    only = tuple(one for one in line.instrument if one.name == "IO")
    rig = Rig(line.model_copy(update={"instrument": only}))
    rig.values({"FT-201.PV": math.nan}, Quality.BAD_SENSOR_FAILURE)
    assert verbs(rig, 3.0) == []


def test_an_output_at_its_safe_value_is_not_shed_for_a_lost_input() -> None:
    rig = Rig()
    rig.gate.request(SP, 20.0, Source.RECIPE, "cold", rig.now)
    rig.values({"TIC-501.PV": math.nan}, Quality.BAD_SENSOR_FAILURE)
    assert verbs(rig, 10.0, echo=True) == []


def test_a_row_that_is_not_enabled_any_more_has_no_cause_and_counts_anew() -> None:
    held = cond(tag="TIC-501.PV", above=225.0, for_s=0.3)
    rig = Rig(make_line([trip("IL7", held, enabled=cond(tag=XC, above=0.5))]))
    locks = Interlocks(rig.line, rig.table)

    def acts(contactor: float, scans: int) -> bool:
        rig.values({XC: contactor, "TIC-501.PV": 300.0})
        seen = [locks.step(rig.scan(), 0.1).active for _ in range(scans)]
        return any(seen)

    assert not acts(1.0, 3)
    assert not acts(0.0, 1)
    assert locks.cause("IL7") is False
    assert locks.watched("IL7") is False
    assert not acts(1.0, 3), "what it had counted is forgotten"
    assert acts(1.0, 1)


def test_an_enable_may_count_time_too() -> None:
    """A row is watched until its enable is false, and again when it is not any more."""
    on = cond(tag=XC, above=0.5, for_s=0.3)
    rig = Rig(make_line([trip("IL7", cond(tag="TIC-501.PV", above=225.0), enabled=on)]))
    locks = Interlocks(rig.line, rig.table)
    rig.values({XC: 1.0, "TIC-501.PV": 300.0})
    seen = [locks.step(rig.scan(), 0.1).active for _ in range(4)]
    assert seen == [(), (), (), ("IL7",)]
