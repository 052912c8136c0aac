"""The commands that need the simulated plant: ``demo``, ``dry-run`` and ``simulate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.loader import find_line, load_line
from controller import live_simulated
from controller.report.page import duration
from simulators.display import Display
from simulators.dry_run import run_dry
from simulators.hands import HANDS
from simulators.operate import hands_of_simulator
from simulators.operate import operate as script
from simulators.operator import ANSWER_AFTER_S
from simulators.options import BadOption, Options, parse_command, parse_fault, parse_start
from simulators.serve import serve
from simulators.summary import Summary, summarize

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "config" / "recipes" / "core25_layer030.toml"
RUNS = Path("runs")
FASTEST = 60.0
_PILOT_NAME = "config/lines/pilot.toml"
_PILOT = ROOT / _PILOT_NAME
_LINE_FILE = typer.Argument(help="Line file (TOML).", show_default=_PILOT_NAME)

_COMMAND_HELP = (
    'What the operator does and when: pause_coating@1h, "change_roll at_m=40 how=tape@1h20m", '
    "hold@30m; may be given often. All of them: docs/half-stops.md."
)
_SEED = Annotated[int, typer.Option(help="Seed of every random number; same seed, same run.")]
_FAULT_HELP = (
    "Fault and line time: F9@1h20m, F5(T6)@3h, drop(NET-T3)@5m+20s; may be given often. "
    "All of them: docs/faults.md."
)
_BOOK = Annotated[
    Path | None, typer.Option(help="Lot book to run from a copy of (default: fresh lots).")
]
_LINE = Annotated[Path | None, typer.Option(help="Line file (default: the recipe's own line).")]


def demo(
    seed: _SEED = 1,
    out: Annotated[Path | None, typer.Option(help="Folder of the run (default: runs/LOT).")] = None,
) -> None:
    """Produce a 100 m roll on the simulated line, with a report.

    From a cold oven to a cold oven.

    Faster than real time, through the real drivers and protocols. Ctrl-C once stops the line
    in order; twice makes every output safe at once. The record is whole either way.
    """
    options = _options(SHIPPED, None, seed, out)
    raise typer.Exit(_run(options, as_json=False))


def dry_run(
    recipe: Annotated[Path, typer.Argument(help="Recipe file (TOML).")],
    line: _LINE = None,
    seed: _SEED = 1,
    start: Annotated[str, typer.Option(help="State of the plant: cold, hot or running.")] = "cold",
    fault: Annotated[
        list[str] | None,
        typer.Option(help=_FAULT_HELP),
    ] = None,
    command: Annotated[list[str] | None, typer.Option(help=_COMMAND_HELP)] = None,
    book: _BOOK = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the run (default: runs/LOT).")] = None,
) -> None:
    """Run a recipe on the simulated line, as fast as can be.

    The controller's own code and byte-level instruments on a virtual clock: same seed, same
    events. Ends with the lot report; exit code 0 complete, 1 held, stopped or aborted, 2 bad
    input.
    """
    options = _options(recipe, line, seed, out)
    faults = tuple(parse_fault(text) for text in fault or ())
    options = replace(options, orders=tuple(parse_command(text) for text in command or ()))
    raise typer.Exit(
        _run(replace(options, start=parse_start(start), faults=faults, book=book), as_json=as_json)
    )


def simulate(
    line: Annotated[Path, _LINE_FILE] = _PILOT,
    seed: _SEED = 1,
    start: Annotated[str, typer.Option(help="State of the plant: cold, hot or running.")] = "cold",
    speed: Annotated[float, typer.Option(help="Line seconds per wall second.")] = 1.0,
    fault: Annotated[list[str] | None, typer.Option(help=_FAULT_HELP)] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe whose liquids are in the tanks (default: core25's).")
    ] = None,
) -> None:
    """Serve the simulated line on real ports until Ctrl-C.

    Modbus TCP, Modbus RTU over TCP, ASCII and binary instruments listen on the ports of the
    line file (loopback only), for any client: try  mbpoll -p 15201 -r 2 -1 127.0.0.1
    """
    if not 0.1 <= speed <= FASTEST:
        raise BadOption(f"--speed {speed:g}: 0.1 to {FASTEST:g} line seconds per second")
    faults = [parse_fault(text) for text in fault or ()]
    begin = parse_start(start)
    raise typer.Exit(
        serve(line, seed=seed, start=begin, speed=speed, faults=faults, recipe_file=recipe)
    )


def operate(
    line: Annotated[Path, _LINE_FILE] = _PILOT,
    socket: Annotated[Path | None, typer.Option(help="Socket of the service.")] = None,
    answer_after: Annotated[
        float, typer.Option(help="Line seconds until a question is answered.")
    ] = ANSWER_AFTER_S,
    begin: Annotated[
        bool, typer.Option(help="Start the run, or let one go on that was found running.")
    ] = True,
    patience: Annotated[float, typer.Option(help="Wall seconds to wait for the service.")] = 30.0,
) -> None:
    """Operate a simulated line by a script, not a person.

    It starts the run, answers each question with its first choice, and lends its hands to the
    simulated plant (leader, splice). It ends when the procedure has ended.
    """
    script(load_line(line), socket, answer_after_s=answer_after, begin=begin, patience_s=patience)


def hands(
    what: Annotated[str, typer.Argument(help="thread_leader, splice and others; 'list' tells.")],
    line: Annotated[
        Path, typer.Option(help="Line file (TOML).", show_default=_PILOT_NAME)
    ] = _PILOT,
) -> None:
    """Do on the simulated plant what hands do on a real one.

    A question of a run such as 'leader laid?' is answered with 'filmline answer'; on a
    simulator somebody has to have laid it: 'filmline hands thread_leader'.
    """
    found = load_line(line)
    if what == "list":
        known = hands_of_simulator(found)
        typer.echo("\n".join(f"{name:<15}{HANDS.get(name, '')}".rstrip() for name in known))
        return
    live_simulated.ask(found, {"do": "hands", "what": what})
    typer.echo(f"done on the simulated plant: {what}")


def _options(recipe: Path, line: Path | None, seed: int, out: Path | None) -> Options:
    """Options of a run; without ``out`` the next free lot below ``runs``."""
    lot = out.name if out is not None else _next_lot(RUNS, recipe.stem)
    return Options(
        recipe=recipe,
        line=line or find_line(recipe),
        out=out if out is not None else RUNS / lot,
        lot=lot,
        seed=seed,
    )


def _next_lot(folder: Path, stem: str) -> str:
    number = 1
    while (folder / f"{stem}-{number:03d}").exists():
        number += 1
    return f"{stem}-{number:03d}"


def _run(options: Options, *, as_json: bool) -> int:
    """Run with progress (on standard error with --json), then print what it came to."""
    out = Console(highlight=False, stderr=as_json)
    with Display(out) as display:
        run, wall_s = run_dry(options, display)
    summary = _keep(summarize(run, wall_s), options.out / "summary.json")
    if as_json:
        typer.echo(summary.to_json(), nl=False)
    else:
        _print(summary, out)
    return summary.exit_code


def _keep(summary: Summary, file: Path) -> Summary:
    """Write the summary beside the record; a disk that refuses it is one more trouble."""
    try:
        file.write_text(summary.to_json(), encoding="utf-8")
    except OSError as error:
        trouble = f"{file}: {error.strerror}"
        return replace(summary, trouble="; ".join(filter(None, (summary.trouble, trouble))))
    return summary


def _print(summary: Summary, out: Console) -> None:
    ended = f"{summary.state}" + (f": {summary.reason}" if summary.reason else "")
    out.print(f"\nLot {summary.lot} (SIMULATED) ended {ended}", style="bold", soft_wrap=True)
    out.print(
        f"{duration(summary.line_seconds)} of line time in {duration(summary.wall_seconds)} "
        f"({summary.speed:.0f}x), {summary.metres_collected:.1f} m collected, "
        f"{summary.metres_good:.1f} m good, {summary.violations} invariants violated",
        soft_wrap=True,
    )
    table = Table("result", "from the record", "true (twin)")
    for key, pair in summary.results.items():
        table.add_row(key, _figure(pair["record"]), _figure(pair["truth"]))
    out.print(table)
    for violation in summary.violation_list:
        out.print(f"violated: {violation}", soft_wrap=True)
    if summary.trouble:
        out.print(summary.trouble, style="bold", soft_wrap=True)
    out.print(f"record   {summary.record}", soft_wrap=True)
    if summary.head:
        out.print(f"head     {summary.head}", soft_wrap=True)
    if Path(summary.report).exists():
        text = f"report   {summary.report}  (plots inside; opens without network)"
        out.print(f"{text}\nfacts    {summary.data}", soft_wrap=True)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
