"""Reglo lines and Optris bytes against printed examples."""

import asyncio

import pytest

from drivers.ascii_line import RegloLink, format_flow, parse_flow
from drivers.base import LinkState, Quality
from drivers.binary_line import OptrisLink, checksum
from drivers.errors import DeviceRefused, ReplyError
from tests.wire.driver_support import REFUSED, UNKNOWN, WRITTEN, Bench, run
from tests.wire.line_entries import bus_spec, instrument, tag, writes

# --- Reglo -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "sent", "shown"),
    [
        (0.012, "1200-2", b"1200E-2"),
        (12.5, "1250+1", b"1250E+1"),
        (0.0, "0000+0", b"0000E+0"),
        (1.0, "1000+0", b"1000E+0"),
        (59.994, "5999+1", b"5999E+1"),
    ],
)
def test_flows_are_written_and_read_in_the_pump_format(flow, sent, shown):
    assert format_flow(flow) == sent
    assert parse_flow(shown) == pytest.approx(flow, rel=1e-3)


@pytest.mark.parametrize("line", [b"REGLO ICC", b"1200", b"*", b"E-2", b"12 00E-2", b"nanE+1"])
def test_what_is_no_flow(line):
    with pytest.raises(ReplyError):
        parse_flow(line)


def test_status_and_line_replies_are_told_apart():
    link = RegloLink()
    assert link.begin(link.ask(1, "1f", "line")) == b"1f\r\n"
    assert link.feed(b"1200E") is None
    assert link.feed(b"-2\r") is None
    assert link.feed(b"\n") == b"1200E-2"
    link.begin(link.ask(1, "1E", "status"))
    assert link.feed(b"+") == b"+"
    for ends, reply in [
        ("status", b"1200E-2\r\n"),
        ("line", b"*"),
        ("line", b"+"),
        ("status", b"*+"),
        ("line", b"1\r\n2\r\n"),
        ("line", b"\r\n"),
        ("line", b"1" * 99),
    ]:
        link.begin(link.ask(1, "x", ends))
        with pytest.raises(ReplyError):
            link.feed(reply)
    for ends in ("status", "line", "either"):
        link.begin(link.ask(1, "1H", ends))
        with pytest.raises(DeviceRefused, match="refused by the pump"):
            link.feed(b"#")


class Pump:
    """Enough of a Reglo for its driver."""

    def __init__(self):
        self.flow, self.running, self.power = {1: 0.0, 2: 0.0}, {1: False, 2: False}, True
        self.asked, self.mute = [], set()

    def answer(self, data, peer):
        command = data.decode().removesuffix("\r\n")
        self.asked.append(command)
        if not self.power or command in self.mute:
            return None
        fixed = {"1#": b"REGLO ICC 0208 306\r\n", "1~1": b"*", "1xE0": b"*"}
        return fixed.get(command) or self.channel_answer(int(command[0]), command[1:])

    def channel_answer(self, channel, command):
        if command.startswith("f"):
            return self.flow_answer(channel, command[1:])
        running = self.running[channel]
        if command == "E":
            return b"+" if running else b"-"
        if running and command in {"M", "H"}:
            return b"#"
        if command == "H" and not self.flow[channel]:
            return b"-"
        if command in {"H", "I"}:
            self.running[channel] = command == "H"
        return b"*"

    def flow_answer(self, channel, argument):
        if argument:
            self.flow[channel] = int(argument[:4]) / 1000 * 10 ** int(argument[4:])
        digits, exponent = f"{self.flow[channel]:.3e}".split("e")
        return f"{digits.replace('.', '')}E{int(exponent):+d}\r\n".encode()


def pump_spec():
    tags = []
    for channel, loop in ((1, "FIC-301A"), (2, "FIC-301B")):
        tags += [
            tag(f"{loop}.SP", f"ch{channel}.sp", (0, 60), "mL/min", write=writes(0, 60, 0)),
            tag(f"{loop}.RUN", f"ch{channel}.run", (0, 1), write=writes(0, 1, 0)),
            tag(f"{loop}.PV", f"ch{channel}.pv", (0, 60), "mL/min"),
            tag(f"{loop}.RUNNING", f"ch{channel}.running", (0, 1)),
        ]
    return instrument("REGLO", "reglo_icc", 1, tags)


def pump_bench(loop):
    pump = Pump()
    spec = bus_spec("ascii", baud=9600, format="8N1", gap_ms=5.0)
    return Bench(loop, spec, [pump_spec()], pump.answer, delay_s=0.02), pump


def test_pump_is_set_up_started_and_stopped():
    async def main(loop):
        bench, pump = pump_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        assert pump.asked[:5] == ["1#", "1~1", "1xE0", "1M", "2M"]
        bench.outputs.put("FIC-301A.RUN", 1)
        await asyncio.sleep(0.3)
        assert bench.observer.outcomes("FIC-301A.RUN") == [REFUSED]  # answered `-`: no flow set
        bench.outputs.put("FIC-301A.SP", 12.5)
        bench.outputs.put("FIC-301A.RUN", 1)
        await asyncio.sleep(1.0)
        assert pump.flow[1] == pytest.approx(12.5)
        assert bench.image.value["FIC-301A.PV"] == pytest.approx(12.5)
        assert bench.image.value["FIC-301A.RUNNING"] == 1.0
        count = len(pump.asked)
        bench.outputs.put("FIC-301A.RUN", 1)  # running already: not sent, `1H` would be refused
        await asyncio.sleep(0.2)
        assert "1H" not in pump.asked[count:]
        bench.outputs.put("FIC-301A.SP", 20.0)
        bench.outputs.put("FIC-301A.RUN", 0)
        await asyncio.sleep(1.5)
        sent = [c for c in pump.asked[count:] if c in {"1I", "1f2000+1"}]
        assert sent == ["1I", "1f2000+1"]  # a stop goes first
        assert bench.observer.outcomes()[1:] == [WRITTEN] * 5
        await bench.stop()

    run(main)


