"""Four Modbus clients that we did not write, on the simulated line, beside a running service.

mbpoll (C, libmodbus), modbus-serial (JavaScript), pyModbusTCP and minimalmodbus (Python; RTU).
Each reads a zone's process value, writes a register that the line does not own, reads it back,
and is refused where the manual says so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import minimalmodbus
import pytest
import serial
from pyModbusTCP.client import ModbusClient

from config.loader import load_line
from controller.historian.ledger import balance
from controller.historian.query import Record
from tests.system.processes import PATIENCE_S, RECIPE, ROOT, start
from tests.system.servers import until
from tests.system.test_simulate import moved

pytestmark = pytest.mark.timeout(PATIENCE_S)

HOST = "127.0.0.1"
EPC_PV, EPC_SECOND_SP, EPC_NOWHERE = 1, 25, 2399
E5CC_PV, E5CC_SPARE_ALARM, E5CC_NOWHERE = 0x2000, 0x2108, 0x2BFF
E5CC_B1_UNIT = 11
ILLEGAL_ADDRESS = 2


class Client(Protocol):
    """What each foreign client can do."""

    def read(self, address: int) -> int:
        """A holding register as a signed number."""

    def write(self, address: int, value: int) -> None:
        """Write one holding register."""

    def refused(self, address: int) -> bool:
        """Whether reading this address is answered with "illegal data address"."""


@dataclass
class Mbpoll:
    port: int

    def _run(self, *arguments: str | int) -> subprocess.CompletedProcess[str]:
        program = os.environ.get("FILMLINE_MBPOLL") or shutil.which("mbpoll")
        if program is None:
            pytest.fail("mbpoll is missing: `make test` unpacks it, or apt-get install mbpoll")
        fixed = ("-0", "-1", "-q", "-m", "tcp", "-a", 1, "-t", 4, "-p", self.port)
        command = [program, *map(str, (*fixed, *arguments))]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def read(self, address: int) -> int:
        done = self._run("-r", address, HOST)
        found = re.search(r"^\[\d+\]:\s+(-?\d+)", done.stdout, re.MULTILINE)
        assert found, done.stdout + done.stderr
        return signed(int(found[1]))

    def write(self, address: int, value: int) -> None:
        done = self._run("-r", address, HOST, value)
        assert "Written 1 references" in done.stdout, done.stdout + done.stderr

    def refused(self, address: int) -> bool:
        return "Illegal data address" in self._run("-r", address, HOST).stderr


@dataclass
class ModbusSerial:
    port: int

    def _run(self, *arguments: object) -> dict[str, object]:
        modules = os.environ.get("FILMLINE_NODE_MODULES") or str(
            ROOT / ".cache/foreign/node_modules"
        )
        node = shutil.which("node")
        if node is None or not (Path(modules) / "modbus-serial").exists():
            pytest.fail("node or modbus-serial is missing: `make test` installs it (needs npm)")
        script = ROOT / "tests" / "system" / "foreign" / "client.js"
        done = subprocess.run(
            [node, script, str(self.port), "1", *map(str, arguments)],
            env=os.environ | {"NODE_PATH": modules},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def read(self, address: int) -> int:
        data = self._run("read", address, 1)["data"]
        assert isinstance(data, list)
        return signed(data[0])

    def write(self, address: int, value: int) -> None:
        assert self._run("write", address, value) == {"written": True}

    def refused(self, address: int) -> bool:
        return self._run("read", address, 1).get("exception") == ILLEGAL_ADDRESS


class PyModbusTcp:
    def __init__(self, port: int) -> None:
        self._client = ModbusClient(HOST, port, unit_id=1, auto_open=True, timeout=5.0)

    def read(self, address: int) -> int:
        found = self._client.read_holding_registers(address, 1)
        assert found, self._client.last_except_as_full_txt
        return signed(found[0])

    def write(self, address: int, value: int) -> None:
        assert self._client.write_single_register(address, value)
        assert self._client.write_multiple_registers(address, [value])

    def refused(self, address: int) -> bool:
        assert self._client.read_holding_registers(address, 1) is None
        return self._client.last_except == ILLEGAL_ADDRESS

    def close(self) -> None:
        self._client.close()


class Minimalmodbus:
    """RTU over the byte stream of a serial bus: a unit on a bus with seven."""

    def __init__(self, port: int, unit: int) -> None:
        self._line = serial.serial_for_url(f"socket://{HOST}:{port}", timeout=2.0)
        self._unit = minimalmodbus.Instrument(self._line, unit)

    def read(self, address: int) -> int:
        return int(self._unit.read_register(address, signed=True))

    def write(self, address: int, value: int) -> None:
        self._unit.write_register(address, value, functioncode=6)

    def refused(self, address: int) -> bool:
        with pytest.raises(minimalmodbus.IllegalRequestError, match="data address"):
            self._unit.read_register(address)
        return True

    def close(self) -> None:
        self._line.close()


def signed(word: int) -> int:
    return word - 0x1_0000 if word > 0x7FFF else word


@dataclass(frozen=True)
class Beside:
    """A simulated line, and the service that runs it."""

    ports: dict[str, int]
    lot: Path
    service: subprocess.Popen[str]
    log: Path


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    home = tmp_path_factory.mktemp("beside")
    line = moved(home)
    ports = {bus.name: bus.simulated_port for bus in load_line(line).bus}
    simulated, log = home / "simulate.log", home / "run.log"
    running: list[subprocess.Popen[str]] = []

    def begin(log: Path, *arguments: str | Path) -> None:
        with log.open("w") as said:
            running.append(start(*arguments, stdout=said.fileno(), stderr=said.fileno()))

    try:
        begin(simulated, "simulate", line, "--start", "hot")
        until(lambda: "Ctrl-C" in simulated.read_text(), "simulate", 60.0)
        own = ("--out", home / "lot", "--socket", home / "socket")
        begin(log, "run", RECIPE, "--line", line, "--simulated", *own)
        for device in ("T8", "B1"):  # a B1 that is not set up takes no write, of nobody
            up = re.compile(rf"\b{device}\b.*\bup\b")
            until(lambda up=up: up.search(log.read_text()) is not None, f"{device} up", 120.0)
        yield Beside(ports, home / "lot", running[1], log)
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(60.0)


def reads_and_writes(client: Client, pv: int, own: int, nowhere: int, near_c: float) -> None:
    """The same for each client."""
    assert abs(client.read(pv) / 10.0 - near_c) < 15.0
    before = client.read(own)
    client.write(own, before + 7)
    assert client.read(own) == before + 7
    assert client.refused(nowhere)
    client.write(own, before)
    assert client.read(own) == before


def test_mbpoll(beside: Beside) -> None:
    client = Mbpoll(beside.ports["NET-T1"])
    reads_and_writes(client, EPC_PV, EPC_SECOND_SP, EPC_NOWHERE, 150.0)


def test_modbus_serial(beside: Beside) -> None:
    client = ModbusSerial(beside.ports["NET-T1"])
    reads_and_writes(client, EPC_PV, EPC_SECOND_SP, EPC_NOWHERE, 150.0)


def test_pymodbustcp(beside: Beside) -> None:
    client = PyModbusTcp(beside.ports["NET-T1"])
    reads_and_writes(client, EPC_PV, EPC_SECOND_SP, EPC_NOWHERE, 150.0)
    client.close()


def test_minimalmodbus(beside: Beside) -> None:
    client = Minimalmodbus(beside.ports["RTU-A"], E5CC_B1_UNIT)
    reads_and_writes(client, E5CC_PV, E5CC_SPARE_ALARM, E5CC_NOWHERE, 90.0)
    client.close()


def test_the_service_beside_them_missed_nothing(beside: Beside) -> None:
    """Last: the service still runs, and its record has every poll of the zone that all asked."""
    assert beside.service.poll() is None, beside.log.read_text()

    def samples() -> int:
        with Record(beside.lot) as record:
            return balance(record, "TIC-501.PV").stored

    until(lambda: samples() > 20, "polls of T1", 60.0)
    with Record(beside.lot) as record:
        account = balance(record, "TIC-501.PV")
        serial_zone = balance(record, "TIC-201.PV")
    assert account.balanced, account
    assert account.good == account.stored, account
    assert serial_zone.good == serial_zone.stored > 0, "a second master did not spoil a reply"
    assert "Traceback" not in beside.log.read_text()
