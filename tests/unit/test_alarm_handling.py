"""Shelf, service, suppression, repeat, horn, restart, floods and figures of the alarms."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from config.alarm_models import AlarmLimits, AlarmRules, Suppression
from config.models import Instrument, Line, Priority
from controller.alarm_figures import AlarmFigures
from controller.alarm_groups import grouped
from controller.alarm_states import AlarmState
from controller.alarms import Alarms
from controller.events import Event
from controller.operating.alarm_desk import AlarmDesk
from controller.operating.words import Refused
from tests.core_rig import ENGINEER, OPERATOR, VIEWER, Rig, S, cond, make_line, tag

NORM, UNACK, ACK, RTN, SHELVED, SUPPRESSED, OUT = AlarmState
NAME = "PIT-110.PV/H"
DEVICES, EACH = 25, 20


def line(limits: AlarmLimits, *rules: Suppression) -> Line:
    base = make_line()
    spec = tag("PIT-110.PV", "MPa", (0.0, 10.0), alarm=limits)
    extra = Instrument(name="X", family="x", bus="BUS", unit=2, tags=(spec,))
    return base.model_copy(
        update={
            "instrument": (*base.instrument, extra),
            "suppression": rules,
            "alarms": AlarmRules(longest_shelve_min=60.0, repeat_min=10.0),
        }
    )


class Bench:
    def __init__(self, *rules: Suppression, **limits: object) -> None:
        given = {"high": 4.0, "delay_s": 0.0, "priority": Priority.HIGH} | limits
        self.rig = Rig(line(AlarmLimits(**given), *rules))
        self.alarms = Alarms(self.rig.line, self.rig.table)

    def run(self, value: float, seconds: float = 0.1, step: float = 0.1, **more: float):
        self.rig.values({"PIT-110.PV": value} | more)
        return [event for _ in range(round(seconds / step))
                for event in self.alarms.step(self.rig.scan(step), step)]  # fmt: skip

    @property
    def state(self) -> AlarmState:
        return self.alarms.state(NAME)

    def shelve(self, minutes: float = 1.0, reason: str = "probe swapped", actor=OPERATOR):
        return list(self.alarms.shelve(NAME, minutes, reason, actor, self.rig.now))


def test_a_shelf_ends_by_itself_in_the_true_state() -> None:
    for value, after in ((5.0, UNACK), (3.0, NORM)):
        bench = Bench()
        bench.run(5.0)
        assert bench.shelve() == []
        told = bench.run(value, 59.0, 1.0)
        assert bench.state is SHELVED
        assert [(e.verb, e.actor) for e in told] == [("shelve", "ann")]
        told = bench.run(value, 2.0, 1.0)
        assert told[0].verb == "unshelve"
        assert bench.state is after


def test_a_shelf_has_an_end_a_reason_and_a_role() -> None:
    bench = Bench()
    assert "up to 60 min" in bench.shelve(61.0)[0]
    assert "up to 60 min" in bench.shelve(float("inf"))[0]
    assert "up to 60 min" in bench.shelve(0.0)[0]
    assert "up to 60 min" in bench.shelve(float("nan"))[0]
    assert bench.shelve(reason=" ") == ["a reason is needed"]
    assert "needs operator" in bench.shelve(actor=VIEWER)[0]
    assert bench.state is NORM
    critical = Bench(priority=Priority.CRITICAL)
    assert "needs engineer" in critical.shelve()[0]
    assert critical.shelve(actor=ENGINEER) == []


def test_unshelving_early_needs_a_shelf() -> None:
    bench = Bench()
    assert "not shelved" in bench.alarms.unshelve(NAME, OPERATOR, bench.rig.now)[0]
    bench.shelve()
    assert bench.alarms.unshelve(NAME, OPERATOR, bench.rig.now) == []
    bench.run(5.0)
    assert bench.state is UNACK


def test_out_of_service_is_an_engineers_and_has_no_end_of_its_own() -> None:
    bench = Bench()
    bench.run(5.0)
    now = bench.rig.now
    assert "needs engineer" in bench.alarms.remove(NAME, "broken", OPERATOR, now)[0]
    assert bench.alarms.remove(NAME, "broken", ENGINEER, now) == []
    assert "out of service" in bench.shelve()[0]
    bench.run(5.0, 7200.0, 60.0)
    assert bench.state is OUT
    assert bench.alarms.return_to_service(NAME, "repaired", ENGINEER, bench.rig.now) == []
    bench.run(5.0)
    assert bench.state is UNACK


def rule(kind: str) -> Suppression:
    when = cond(tag="SIC-110.RUN", below=0.5)
    return Suppression(name="R", title="pump off", kind=kind, when=when, alarms=("PIT-*/*",))


def test_a_phase_suppresses_and_lets_go_after_the_delay() -> None:
    bench = Bench(rule("phase"), delay_s=1.0)
    bench.run(5.0, 2.0, **{"SIC-110.RUN": 1.0})
    assert bench.state is UNACK
    told = bench.run(5.0, 2.0, **{"SIC-110.RUN": 0.0})
    assert (told[0].verb, told[0].cause) == ("suppress", "R: pump off")
    assert bench.state is SUPPRESSED
    told = bench.run(5.0, 0.5, **{"SIC-110.RUN": 1.0})
    assert [e.verb for e in told] == ["unsuppress"]
    assert [e.verb for e in bench.run(5.0, 1.0)] == ["alarm"]


def test_a_consequence_is_quiet_but_what_stood_before_the_cause_stays() -> None:
    early = Bench(rule("consequence"))
    early.run(5.0, **{"SIC-110.RUN": 1.0})
    early.run(5.0, 1.0, **{"SIC-110.RUN": 0.0})
    assert early.state is UNACK
    late = Bench(rule("consequence"))
    late.run(3.0, **{"SIC-110.RUN": 1.0})
    late.run(3.0, **{"SIC-110.RUN": 0.0})
    late.run(5.0, 1.0)
    assert late.state is SUPPRESSED


def test_a_shelf_that_ends_in_a_suppressed_phase_is_suppressed() -> None:
    bench = Bench(rule("phase"))
    bench.run(5.0, **{"SIC-110.RUN": 0.0})
    bench.shelve()
    assert bench.state is SHELVED
    bench.run(5.0, 61.0, 1.0)
    assert bench.state is SUPPRESSED


def test_the_off_delay_holds_an_alarm_that_swings() -> None:
    bench = Bench(off_delay_s=2.0)
    bench.run(5.0)
    for _ in range(3):
        assert bench.run(3.0, 1.5) == []
        assert bench.run(5.0, 0.2) == []
    assert [e.verb for e in bench.run(3.0, 3.0)] == ["return"]


def test_a_standing_urgent_alarm_calls_again_though_seen() -> None:
    bench = Bench()
    bench.run(5.0)
    bench.alarms.acknowledge(NAME, OPERATOR, bench.rig.now)
    assert not bench.alarms.horn
    told = bench.run(5.0, 660.0, 1.0)
    assert [e.verb for e in told] == ["acknowledge", "repeat"]
    assert bench.state is UNACK
    assert bench.alarms.horn
    medium = Bench(priority=Priority.MEDIUM)
    assert [e.verb for e in medium.run(5.0, 1300.0, 1.0)] == ["alarm"]


def test_the_horn_is_silenced_until_the_next_alarm_and_the_beacon_stays() -> None:
    bench = Bench()
    bench.run(5.0)
    assert (bench.alarms.horn, bench.alarms.beacon()) == (True, 2)
    assert bench.alarms.silence(OPERATOR, bench.rig.now)
    assert not bench.alarms.silence(OPERATOR, bench.rig.now)
    assert [e.verb for e in bench.run(5.0)] == ["silence"]
    assert (bench.alarms.horn, bench.alarms.beacon()) == (False, 2)
    bench.alarms.acknowledge(NAME, OPERATOR, bench.rig.now)
    assert bench.alarms.beacon() == 1
    bench.run(3.0)
    bench.run(5.0)
    assert bench.alarms.horn


def test_a_low_alarm_leaves_the_horn_quiet() -> None:
    bench = Bench(priority=Priority.LOW)
    bench.run(5.0)
    assert (bench.alarms.horn, bench.alarms.beacon()) == (False, 2)


def test_states_and_shelves_come_back_from_plain_data() -> None:
    bench = Bench()
    bench.run(5.0)
    bench.shelve(10.0)
    saved = json.loads(json.dumps(bench.alarms.save()))
    again = Bench()
    again.rig.now = bench.rig.now
    again.alarms.restore(saved)
    assert again.state is SHELVED
    assert again.alarms.save() == saved
    again.run(5.0, 590.0, 1.0)
    assert again.state is SHELVED
    again.run(5.0, 20.0, 1.0)
    assert again.state is UNACK


def flood() -> tuple[Rig, Alarms]:
    base = make_line()
    extra = tuple(
        Instrument(name=f"D{d}", family="x", bus="BUS", unit=2, tags=tuple(
            tag(f"{'ABCDE'[d % 5]}X-{d}{k:02}.PV", "1", (0.0, 10.0),
                alarm=AlarmLimits(high=5.0, delay_s=0.3))
            for k in range(EACH)))
        for d in range(DEVICES)
    )  # fmt: skip
    rig = Rig(base.model_copy(update={"instrument": (*base.instrument, *extra)}))
    return rig, Alarms(rig.line, rig.table)


def test_a_flood_of_500_in_one_scan_first_out_right_nothing_lost_ten_lines() -> None:
    rig, alarms = flood()
    names = [a.spec.name for a in alarms.alarms if "X-" in a.name]
    first = names[333]
    rig.values({first: 6.0})
    assert alarms.step(rig.scan(), 0.1) == []
    rig.values(dict.fromkeys(names, 6.0))
    told = [event for _ in range(8) for event in alarms.step(rig.scan(), 0.1)]
    assert len(told) == len(names) == 500
    assert {event.tag for event in told} == {f"{name}/H" for name in names}
    assert told[0].tag == alarms.first_out == f"{first}/H"
    assert told[0].cause.endswith("(first out)")
    assert sum("first out" in event.cause for event in told) == 1
    groups = grouped(alarms.active(), alarms.first_out)
    assert len(groups) <= 10
    assert groups[0].alarms[0].name == alarms.first_out
    assert sorted(a.name for g in groups for a in g.alarms) == sorted(f"{n}/H" for n in names)


def test_more_kinds_than_lines_end_in_one_line_of_others() -> None:
    _, alarms = flood()
    chosen = alarms.alarms[-500:]
    groups = grouped(chosen, chosen[-1].name, most=3)
    assert [g.name for g in groups][-1] == "others"
    assert len(groups) == 3
    assert groups[0].alarms[0] is chosen[-1]
    assert sum(len(g.alarms) for g in groups) == 500


def event(at_s: float, verb: str, name: str = NAME, new: str = "unacknowledged") -> Event:
    return Event(round(at_s * S) + S, "alarm", verb, name, None, new, "", "")


def test_figures_of_chatter_floods_fleeting_and_stale() -> None:
    figures = AlarmFigures({NAME: "high", "B/H": "low"})
    figures.begin(S)
    for at in (0, 20, 40):
        figures.hear([event(at, "alarm"), event(at + 5, "return", new="normal")])
    found = figures.figures(600 * S)
    assert (found.calls, found.per_10_min, found.chattering, found.fleeting) == (3, 3, 1, 3)
    assert found.priorities == {"high": 100.0}
    figures.hear([event(700 + k, "alarm", f"T{k}/H") for k in range(11)])
    figures.hear([event(720, "alarm", "B/H"), event(730, "acknowledge", "B/H", "acknowledged")])
    found = figures.figures(1300 * S)
    assert found.flood_pct == pytest.approx(33.33)
    assert (found.most_per_10_min, found.calls) == (12, 15)
    assert figures.figures(87_000 * S).stale == 0
    assert figures.figures(88_000 * S).stale == 12


def test_the_desk_lists_groups_words_and_figures_and_refuses_with_reasons() -> None:
    bench = Bench(consequence="c", response="close the valve", cause="k", respond_min=3.0)
    watch = SimpleNamespace(figures=AlarmFigures({NAME: "high"}))
    desk = AlarmDesk(SimpleNamespace(alarms=bench.alarms, alarm_watch=watch))
    watch.figures.hear(bench.run(5.0))
    data = desk.list({}, OPERATOR, bench.rig.now).data
    assert (data["first_out"], data["active"], data["figures"]["per_10_min"]) == (NAME, 1, 1)
    assert data["groups"][0]["first"] == NAME
    assert data["alarms"][0]["response"] == "close the valve"
    shelve = {"name": "PIT-110.PV", "minutes": 30, "reason": "calibration"}
    assert desk.shelve(shelve, OPERATOR, bench.rig.now).ok
    assert desk.list({}, OPERATOR, bench.rig.now).data["hidden"][0]["left_s"] == 1800.0
    with pytest.raises(Refused, match="no alarm NOPE"):
        desk.shelve(shelve | {"name": "NOPE"}, OPERATOR, bench.rig.now)
    with pytest.raises(Refused, match="needs engineer"):
        desk.out_of_service(shelve, OPERATOR, bench.rig.now)
    assert desk.unshelve(shelve, OPERATOR, bench.rig.now).ok
    assert desk.out_of_service(shelve, ENGINEER, bench.rig.now).ok
    assert desk.out_of_service(shelve | {"back": True}, ENGINEER, bench.rig.now).ok
    assert "silenced" in desk.silence({}, OPERATOR, bench.rig.now).lines[0]
