"""The pure parts of a live run: beat, clock, ending, log, ports, notify, clock port."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loader import load_line
from controller.events import Event
from controller.live_ending import AFTER_END_S, Ending
from controller.live_log import LineLog, stamp, words
from controller.live_notify import notify
from controller.live_ports import BadPort, parse_ports, transports
from controller.live_simulated import NoSimulator, read
from controller.live_time import Beat, LineClock, LiveLoop
from controller.log_groups import grouped
from controller.operating.reply import Reply
from controller.procedure.states import Command, State
from drivers.serial_line import SerialTransport
from drivers.transport import TcpTransport
from simulators.clock_port import ClockPort
from simulators.operate import Operator

CONFIG = Path(__file__).resolve().parents[2] / "config"
LINE = load_line(CONFIG / "lines" / "pilot.toml")


# --- beat and clock -----------------------------------------------------------------------


def test_delays_of_scans_do_not_add_up():
    beat = Beat(10.0, 0.1)
    for number in range(100):
        assert beat.take(10.0 + number * 0.1 + 0.03) == 0
    assert beat.due_s == pytest.approx(20.0)
    assert (beat.left_out, beat.behind) == (0, 0)
    assert beat.worst_s == pytest.approx(0.03)


def test_a_late_scan_leaves_out_what_is_due_and_keeps_the_schedule():
    beat = Beat(10.0, 0.1)
    assert beat.take(10.35) == 3, "10.0 is done now; 10.1, 10.2 and 10.3 are left out"
    assert beat.due_s == pytest.approx(10.4)
    assert beat.take(10.4) == 0
    assert (beat.scans, beat.left_out, beat.behind) == (2, 3, 1)


def test_a_scan_half_a_period_late_counts_as_behind_but_none_is_left_out():
    beat = Beat(10.0, 0.1)
    assert beat.take(10.06) == 0
    assert (beat.left_out, beat.behind) == (0, 1)


class Seconds:
    """A loop that tells what it is told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def time(self) -> float:
        return self.now_s


def test_the_clock_stands_until_it_is_begun_and_then_follows_the_loop():
    loop = Seconds()
    clock = LineClock(loop, 5_000)
    loop.now_s += 3.0
    assert (clock.utc_ns(), clock.monotonic()) == (5_000, 0.0)
    clock.begin(7_000)
    loop.now_s += 2.5
    assert clock.utc_ns() == 2_500_007_000
    assert clock.monotonic() == pytest.approx(2.5)


def test_a_fast_loop_counts_line_seconds_and_waits_fewer_of_the_wall():
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(4.0)
        return before, loop.time()

    with asyncio.Runner(loop_factory=lambda: LiveLoop(200.0)) as runner:
        before, after = runner.run(main())
    assert before >= 0.0
    assert after - before >= 4.0, "4 line seconds: 20 ms of the wall"


# --- ending -------------------------------------------------------------------------------


def test_the_first_signal_is_a_controlled_stop_the_second_outputs_safe_the_third_is_told():
    ending = Ending()
    assert ending.heed(State.RUNNING, moved=True).command is Command.STOP
    assert ending.heed(State.STOPPING, moved=True).command is Command.ABORT
    third = ending.heed(State.ABORTING, moved=True)
    assert third.command is None
    assert "already" in third.words


@pytest.mark.parametrize("state", [State.HELD, State.HOLDING, State.RESTARTING])
def test_a_held_run_is_stopped_too(state):
    assert Ending().heed(state, moved=False).command is Command.STOP


def test_a_service_that_moved_nothing_ends_at_once_and_touches_nothing():
    ending = Ending()
    assert not ending.over(State.IDLE, 1.0)
    assert ending.heed(State.IDLE, moved=False).command is None
    assert ending.over(State.IDLE, 1.1)


def test_outputs_moved_by_hand_in_idle_are_made_safe_before_the_end():
    ending = Ending()
    assert ending.heed(State.IDLE, moved=True).command is Command.ABORT
    assert not ending.over(State.ABORTING, 1.0)
    assert not ending.over(State.ABORTED, 3.0)
    assert ending.over(State.ABORTED, 3.0 + AFTER_END_S)


def test_it_never_ends_while_the_plant_is_not_safe():
    ending = Ending(once=True)
    ending.heed(State.RUNNING, moved=True)
    for state in (State.RUNNING, State.STOPPING, State.HOLDING, State.HELD, State.ABORTING):
        assert not ending.over(state, 1e6)
    assert not ending.over(State.STOPPED, 2e6)
    assert ending.over(State.STOPPED, 2e6 + AFTER_END_S)


def test_a_lot_stays_after_its_end_until_it_is_reset():
    ending = Ending()
    assert not ending.over(State.RUNNING, 0.0)
    assert not ending.over(State.COMPLETE, 1e5)
    assert not ending.over(State.IDLE, 1e5 + 1.0), "reset: the lot is done with"
    assert ending.over(State.IDLE, 1e5 + 1.0 + AFTER_END_S)


