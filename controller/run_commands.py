"""``filmline run``: the live service of a line, on real ports or against a simulator."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from config.loader import ConfigError, find_line
from controller import live_simulated
from controller.errors import ControllerError
from controller.historian.heads import head_to_keep
from controller.historian.identity import Identity
from controller.historian.pending import KEEP_S
from controller.historian.query import Record
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
from controller.procedure.phase import ProcedureError
from controller.procedure.states import State
from controller.restart.memory import Past
from controller.restart.recall import recall
from controller.run_files import BadRun, Files, Lot, choose, epoch_of
from controller.users.book import FILE_NAME as FILE_OF_USERS

SOFTWARE = "filmline 0.1.0"
RUNS = Path("runs")
FASTEST = 60.0
DONE, ENDED_EARLY = 0, 1


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
    lot: Annotated[
        str | None,
        typer.Option(
            "--continue",
            metavar="LOT",
            help="Go on with this lot, which was not closed (default: the line's own, if any).",
        ),
    ] = None,
    users: Annotated[
        Path | None,
        typer.Option(
            "--users",
            envvar="FILMLINE_USERS",
            help="User book (default: users.json beside the lot).",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when the procedure has ended.")] = False,
) -> None:
    """Run a line: the live service.

    It connects to the instruments, waits in IDLE, and does what people command.

    One service makes one lot. It waits until 'filmline start', records everything, and stays
    until the lot is done with ('filmline reset' after its end), or until a signal: the first
    is a controlled stop, the second makes all outputs safe at once. Then it seals the record
    and writes the report. A lot of this line that was not closed, because its service failed,
    is gone on with: HELD, until a person decides. Exit code 0 complete or never started,
    1 stopped or aborted, 2 bad input.
    """
    if not simulated and speed != 1.0:
        raise BadRun(f"--speed {speed:g}: a plant runs at 1; other speeds need --simulated")
    if not 0.1 <= speed <= FASTEST:
        raise BadRun(f"--speed {speed:g}: 0.1 to {FASTEST:g} line seconds a second")
    files = Files.read(recipe, line or find_line(recipe))
    ports = parse_ports(files.line, port or ())
    simulator = live_simulated.meet(files.line, speed) if simulated else None
    chosen = choose(files, simulator, RUNS, recipe.stem, out, lot)
    files = chosen.files
    setting = Setting(
        line=files.line,
        recipe=files.recipe,
        materials=files.materials,
        transports=transports(ports, simulated=simulated),
        lot=chosen.folder.name,
        socket=socket or default_socket(files.line.line.name),
        speed=speed,
        simulated=simulated,
        once=once,
        users=users or chosen.folder.parent / FILE_OF_USERS,
    )
    log = LineLog()
    try:
        ended = _serve(chosen, simulator, log, setting, book)
    finally:
        log.close()
    raise typer.Exit(_report(chosen.folder, ended))


def _serve(
    lot: Lot, simulator: Simulator | None, log: LineLog, setting: Setting, book_file: Path | None
) -> _Ended:
    """Serve the line on a loop of its own until the run is over."""
    speed = 1.0 if simulator is None else simulator.speed
    found_running = simulator is not None and simulator.waiting and simulator.start == "running"

    async def main() -> _Ended:
        past, start_ns = _past(lot), _start_ns(simulator)
        if past is not None and simulator is None:
            start_ns = max(start_ns, past.last_ns + 1)  # stamps go on, whatever the clock did
        clock = LineClock(asyncio.get_running_loop(), start_ns)
        taking_over = found_running and past is None
        chosen = _taking_over(setting, clock) if taking_over else setting
        store = _open_record(lot, simulator, start_ns)
        try:
            book = _open_book(book_file, lot, None if simulator is None else start_ns)
            one = LiveRun(replace(chosen, book=book), store, clock, log)
            if past is not None:
                _come_back(one, past, lot)
        except BaseException:
            store.abandon()
            raise

        def begin() -> None:
            clock.begin(None if simulator is None else live_simulated.go(lot.files.line).utc_ns)

        state = await one.run(begin)
        return _Ended(state, one.kernel.runner.reason, one.status(), one.closing_error)

    with asyncio.Runner(loop_factory=lambda: LiveLoop(speed)) as runner:
        return runner.run(main())


def _come_back(one: LiveRun, past: Past, lot: Lot) -> None:
    """Let a run go on with its lot.

    Raises:
        BadRun: this software does not take its journal any more.
    """
    try:
        one.come_back(past, lot.words)
    except (ProcedureError, ConfigError) as error:
        raise BadRun(f"{lot.folder}: it cannot be continued: {error}") from error


def _start_ns(simulator: Simulator | None) -> int:
    return time.time_ns() if simulator is None else simulator.utc_ns  # noqa: TID251 - the run's UTC


def _past(lot: Lot) -> Past | None:
    """What the record of a lot that goes on tells."""
    if not lot.continued:
        return None
    with Record(lot.folder) as record:
        return recall(record)


def _open_record(lot: Lot, simulator: Simulator | None, now_ns: int) -> Store:
    folder, files = lot.folder, lot.files
    if not lot.continued and (folder / FILE_NAME).exists():
        raise BadRun(
            f"{folder}: there is a record here already; a lot is made once. Give another --out, "
            f"or none for the next free lot"
        )
    identity = Identity(
        lot=folder.name,
        line_text=files.line_text,
        recipe_text=files.recipe_text,
        software=SOFTWARE,
        simulated=simulator is not None,
        seed=None if simulator is None else simulator.seed,
        extra={} if simulator is None else {"start": simulator.start,
                                            "epoch": epoch_of(simulator),
                                            "speed": f"{simulator.speed:g}"},
    )  # fmt: skip
    speed = 1.0 if simulator is None else simulator.speed
    return Store.open(
        folder, files.line, identity, now_ns,
        resume=lot.continued, keep_s=KEEP_S * max(1.0, speed),
    )  # fmt: skip


def _open_book(path: Path | None, lot: Lot, epoch_ns: int | None) -> Book | None:
    """The lot book; on a simulated line a copy of it, or fresh lots that fit the recipe."""
    folder, files = lot.folder, lot.files
    if epoch_ns is not None:
        own = folder / FILE_OF_LOTS
        if lot.continued and own.exists():
            return Book.open(own)
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


def _report(folder: Path, ended: _Ended) -> int:
    """Write the report of the closed record and say how it ended; returns the exit code."""
    from controller.report.commands import write_report  # noqa: PLC0415 - not before the line

    reason = f": {ended.reason}" if ended.reason else ""
    write_out(f"{ended.facts}\nended {ended.state.name}{reason}\n")
    if ended.trouble:
        write_out(f"the record could not be closed: {ended.trouble}\n")
        return ENDED_EARLY
    try:
        with Record(folder) as record:
            write_out(f"record   {folder / FILE_NAME}\nhead     {head_to_keep(record)}\n")
        html, _ = write_report(folder, folder)
    except (ConfigError, ControllerError, OSError) as error:
        write_out(f"the report failed: {error}\nmake it again with: filmline report {folder}\n")
        return ENDED_EARLY
    write_out(f"report   {html}\n")
    return DONE if ended.state in {State.COMPLETE, State.IDLE} else ENDED_EARLY
