"""``filmline simulate`` against a client we did not write: mbpoll over TCP and a serial line."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.loader import load_line
from tests.system.processes import LINE, PATIENCE_S, filmline, started

pytestmark = pytest.mark.timeout(PATIENCE_S)

MBPOLL = os.environ.get("FILMLINE_MBPOLL") or shutil.which("mbpoll")
EPC_PV, EPC_REMOTE_SELECT, EPC_REMOTE_SP = 1, 276, 277  # PDU addresses of the EPC3016
E5CC_COMMAND, E5CC_PV, E5CC_SP = 0x0000, 0x2000, 0x2103
COMMS_WRITING_ON, RAM_MODE = 0x0001, 0x0401
E5CC_B1_UNIT = 11  # B1 on RTU-A


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@dataclass(frozen=True)
class Simulator:
    """A running ``filmline simulate``: its line file, and the port of each bus."""

    line: Path
    ports: dict[str, int]
    process: subprocess.Popen[str]
    announced: str


def moved(folder: Path) -> Path:
    """The shipped line on free ports."""
    text = LINE.read_text("utf-8")
    pattern = re.compile(r"^(simulated_(?:stream_|clock_)?port = )\d+", re.MULTILINE)
    ports = iter(free_ports(len(pattern.findall(text))))
    path = folder / "pilot.toml"
    path.write_text(pattern.sub(lambda found: f"{found[1]}{next(ports)}", text), "utf-8")
    return path


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    line = moved(tmp_path_factory.mktemp("line"))
    ports = {bus.name: bus.simulated_port for bus in load_line(line).bus}
    said = []
    with started("simulate", line, "--start", "hot") as process:
        assert process.stdout is not None
        for text in process.stdout:
            said.append(text)
            if "Ctrl-C" in text:
                break
        yield Simulator(line, ports, process, "".join(said))


def mbpoll(*arguments: str | int) -> str:
    """Run mbpoll once; returns what it printed."""
    if MBPOLL is None:
        pytest.skip("mbpoll is missing: install it, or set FILMLINE_MBPOLL")
    command = [MBPOLL, "-q", "-1", "-o", "2", *(str(part) for part in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def values(printed: str) -> list[int]:
    """The values in mbpoll's output, as signed numbers."""
    found = [int(text) for text in re.findall(r"^\[\d+\]:\s+(-?\d+)", printed, re.MULTILINE)]
    return [value - 0x1_0000 if value > 0x7FFF else value for value in found]


class Link:
    """mbpoll's way to one unit: how to reach it, then the device or host."""

    def __init__(self, how: tuple[str | int, ...], where: str) -> None:
        self._how, self._where = how, where

    def read(self, address: int, count: int = 1) -> list[int]:
        """Read holding registers; mbpoll counts references from 1."""
        asked = ("-t", "4", "-r", address + 1, "-c", count)
        return values(mbpoll(*self._how, *asked, self._where))

    def comes_to(self, address: int, value: int) -> bool:
        """Read until a register holds a value: the plant takes it over with its next step."""
        return any(self.read(address) == [value] for _ in range(50))

    def write(self, address: int, value: int) -> None:
        """Write one holding register."""
        printed = mbpoll(*self._how, "-t", "4", "-r", address + 1, self._where, value)
        assert "Written 1 references" in printed, printed


@contextmanager
def serial_line(port: int) -> Iterator[str]:
    """A pseudo terminal whose bytes go to a TCP port and back: a serial adapter."""
    master, slave = os.openpty()
    tty.setraw(slave)
    peer = socket.create_connection(("127.0.0.1", port))
    ended = threading.Event()

    def carry() -> None:
        while not ended.is_set():
            ready, _, _ = select.select([master, peer.fileno()], [], [], 0.05)
            if master in ready:
                peer.sendall(os.read(master, 512))
            if peer.fileno() in ready:
                data = peer.recv(512)
                if not data:
                    return
                os.write(master, data)

    carrier = threading.Thread(target=carry)
    carrier.start()
    try:
        yield os.ttyname(slave)
    finally:
        ended.set()
        carrier.join()
        peer.close()
        os.close(slave)
        os.close(master)


def test_it_says_what_it_serves_and_where(simulator: Simulator) -> None:
    assert "SIMULATED line pilot" in simulator.announced
    for name, port in simulator.ports.items():
        assert re.search(rf"^\s+{port}\s+{name}\b", simulator.announced, re.MULTILINE)
    assert "T1 (unit 1)" in simulator.announced


def test_mbpoll_reads_and_writes_an_epc3016_over_tcp(simulator: Simulator) -> None:
    t1 = Link(("-m", "tcp", "-a", 1, "-p", simulator.ports["NET-T1"]), "127.0.0.1")
    (pv,) = t1.read(EPC_PV)
    assert 140.0 < pv / 10.0 < 160.0, "zone T1 of a hot line stands near 150 °C"
    t1.write(EPC_REMOTE_SELECT, 1)
    t1.write(EPC_REMOTE_SP, 1555)
    assert t1.read(EPC_REMOTE_SP) == [1555]
    assert t1.comes_to(EPC_PV + 4, 1555), "the working set point follows the remote one"


def test_mbpoll_reads_and_writes_an_e5cc_over_a_serial_line(simulator: Simulator) -> None:
    with serial_line(simulator.ports["RTU-A"]) as device:
        how = ("-m", "rtu", "-a", E5CC_B1_UNIT, "-b", 19200, "-d", 8, "-s", 1, "-P", "none")
        b1 = Link(how, device)
        (pv,) = b1.read(E5CC_PV)
        assert 80.0 < pv / 10.0 < 100.0, "belt zone B1 of a hot line stands near 90 °C"
        b1.write(E5CC_COMMAND, COMMS_WRITING_ON)
        b1.write(E5CC_COMMAND, RAM_MODE)
        b1.write(E5CC_SP, 925)
        assert b1.read(E5CC_SP) == [925]
        assert b1.comes_to(E5CC_PV + 2, 925), "the internal set point is the new one"


def test_a_second_simulation_names_port_and_instrument(simulator: Simulator) -> None:
    ended = filmline("simulate", simulator.line)
    message = ended.is_one_clear_message()
    assert f"port {simulator.ports['NET-T1']} of NET-T1 (T1) is in use" in message


def test_ctrl_c_ends_it_and_frees_its_ports(tmp_path: Path) -> None:
    line = moved(tmp_path)
    ports = [bus.simulated_port for bus in load_line(line).bus]
    with started("simulate", line) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(PATIENCE_S) == 0
    assert said.strip() == "stopped; all ports are free again"
    for port in ports:
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))