def test_pump_polls_run_at_one_hertz_each():
    async def main(loop):
        bench, pump = pump_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        count = len(pump.asked)
        await asyncio.sleep(10.0)
        asked = pump.asked[count:]
        assert {c: asked.count(c) for c in ("1f", "1E", "2f", "2E")} == pytest.approx(
            {"1f": 10, "1E": 10, "2f": 10, "2E": 10}, abs=1
        )
        assert len(asked) <= 42
        await bench.stop()

    run(main)


def test_a_lost_answer_to_a_start_is_unknown_and_not_repeated():
    async def main(loop):
        bench, pump = pump_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("FIC-301B.SP", 10.0)
        await asyncio.sleep(0.5)
        pump.mute.add("2H")
        bench.outputs.put("FIC-301B.RUN", 1)
        await asyncio.sleep(4.0)
        assert pump.asked.count("2H") == 1
        assert bench.observer.outcomes("FIC-301B.RUN") == [UNKNOWN]
        assert "1#" in pump.asked[pump.asked.index("2H") :]  # the canary
        assert bench.image.value["FIC-301B.RUNNING"] == 0.0
        await bench.stop()

    run(main)


def test_pump_without_power_is_silent_then_sheds_what_ran():
    async def main(loop):
        bench, pump = pump_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("FIC-301A.SP", 10.0)
        bench.outputs.put("FIC-301A.RUN", 1)
        await asyncio.sleep(1.0)
        pump.power = False
        await asyncio.sleep(6.0)
        assert bench.device("REGLO").state is LinkState.SILENT
        assert bench.image.quality["FIC-301A.PV"] == Quality.BAD_NO_COMMUNICATION
        pump.power, pump.running[1] = True, False
        await asyncio.sleep(8.0)
        assert bench.device("REGLO").state is LinkState.UP
        assert "REGLO" in bench.outputs.shed()
        bench.outputs.put("FIC-301A.RUN", 1)
        await asyncio.sleep(0.5)
        assert bench.observer.writes[-1].outcome is REFUSED
        await bench.stop()

    run(main)


# --- Optris ------------------------------------------------------------------------------------


def test_printed_optris_bytes():
    link = OptrisLink()
    assert link.set(5, bytes.fromhex("84 03 B6")).frame == bytes.fromhex("B5 84 03 B6 31")
    assert checksum(bytes.fromhex("84 03 B6")) == 0x31
    link.begin(link.set(5, bytes.fromhex("84 03 B6")))
    assert link.feed(bytes.fromhex("03 B6")) == bytes.fromhex("03 B6")
    link.begin(link.set(5, bytes.fromhex("84 03 B6")))
    with pytest.raises(ReplyError, match="echo"):
        link.feed(bytes.fromhex("03 B7"))
    assert link.begin(link.ask(1, b"\x01", 2)) == b"\xb1\x01"
    assert link.feed(b"\x04") is None
    assert link.feed(b"\xd3") == b"\x04\xd3"
    link.begin(link.ask(1, b"\x01", 2))
    with pytest.raises(ReplyError):
        link.feed(b"\x04\xd3\x00")


def heads(serials, words):
    def answer(data, peer):
        address = data[0] - 0xB0
        if address not in words or words[address] is None:
            return None
        return serials[address] if data[1] == 0x0E else words[address]

    return answer


def test_optris_heads_on_one_line():
    async def main(loop):
        words = {1: bytes.fromhex("04D3"), 2: bytes.fromhex("FFFF"), 3: None}
        serials = {1: b"\0\0\1", 2: b"\0\0\2"}
        specs = [
            instrument(f"OPTRIS{n}", "optris_ct", n, [tag(f"TT-{n}.PV", "pv", (-20, 900), "degC")])
            for n in (1, 2, 3)
        ]
        spec = bus_spec("optris", baud=115200, format="8N1", timeout_ms=100)
        bench = Bench(loop, spec, specs, heads(serials, words))
        bench.start()
        await asyncio.sleep(5.0)
        assert bench.image.value["TT-1.PV"] == pytest.approx(23.5)
        assert bench.image.quality["TT-2.PV"] == Quality.BAD_OUT_OF_RANGE
        assert bench.image.quality["TT-3.PV"] == Quality.BAD_NO_COMMUNICATION
        assert len(bench.image.samples["OPTRIS1.target"]) == 5
        serials[1] = b"\0\0\7"  # another head after an interruption
        words[1] = None
        await asyncio.sleep(2.0)
        words[1] = bytes.fromhex("04D3")
        await asyncio.sleep(6.0)
        assert bench.device("OPTRIS1").state is LinkState.SILENT
        assert "serial" in bench.image.failures["OPTRIS1.target"][-1][1]
        await bench.stop()

    run(main)
