"""Real servers for the system tests: unpacked by ``make test``, on free ports, to be killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.system.processes import ROOT

START_S = 20.0
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


def program(package: str, variable: str, name: str) -> str:
    """Path of a server: as told, installed, or unpacked; missing is a failure with its cure."""
    unpacked = ROOT / ".cache" / package / "run"
    found = os.environ.get(variable) or shutil.which(name, path=PLACES)
    if found is None and unpacked.exists():
        found = str(unpacked)
    if found is None:
        pytest.fail(f"{name} is missing: `make test` unpacks it, or apt-get install {package}")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ready: Callable[[], bool], what: str, patience_s: float = START_S) -> None:
    """Wait for another process."""
    for _ in range(round(patience_s / 0.02)):
        if ready():
            return
        Event().wait(0.02)
    pytest.fail(f"{what}: not within {patience_s:g} s")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(url: str, data: dict[str, str] | None = None) -> str:
    """GET, or POST a form; errors of HTTP are raised with what the server said."""
    body = None if data is None else urllib.parse.urlencode(data).encode()
    try:
        with urllib.request.urlopen(url, body, timeout=60) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.code} {error.read().decode()}") from error


class Server:
    """A server process that can be killed in the middle and started again on its data."""

    def __init__(self, command: Sequence[str | Path], port: int, home: Path) -> None:
        self.port = port
        self._command = [str(part) for part in command]
        self._log = home / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert self._process is None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True
            )
        try:
            until(lambda: listens(self.port), f"{self._command[0]}: {self._log}")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Influx(Server):
    """influxd 1.6.7 with one database."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        port = free_port()
        config = home / "influxd.toml"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{home}/meta"\n[monitor]\nstore-enabled = false\n'
            f'[data]\ndir = "{home}/data"\nwal-dir = "{home}/wal"\nquery-log-enabled = false\n'
            f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
        )
        influxd = program("influxdb", "FILMLINE_INFLUXD", "influxd")
        super().__init__([influxd, "-config", config], port, home)
        self.query("CREATE DATABASE filmline", database="")

    def query(self, text: str, database: str = "filmline") -> list[dict[str, Any]]:
        """InfluxQL; the series of all statements, stamps in us."""
        answer = ask(
            f"http://127.0.0.1:{self.port}/query", {"q": text, "db": database, "epoch": "u"}
        )
        found: list[dict[str, Any]] = []
        for result in json.loads(answer)["results"]:
            assert "error" not in result, f"{text}: {result}"
            found += result.get("series", [])
        return found

    def counts(self, measurement: str) -> dict[str, int]:
        """Points of each field of a measurement."""
        series = self.query(f'SELECT count(*) FROM "{measurement}"')  # noqa: S608 - ours
        if not series:
            return {}
        pairs = zip(series[0]["columns"][1:], series[0]["values"][0][1:], strict=True)
        return {name.removeprefix("count_"): int(count) for name, count in pairs}


class Victoria(Server):
    """VictoriaMetrics; a repeated sample counts once, as its page on this mirror says."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        port = free_port()
        binary = program("victoria-metrics", "FILMLINE_VICTORIA_METRICS", "victoria-metrics")
        options = (
            f"-storageDataPath={home}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-dedup.minScrapeInterval=1ms",
        )
        super().__init__([binary, *options], port, home)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def series(self, match: str) -> dict[str, dict[int, float]]:
        """Every sample (stamp in ms) of the series that match, by metric name."""
        ask(f"{self.url}/internal/force_flush")
        lines = ask(f"{self.url}/api/v1/export", {"match[]": match}).splitlines()
        found = [json.loads(line) for line in lines]
        return {
            one["metric"]["__name__"]: dict(zip(one["timestamps"], one["values"], strict=True))
            for one in found
        }


class Mosquitto(Server):
    """A broker with nothing on its disk: what it retained is gone with it."""

    def __init__(self, home: Path, extra: str = "allow_anonymous true\n") -> None:
        home.mkdir()
        port = free_port()
        config = home / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\n{extra}persistence false\nmax_queued_messages 0\n"
        )
        super().__init__(
            [program("mosquitto", "FILMLINE_MOSQUITTO", "mosquitto"), "-c", config], port, home
        )


class V2Shim:
    """The v2 write path in front of influxd 1.6.7, as InfluxDB 1.8 has it built in.

    Bucket = database; with a token it answers 401 to any other one. ``answers`` is a queue of
    codes to answer with instead of asking the server.
    """

    def __init__(self, server: Influx, token: str = "") -> None:
        self.answers: list[int] = []
        self.writes = 0
        shim = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code, said = shim.write(self.path, self.headers.get("Authorization", ""), body)
                self.send_response(code)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing on the screen."""

        self._server, self._token = server, token
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        Thread(target=self._http.serve_forever, daemon=True).start()

    def write(self, path: str, authorization: str, body: bytes) -> tuple[int, bytes]:
        """One request of the v2 client, as the 1.x server answers it."""
        asked = urllib.parse.urlparse(path)
        query = urllib.parse.parse_qs(asked.query)
        assert asked.path == "/api/v2/write", path
        assert query["precision"] == ["us"], path
        if self.answers:
            return self.answers.pop(0), b'{"message": "as the test wants"}'
        if self._token and authorization != f"Token {self._token}":
            return 401, b'{"code": "unauthorized", "message": "unauthorized access"}'
        to = urllib.parse.urlencode({"db": query["bucket"][0], "precision": "u"})
        self.writes += 1
        try:
            url = f"http://127.0.0.1:{self._server.port}/write?{to}"
            with urllib.request.urlopen(url, body, timeout=30) as answer:
                return int(answer.status), b""
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 503, json.dumps({"message": f"the engine is away: {error}"}).encode()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