def test_an_abort_before_anything_ran_is_reset_and_the_service_waits_on():
    ending = Ending(once=True)
    for now_s, state in enumerate((State.IDLE, State.ABORTING, State.ABORTED, State.IDLE)):
        assert not ending.over(state, now_s * 100.0)
    assert not ending.over(State.IDLE, 1e5)
    ending.heed(State.IDLE, moved=False)
    assert ending.over(State.IDLE, 1e5 + 0.1)


def test_once_ends_with_the_procedure():
    ending = Ending(once=True)
    assert not ending.over(State.IDLE, 1e5), "it waits in IDLE for ever"
    assert not ending.over(State.RUNNING, 2e5)
    assert not ending.over(State.COMPLETE, 3e5)
    assert ending.over(State.COMPLETE, 3e5 + AFTER_END_S)


# --- log ----------------------------------------------------------------------------------


def test_a_log_nobody_reads_never_blocks_and_counts_what_it_drops():
    release = threading.Event()
    written: list[str] = []

    def stuck(text: str) -> None:
        release.wait(30.0)
        written.append(text)

    log = LineLog(stuck)
    for number in range(5000):
        log.say(0, str(number))
    assert log.dropped >= 2900
    release.set()
    log.close()
    assert written[0] == "1970-01-01 00:00:00.0Z  0\n"


def link(ns: int, new: str, cause: str) -> Event:
    return Event(ns, "link", "state", "NET-T1", None, new, cause)


def test_a_link_that_is_tried_again_and_again_says_why_once_a_minute():
    written: list[str] = []
    log = LineLog(written.append)
    for second in range(0, 130, 5):
        log.tell(link(second * 10**9, "connecting", "opening"))
        log.tell(link(second * 10**9, "closed", "refused"))
    log.tell(link(130 * 10**9, "closed", "no answer within 2 s"))
    log.close()
    assert [text.split("  ")[1] for text in written] == [
        "NET-T1 closed: refused\n",
        "NET-T1 closed: refused\n",
        "NET-T1 closed: refused\n",
        "NET-T1 closed: no answer within 2 s\n",
    ]


def scan_of(source: str, verb: str, new: object, said: dict[str, str]) -> list[Event]:
    return [Event(0, source, verb, tag, None, new, cause) for tag, cause in said.items()]


def test_the_events_of_one_cause_are_one_line_that_counts_the_rest():
    written: list[str] = []
    log = LineLog(written.append)
    lost = "not proven: FT-{0}.PV unknown (no communication), not GOOD for 0.5 s"
    trips = {f"IL1-T{n}": lost.format(500 + n) for n in range(1, 9)} | {"IL18": lost.format(509)}
    events = [
        *scan_of("interlock", "trip", "CS", trips),
        *scan_of(
            "gate", "shed", 0.0, {f"TY-{n}.OP": f"TY-{n}.OP: no link" for n in range(121, 142)}
        ),
        *scan_of("link", "state", "up", {f"T{n}": "set up and answering" for n in (1, 2, 3)}),
        *scan_of("interlock", "trip", "H", {"IL7-T1": "T1 hot: TIC-501.PV 600", "IL8": "T2 stuck"}),
        Event(0, "procedure", "state", "core", "IDLE", "STOPPING", "stop: IL1-T1"),
    ]
    log.tell(*events)
    log.close()
    told = [text.split("Z  ", 1)[1].rstrip() for text in written]
    first = f"interlock trip IL1-T1  CS  ({trips['IL1-T1']})"
    assert told == [
        f"{first}; and 8 more: 7 IL1, IL18",
        "gate shed TY-121.OP  0.0  (TY-121.OP: no link); and 20 more: TY-122.OP to TY-141.OP",
        "T1 up: set up and answering",
        "T2 up: set up and answering",
        "T3 up: set up and answering",
        "interlock trip IL7-T1  H  (T1 hot: TIC-501.PV 600)",
        "interlock trip IL8  H  (T2 stuck)",
        "procedure state core  IDLE -> STOPPING  (stop: IL1-T1)",
    ]


@given(
    st.lists(
        st.builds(
            Event, st.just(0), st.sampled_from(["interlock", "gate", "link", "alarm", "clock"]),
            st.sampled_from(["trip", "shed", "state"]),
            st.sampled_from(["", "T1", "IL1-B1", "IL1-B2"]),
            st.none(), st.sampled_from(["up", 0.0, None]),
            st.sampled_from(["", "x 5 (no communication)", "T1: 3 bad", "full"]),
            st.sampled_from(["", "ann"]),
        )
    )
)  # fmt: skip
def test_each_event_is_in_one_line_and_what_a_person_did_stands_alone(events: list[Event]):
    events = [replace(event, ns=number) for number, event in enumerate(events)]
    lines = grouped(events)
    held = [event for told in lines for event in (told.event, *told.rest)]
    assert sorted(held, key=lambda event: event.ns) == events
    firsts = [told.event.ns for told in lines]
    assert firsts == sorted(firsts)
    assert all(not told.rest for told in lines if told.event.actor or not told.event.tag)


