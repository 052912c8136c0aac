"""Real kills of the live service at random moments: what is lost, how fast it is back, how it is.

    python bench/bench_crash.py --kills 200          a cold line; a person lets it go on between
    python bench/bench_crash.py --film 10            a line full of film, a kill in each

The plant is ``filmline simulate`` on real sockets, the record is on the disk the command runs
on. Each kill is SIGKILL; the service is started again at once, as a supervisor does. After
all kills the record is compared with what every commit had acknowledged (``crash_service.py``
writes that down as each commit returns). Exits 1 when anything was lost, came twice, was not
HELD, or was heated without a person.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.bench_live import PRIORITY, RECIPE, ROOT, Files, command, make_files, wait
from controller.historian.query import Record
from controller.historian.reading import EARLIEST, LATEST
from controller.operating.client import DeskClient
from controller.operating.errors import OperatingError

SERVICE = Path(__file__).with_name("crash_service.py")
LONG_SHARE, SHORT_S, LONG_S = 0.12, (0.05, 4.0), (20.0, 40.0)
PATIENCE_S = 60.0
GONE_S = 1.0  # line seconds in which heat that was found on must be off
NS = 1e9


@dataclass
class Figures:
    """What was measured over all kills."""

    back_s: list[float] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    killed_in: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    lost_m: list[float] = field(default_factory=list)
    acked_rows: int = 0
    acked_notes: int = 0
    lost: int = 0
    twice: int = 0
    unacked: int = 0
    heated: int = 0

    @property
    def bad(self) -> bool:
        """Whether anything is not as it must be."""
        return bool(self.lost or self.twice or self.heated or set(self.states) - {"HELD"})

    def back(self) -> str:
        """How fast it was back, so far."""
        back = sorted(self.back_s)
        return (
            f"{len(back)} kills, back after: median {quantile(back, 0.5):.2f} s,"
            f" p95 {quantile(back, 0.95):.2f} s, p99 {quantile(back, 0.99):.2f} s,"
            f" longest {back[-1]:.2f} s"
        )

    def tell(self) -> None:
        """Print the figures."""
        print(f"killed in {dict(self.killed_in)}; back in {dict(self.states)}")
        if self.back_s:
            print(self.back())
        print(
            f"acknowledged: {self.acked_rows} rows, {self.acked_notes} events and entries; "
            f"lost {self.lost}, twice {self.twice}; stored without acknowledgement {self.unacked}"
        )
        print(f"heated without a person {self.heated}; ways {dict(self.ways)}")
        if self.lost_m:
            mean = sum(self.lost_m) / len(self.lost_m)
            print(f"film lost per kill: mean {mean:.1f} m, most {max(self.lost_m):.1f} m")


def pause(seconds: float) -> None:
    """Let wall time pass."""
    time.sleep(seconds)  # noqa: TID251 - a bench, not the product


def quantile(values: list[float], share: float) -> float:
    """The value below which a share lies (nearest rank)."""
    return values[max(0, -(-round(share * 1000) * len(values) // 1000) - 1)]


@contextmanager
def simulating(files: Files, start: str, speed: float, *, fifo: bool) -> Iterator[None]:
    """The plant, ready."""
    log = files.home / "simulate.log"
    with command(log, fifo, "simulate", files.line, "--speed", speed, "--start", start,
                 "--recipe", RECIPE) as process:  # fmt: skip
        if not wait(process, log, "Ctrl-C stops it.", PATIENCE_S):
            raise SystemExit(log.read_text())
        yield


class Service:
    """The service as a supervisor keeps it."""

    def __init__(self, files: Files, speed: float, *, fifo: bool) -> None:
        self._fifo = fifo
        self.files, self.log = files, files.home / "run.log"
        self.acks = files.home / "acks"
        self._words = [
            sys.executable, str(SERVICE), "run", str(RECIPE), "--line", str(files.line),
            "--simulated", "--speed", f"{speed:g}", "--out", str(files.lot),
            "--socket", str(files.socket),
        ]  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        with self.log.open("a") as out:
            self.process = subprocess.Popen(
                self._words, cwd=ROOT, stdout=out, stderr=out,
                env=os.environ | {"CRASH_ACKS": str(self.acks), "NO_COLOR": "1"},
            )  # fmt: skip

        if self._fifo:  # as the unit file gives it
            with contextlib.suppress(OSError):
                os.sched_setscheduler(self.process.pid, os.SCHED_FIFO, os.sched_param(PRIORITY))

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ask(self, verb: str, **args: object) -> dict[str, object]:
        """Ask once it answers."""
        end = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < end:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                with DeskClient(self.files.socket) as client:
                    return dict(client.ask(verb, **args).data)
            except OperatingError:
                pause(0.01)
        raise SystemExit(f"the service does not answer:\n{self.log.read_text()[-3000:]}")

    def command(self, verb: str) -> bool:
        """A person looks and commands; False when it is refused."""
        try:
            with DeskClient(self.files.socket) as client:
                seen = client.ask("cost", verb=verb).data.get("seen")
                return client.ask(verb, reason="bench", seen=seen).ok
        except OperatingError:
            return False

    def insist(self, verb: str) -> None:
        """A person commands until it is accepted: instruments are still being set up."""
        end = time.perf_counter() + PATIENCE_S
        while not self.command(verb):
            if time.perf_counter() > end:
                raise SystemExit(f"{verb} is refused:\n{self.log.read_text()[-3000:]}")
            pause(0.2)

    def told(self) -> dict[str, object]:
        """The status once the plant has been read."""
        while True:
            status = self.ask("status")
            restart = status["restart"]
            if not isinstance(restart, dict) or restart["way"] != "reading":
                return status
            pause(0.05)


def one_kill(service: Service, figures: Figures) -> None:
    """Kill, start again, and wait until it answers."""
    figures.killed_in[str(service.ask("status")["state"])] += 1
    service.kill()
    began = time.perf_counter()
    service.start()
    state = str(service.ask("status")["state"])
    figures.back_s.append(time.perf_counter() - began)
    figures.states[state] += 1
    restart = service.told()["restart"]
    if isinstance(restart, dict):
        figures.ways[str(restart["way"])] += 1
        figures.lost_m.append(float(str(restart["lost_m"])))


def cold(asked: argparse.Namespace, rng: random.Random, figures: Figures) -> None:
    """One lot from cold, killed again and again; a person mostly lets it go on."""
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder) / "line")
        with simulating(files, "hot", asked.speed, fifo=asked.fifo):
            service = Service(files, asked.speed, fifo=asked.fifo)
            service.start()
            service.ask("status")
            service.insist("start")
            end = time.perf_counter() + 60.0 * asked.minutes
            for number in range(asked.kills):
                if time.perf_counter() > end:
                    break
                long = rng.random() < LONG_SHARE
                pause(rng.uniform(*(LONG_S if long else SHORT_S)))
                one_kill(service, figures)
                if rng.random() < 0.8:
                    service.command("restart")
                if number % 20 == 19:
                    print(figures.back(), flush=True)
            service.kill()
        judge(files, service.acks, figures)


def film(rng: random.Random, figures: Figures, *, fifo: bool) -> None:
    """A line full of film, killed once while it runs."""
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder) / "line")
        with simulating(files, "running", 1.0, fifo=fifo):
            service = Service(files, 1.0, fifo=fifo)
            service.start()
            while service.ask("status")["state"] != "HELD":
                pause(0.1)
            service.command("restart")
            pause(rng.uniform(2.0, 8.0))
            one_kill(service, figures)
            service.kill()
        judge(files, service.acks, figures)


# --- the record against what was acknowledged ----------------------------------------------------


def judge(files: Files, acks: Path, figures: Figures) -> None:
    """Compare the record with the acknowledgements, and look for heat nobody asked for."""
    rows: dict[int, Counter[int]] = {}
    notes: dict[str, Counter[tuple[str, ...]]] = {"event": Counter(), "journal": Counter()}
    for line in acks.read_bytes().splitlines():
        told = json.loads(line)
        for group, stamps in told["rows"]:
            rows.setdefault(group, Counter()).update(stamps)
        for table, entries in told["notes"].items():
            notes[table].update(tuple(entry) for entry in entries)
    with Record(files.lot) as record:
        for group, acked in rows.items():
            stored = Counter(record.rows(group, [0], EARLIEST, LATEST).sent.tolist())
            figures.acked_rows += account(acked, stored, figures)
        columns = {"event": "ns, source, verb, tag, old, new, cause, actor",
                   "journal": "ns, subject, entry"}  # fmt: skip
        for table, acked_notes in notes.items():
            found = record.query(f"SELECT {columns[table]} FROM {table}")  # noqa: S608 - constants
            stored_notes = Counter(tuple(map(repr, row)) for row in found)
            figures.acked_notes += account(acked_notes, stored_notes, figures)
        figures.heated += heated(record)


def account(acked: Counter[Any], stored: Counter[Any], figures: Figures) -> int:
    """Count what is lost, twice, or stored though no acknowledgement was seen."""
    figures.lost += sum((acked - stored).values())
    figures.twice += sum((stored - acked)[key] for key in acked if stored[key] > acked[key])
    figures.unacked += sum(count for key, count in stored.items() if key not in acked)
    return sum(acked.values())


def heated(record: Record) -> int:
    """Sessions in which a heater was on before a person had commanded anything."""
    begun = [ns for (ns,) in record.query("SELECT opened_ns FROM session ORDER BY id")]
    decided = [e.ns for e in record.events(source="procedure", verb="state") if e.actor]
    main = record.raw("XC-100.CMD")
    on = main.sent_ns[(main.value > 0.5) & (main.quality == 0)]
    wrong = 0
    for opened, following in zip(begun[1:], [*begun[2:], LATEST], strict=True):
        first = min((ns for ns in decided if opened <= ns < following), default=following)
        seen = on[(on >= opened) & (on < first)]
        if len(seen) and seen[-1] - opened > GONE_S * NS + 3.0 * NS:
            wrong += 1
    return wrong


def main() -> int:
    """Kill, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="of one lot that is begun anew")
    parser.add_argument("--film", type=int, default=0, help="lines full of film, one kill each")
    parser.add_argument("--speed", type=float, default=1.0, help="line seconds a second")
    parser.add_argument("--minutes", type=float, default=600.0, help="end the kills after these")
    parser.add_argument("--fifo", action="store_true", help="real-time priority")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    asked = parser.parse_args()
    rng, figures = random.Random(asked.seed), Figures()  # noqa: S311 - moments, no secrets
    if asked.kills:
        cold(asked, rng, figures)
    for _ in range(asked.film):
        film(rng, figures, fifo=asked.fifo)
    figures.tell()
    return 1 if figures.bad else 0


if __name__ == "__main__":
    sys.exit(main())
