"""``filmline run``: the live service of a line, on real ports or against a simulator."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Self

import typer

from config.loader import ConfigError, Materials, load_line, load_materials, load_recipe
from config.models import Line, Recipe
from controller import live_simulated
from controller.check import find_line
from controller.errors import ControllerError
from controller.historian.identity import Identity
from controller.historian.pending import KEEP_S
from controller.historian.schema import FILE_NAME
from controller.historian.store import Store
from controller.live import LiveRun, Setting
from controller.live_log import LineLog, write_out
from controller.live_ports import parse_ports, transports
from controller.live_simulated import Simulator
from controller.live_time import LineClock, LiveLoop
from controller.materials.book import FILE_NAME as FILE_OF_LOTS
from controller.materials.book import Book
from controller.materials.simulated import copy_for_run, make_simulated
from controller.operating.protocol import default_socket
from controller.procedure.states import State
from controller.report.commands import write_report

SOFTWARE = "filmline 0.1.0"
RUNS = Path("runs")
FASTEST = 60.0
DONE, ENDED_EARLY = 0, 1


class BadRun(ControllerError):
    """A run that cannot be started as asked; the message says what to change."""


@dataclass(frozen=True)
class _Ended:
    """How a live run ended."""

    state: State
    reason: str
    facts: str
    trouble: str


def run(
    recipe: Annotated[Path, typer.Argument(help="Recipe file (TOML).")],
    line: Annotated[
        Path | None, typer.Option(help="Line file (default: the recipe's own line).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the lot (default: runs/LOT).")] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Talk to 'filmline simulate' on this computer.")
    ] = False,
    speed: Annotated[
        float, typer.Option(help="Line seconds a wall second, as the simulator's; a plant has 1.")
    ] = 1.0,
    port: Annotated[
        list[str] | None,
        typer.Option(help="Another port for a bus, BUS=ADDRESS; may be given often."),
    ] = None,
    socket: Annotated[
        Path | None, typer.Option(help="Local socket for status, start, stop and the others.")
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option(
            "--book", help="Lot book (default: lots.sqlite beside the lot; fresh if simulated)."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when the procedure has ended.")] = False,
) -> None:
    """Run a line: the live service.

    It connects to the instruments, waits in IDLE, and does what people command.

    One service makes one lot. It waits until 'filmline start', records everything, and stays
    until the lot is done with ('filmline reset' after its end), or until a signal: the first
    is a controlled stop, the second makes all outputs safe at once. Then it seals the record
    and writes the report. Exit code 0 complete or never started, 1 stopped or aborted, 2 bad
    input.
    """
    if not simulated and speed != 1.0:
        raise BadRun(f"--speed {speed:g}: a plant runs at 1; other speeds need --simulated")
    if not 0.1 <= speed <= FASTEST:
        raise BadRun(f"--speed {speed:g}: 0.1 to {FASTEST:g} line seconds a second")
    files = _Files.read(recipe, line or find_line(recipe))
    folder = out if out is not None else RUNS / next_lot(RUNS, recipe.stem)
    setting = Setting(
        line=files.line,
        recipe=files.recipe,
        materials=files.materials,
        transports=transports(parse_ports(files.line, port or ()), simulated=simulated),
        lot=folder.name,
        socket=socket or default_socket(files.line.line.name),
        speed=speed,
        simulated=simulated,
        once=once,
    )
    simulator = live_simulated.meet(files.line, speed) if simulated else None
    log = LineLog()
    try:
        ended = _serve(files, folder, simulator, log, setting, book)
    finally:
        log.close()
    raise typer.Exit(_report(folder, ended))


@dataclass(frozen=True)
class _Files:
    """The files of a run, read and checked, and their texts for the record."""

    line_file: Path
    recipe_file: Path
    line: Line
    recipe: Recipe
    materials: Materials

    @classmethod
    def read(cls, recipe_file: Path, line_file: Path) -> Self:
        """Read and check.

        Raises:
            ConfigError: with every finding.
        """
        line, materials = load_line(line_file), load_materials()
        return cls(line_file, recipe_file, line, load_recipe(recipe_file, line, materials),
                   materials)  # fmt: skip


def _serve(
    files: _Files,
    folder: Path,
    simulator: Simulator | None,
    log: LineLog,
    setting: Setting,
    book_file: Path | None,
) -> _Ended:
    """Serve the line on a loop of its own until the run is over."""
    speed = 1.0 if simulator is None else simulator.speed
    found_running = simulator is not None and simulator.waiting and simulator.start == "running"

    async def main() -> _Ended:
        start_ns = time.time_ns() if simulator is None else simulator.utc_ns  # noqa: TID251 - the run's UTC
        clock = LineClock(asyncio.get_running_loop(), start_ns)
        chosen = _taking_over(setting, clock) if found_running else setting
        store = _open_record(folder, files, simulator, start_ns)
        try:
            book = _open_book(book_file, files, folder, None if simulator is None else start_ns)
            one = LiveRun(replace(chosen, book=book), store, clock, log)
        except BaseException:
            store.abandon()
            raise

        def begin() -> None:
            clock.begin(None if simulator is None else live_simulated.go(files.line).utc_ns)

        state = await one.run(begin)
        return _Ended(state, one.kernel.runner.reason, one.status(), one.closing_error)

    with asyncio.Runner(loop_factory=lambda: LiveLoop(speed)) as runner:
        return runner.run(main())


def _open_record(folder: Path, files: _Files, simulator: Simulator | None, now_ns: int) -> Store:
    if (folder / FILE_NAME).exists():
        raise BadRun(
            f"{folder}: there is a record here already; a lot is made once. Give another --out, "
            f"or none for the next free lot"
        )
    identity = Identity(
        lot=folder.name,
        line_text=files.line_file.read_text("utf-8"),
        recipe_text=files.recipe_file.read_text("utf-8"),
        software=SOFTWARE,
        simulated=simulator is not None,
        seed=None if simulator is None else simulator.seed,
        extra={} if simulator is None else {"start": simulator.start,
                                            "speed": f"{simulator.speed:g}"},
    )  # fmt: skip
    speed = 1.0 if simulator is None else simulator.speed
    return Store.open(folder, files.line, identity, now_ns, keep_s=KEEP_S * max(1.0, speed))


def _open_book(path: Path | None, files: _Files, folder: Path, epoch_ns: int | None) -> Book | None:
    """The lot book; on a simulated line a copy of it, or fresh lots that fit the recipe."""
    if epoch_ns is not None:
        own = folder / FILE_OF_LOTS
        if path is not None:
            return copy_for_run(path, own, epoch_ns)
        return make_simulated(own, files.line, files.recipe, files.materials, epoch_ns)
    found = path or folder.parent / FILE_OF_LOTS
    return Book.open(found) if path is not None or found.exists() else None


def _taking_over(setting: Setting, clock: LineClock) -> Setting:
    """What a simulated line that runs already needs, from the simulators if they are there.

    Raises:
        BadRun: they are not installed.
    """
    offered = {entry.name: entry for entry in entry_points(group="filmline.take_over")}
    if not offered:
        raise BadRun("the simulator's line runs already, and the simulators are not installed here")
    know, take = offered["know_purged"].load(), offered["take_over"].load()
    return replace(
        setting,
        prepare=lambda kernel: know(kernel, clock.utc_ns()),
        adopt=lambda kernel: take(kernel, setting.recipe, clock.utc_ns()),
    )


def next_lot(folder: Path, stem: str) -> str:
    """The first free lot name of a recipe."""
    number = 1
    while (folder / f"{stem}-{number:03d}").exists():
        number += 1
    return f"{stem}-{number:03d}"


def _report(folder: Path, ended: _Ended) -> int:
    """Write the report of the closed record and say how it ended; returns the exit code."""
    reason = f": {ended.reason}" if ended.reason else ""
    write_out(f"{ended.facts}\nended {ended.state.name}{reason}\n")
    if ended.trouble:
        write_out(f"the record could not be closed: {ended.trouble}\n")
        return ENDED_EARLY
    try:
        html, _ = write_report(folder, folder)
    except (ConfigError, ControllerError, OSError) as error:
        write_out(f"the report failed: {error}\nmake it again with: filmline report {folder}\n")
        return ENDED_EARLY
    write_out(f"record   {folder / FILE_NAME}\nreport   {html}\n")
    return DONE if ended.state in {State.COMPLETE, State.IDLE} else ENDED_EARLY