def test_events_are_told_in_words():
    event = Event(
        1_767_225_600_250_000_000, "procedure", "state", "core25", "IDLE", "RUNNING",
        "start: morning shift", "anna",
    )  # fmt: skip
    assert stamp(event.ns) == "2026-01-01 00:00:00.2Z"
    told = "procedure state core25  IDLE -> RUNNING  (start: morning shift) by anna"
    assert words(event) == told


# --- ports --------------------------------------------------------------------------------


def test_each_bus_is_found_at_the_plant_at_the_simulator_or_where_it_is_told():
    net, rtu = (next(bus for bus in LINE.bus if bus.name == name) for name in ("NET-T1", "RTU-A"))
    plant = transports({}, simulated=False)
    assert isinstance(plant(net, False), TcpTransport)
    assert isinstance(plant(rtu, False), SerialTransport)
    assert isinstance(transports({}, simulated=True)(rtu, False), TcpTransport)
    given = transports({"RTU-A": "/dev/ttyUSB3"}, simulated=True)
    assert isinstance(given(rtu, False), SerialTransport)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NET-T99=tcp://x:1", "no bus 'NET-T99'; there are NET-T1, NET-T2"),
        ("NET-T1=/dev/ttyUSB0", "give tcp://host:port"),
        ("NET-T1=tcp://nowhere", "is not tcp://host:port"),
        ("RTU-A=", "give tcp://host:port"),
    ],
)
def test_a_port_that_cannot_be_meant_is_refused(text, said):
    with pytest.raises(BadPort, match=said):
        parse_ports(LINE, [text])


# --- systemd ------------------------------------------------------------------------------


def test_systemd_is_told_where_it_listens_and_nobody_elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        assert notify("READY=1")
        assert listener.recv(100) == b"READY=1"
    path.unlink()
    assert not notify("WATCHDOG=1"), "a listener that has gone is not our failure"


# --- the simulator's clock port, and the operator beside a run -------------------------------


def port() -> ClockPort:
    def hands(request):
        if request.get("what") != "splice":
            raise ValueError("hands cannot that")
        return {"done": "splice"}

    return ClockPort(15200, "pilot", {"hands": hands})


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b'{"do": "hands", "what": "splice"}', {"done": "splice"}),
        (b'{"do": "hands", "what": "juggle"}', {"error": "hands cannot that"}),
        (b'{"do": "fly"}', {"error": "unknown request 'fly'; known are hands"}),
        (b"[]", {"error": "not a JSON object on one line"}),
        (b"\xff", {"error": "not a JSON object on one line"}),
    ],
)
def test_the_clock_port_answers_or_says_why_not(sent, answered):
    assert port().answer(sent) == answered


def test_a_clock_that_answers_something_else_is_refused():
    with pytest.raises(NoSimulator, match="answers something else"):
        read({"line": "pilot"})


class Service:
    """A desk as the scripted operator meets it."""

    def __init__(self) -> None:
        self.picture = {"state": "IDLE", "state_s": 0.0, "seen": 1, "asks": []}
        self.asked: list[tuple[str, dict[str, object]]] = []

    def ask(self, verb, **args):
        if verb != "status":
            self.asked.append((verb, args))
        return Reply(True, ("done",), dict(self.picture))


def operator(service: Service, hands=lambda _: "") -> Operator:
    return Operator(service.ask, hands, lambda _: None, answer_after_s=60.0, begin=True)


def test_the_operator_starts_a_line_that_stays_idle_and_lets_a_found_one_go_on():
    service = Service()
    one = operator(service)
    one.look()
    assert service.asked == []
    service.picture |= {"state_s": 6.0}
    one.look()
    one.look()
    assert [verb for verb, _ in service.asked] == ["start"]
    service = Service()
    service.picture |= {"state": "HELD"}
    operator(service).look()
    assert [verb for verb, _ in service.asked] == ["restart"]


def test_the_operator_uses_its_hands_before_it_answers_and_not_too_early():
    service = Service()
    done = []
    question = {"id": 4, "key": "splice", "choices": ["done", "no"], "waited_s": 10.0}
    service.picture |= {"state": "RUNNING", "asks": [question]}
    one = operator(service, lambda key: done.append((key, len(service.asked))) or "")
    one.look()
    assert (done, service.asked) == ([], [])
    question["waited_s"] = 61.0
    one.look()
    assert done == [("splice", 0)]
    assert service.asked == [("answer", {"ask": "4", "value": "done"})]


@pytest.mark.parametrize("state", ["COMPLETE", "STOPPED", "ABORTED"])
def test_the_operator_goes_home_when_the_procedure_has_ended(state):
    service = Service()
    service.picture |= {"state": state}
    assert not operator(service).look()
