"""The simulated Reglo ICC: grammar, formats, refusals, bounded runs, its supply."""

import pytest

from simulators.instruments.endpoint import LineClock
from simulators.instruments.reglo_icc import RegloIcc, parse_volume, volume_text
from tests.wire.sim_support import Caller, new_line_up


class Bench:
    """A powered pump with its flows and pushed lines."""

    def __init__(self):
        self.flows = [0.0, 0.0, 0.0, 0.0]
        self.pushed = []
        self.pump = RegloIcc(LineClock(), self.flows.__setitem__)
        self.pump.power(True)
        self.session = self.pump.connect(self.pushed.append)

    def ask(self, text, end="\r\n"):
        return self.session.receive((text + end).encode("ascii")).decode("ascii")

    def run(self, seconds):
        for _ in range(round(seconds * 10)):
            self.pump.step()


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize(
    ("value", "text"), [(0.012, "1200E-2"), (9.0, "9000E+0"), (12.5, "1250E+1"), (0.0, "0000E+0")]
)
def test_volume_format(value, text):
    assert volume_text(value) == text
    assert float(text) / 1000.0 == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"), [("1200-2", 0.012), ("1250+1", 12.5), ("1200E-2", None), ("120-2", None)]
)
def test_volume_argument(text, value):
    assert parse_volume(text) == (value if value is None else pytest.approx(value))


def test_a_flow_is_set_and_delivered_only_while_running(bench):
    assert bench.ask("1M") == "*"
    assert bench.ask("1f1250+1") == "1250E+1\r\n"
    assert bench.ask("1E") == "-"
    assert bench.flows[0] == 0.0
    assert bench.ask("1H") == "*"
    assert bench.ask("1E") == "+"
    assert bench.flows == pytest.approx([12.5, 0.0, 0.0, 0.0])
    assert bench.ask("1f9000+0") == "9000E+0\r\n"
    assert bench.flows[0] == pytest.approx(9.0)
    assert bench.ask("1I") == "*"
    assert bench.flows[0] == 0.0
    assert bench.ask("1f") == "9000E+0\r\n"


def test_starting_twice_is_refused_until_stopped(bench):
    bench.ask("2f1000+0")
    assert [bench.ask(text) for text in ("2H", "2H", "2I", "2I", "2H")] == ["*", "#", "*", "*", "*"]


@pytest.mark.parametrize(
    "text", ["", "1", "9f", "1fabc", "1f12000", "1Z", "1xE2", "1S12", "1S999999", "f", "1Ex", "@9"]
)
def test_refused(bench, text):
    assert bench.ask(text or "!!") == "#"


def test_a_flow_beyond_the_pump_does_not_start(bench):
    bench.ask("1f9999+1")
    assert bench.ask("1H") == "-"
    assert bench.ask("1xe") == "R 6000E+1\r\n"
    assert bench.ask("1E") == "-"


def test_lines_may_come_in_pieces_or_together(bench):
    assert bench.session.receive(b"1") == b""
    assert bench.session.receive(b"E\r") == b"-"
    assert bench.ask("1E", "\r") == "-"
    assert bench.session.receive(b"1E\r\n2E\r\n1f\r\n") == b"--0000E+0\r\n"


def test_mode_is_fixed_while_running(bench):
    bench.ask("1f1000+0")
    bench.ask("1H")
    assert bench.ask("1N") == "#"
    assert bench.ask("1xM") == "M\r\n"


def test_time_mode_ends_by_itself_unless_rearmed(bench):
    for text in ("1f1000+0", "1N", "1xT00000020"):
        bench.ask(text)
    assert bench.ask("1H") == "*"
    bench.run(1.5)
    assert bench.ask("1xT00000020") == "*"
    bench.run(1.5)
    assert bench.ask("1E") == "+"
    bench.run(0.6)
    assert bench.ask("1E") == "-"
    assert bench.flows[0] == 0.0


def test_volume_mode_dispenses_its_volume(bench):
    for text in ("1f6000+1", "1v1000+0", "1O"):  # 1 mL at 60 mL/min
        bench.ask(text)
    bench.ask("1H")
    bench.run(0.9)
    assert bench.ask("1E") == "+"
    bench.run(0.2)
    assert bench.ask("1E") == "-"


def test_speed_mode(bench):
    bench.ask("1L")
    assert bench.ask("1S005000") == "*"
    assert bench.ask("1S") == "50.00\r\n"
    bench.ask("1H")
    assert bench.flows[0] == pytest.approx(30.0)


def test_direction_and_identity(bench):
    assert bench.ask("1xD") == "J\r\n"
    assert bench.ask("1K") == "*"
    assert bench.ask("1xD") == "K\r\n"
    assert bench.ask("1#").startswith("REGLO ICC")
    assert bench.ask("0xA") == "4\r\n"
    assert bench.ask("1?") == "60.0 ml/min\r\n"
    assert bench.ask("@2") == "*"


def test_events_are_pushed_only_when_asked_for(bench):
    bench.ask("1f1000+0")
    bench.ask("1H")
    bench.ask("1I")
    assert bench.pushed == []
    assert bench.ask("1xE1") == "*"
    assert bench.ask("1xE") == "1\r\n"
    bench.ask("1H")
    bench.ask("1I")
    assert bench.pushed == [b"^U1\r\n", b"^X1\r\n"]


def test_without_supply_it_is_silent_and_forgets(bench):
    bench.ask("1f1000+0")
    bench.ask("1H")
    bench.pump.power(False)
    assert bench.flows[0] == 0.0
    assert bench.ask("1E") == ""
    bench.pump.power(True)
    assert bench.ask("1E") == "-"
    assert bench.ask("1f") == "0000E+0\r\n"


def test_all_channels_at_once(bench):
    bench.ask("1f1000+0")
    bench.ask("2f2000+0")
    bench.ask("0H")
    assert bench.flows[:2] == pytest.approx([1.0, 2.0])
    assert bench.ask("0I") == "*"
    assert bench.flows == [0.0] * 4


def test_faults(bench):
    bench.pump.faults.corrupt = True
    assert bench.ask("1E") != "-"
    bench.pump.faults.silent = True
    assert bench.ask("1E") == ""


def test_the_relay_on_the_coupler_is_its_supply():
    line_up, plant = new_line_up()
    io_a = Caller(line_up.instruments["IO-A"])
    session = line_up.endpoints["SER-1"].connect(lambda _: None)
    assert session.receive(b"1E\r\n") == b""
    io_a.write(0x0800, 0, 1 << 2)
    assert session.receive(b"1f1000+1\r\n1H\r\n") == b"1000E+1\r\n*"
    assert plant.act.coat_flow[0] == pytest.approx(10.0)
    io_a.write(0x0800, 0, 0)
    assert plant.act.coat_flow[0] == 0.0
    assert session.receive(b"1E\r\n") == b""
