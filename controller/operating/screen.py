"""The live picture on a terminal: what the desk's status says, drawn quietly.

Normal is plain; abnormal has a word, not only a color: ``BAD``, ``TRIP``, ``ALARM``, ``?``.
Pure: the same status gives the same picture.
"""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from controller.operating.values import clock, shown, span

Status = dict[str, Any]

_MOST, _COLUMNS = 8, 3
_ABNORMAL = "bold red"
_ATTENTION = "bold yellow"
_QUIET = "dim"
_RUNNING = frozenset({"RUNNING", "IDLE", "COMPLETE"})


def screen(status: Status, lost: str = "") -> RenderableType:
    """The picture of a status.

    Args:
        status: data of the desk's reply to ``status``.
        lost: why and since when there is no data; empty while the link works.
    """
    parts: list[RenderableType] = []
    if lost:
        parts.append(Text(f" NO DATA {lost} - what follows is old ", style="bold white on red"))
    parts += [_head(status), *_abnormal(status)]
    parts += [_units(status), _zones(status), _values(status), _meters(status)]
    parts += _foot(status)
    return Group(parts[0], _Dimmed(Group(*parts[1:]))) if lost else Group(*parts)


class _Dimmed:
    """Everything inside in a dim style."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the inside, dimmed."""
        style = console.get_style(_QUIET)
        for line in console.render_lines(self._inner, options, pad=False):
            yield from (Segment(segment.text, style) for segment in line)
            yield Segment.line()


def _head(status: Status) -> RenderableType:
    state = str(status["state"])
    style = "bold" if state in _RUNNING else _ATTENTION
    head = Text()
    if status.get("simulated"):
        head.append(" SIMULATED ", style="bold black on cyan")
        head.append(" ")
    head.append(str(status.get("title") or status["line"]), style="bold")
    head.append(f"  recipe {status['recipe']}")
    if status.get("lot"):
        head.append(f"  lot {status['lot']}")
    second = Text(f" {state} ", style=f"{style} reverse")
    second.append(f" for {span(status.get('state_s', 0.0))}   {clock(status['now_ns'])} UTC   ")
    second.append(f"{status.get('you', '')} ({status.get('role', '')})", style=_QUIET)
    _add_control(second, status)
    lines = [head, second]
    if status.get("reason") and state != "RUNNING":
        lines.append(Text(str(status["reason"]), style=style))
    return Group(*lines)


def _add_control(line: Text, status: Status) -> None:
    """Who has control, and for how long; a take-over stands out for some minutes."""
    held, taken = status.get("control"), status.get("taken_over")
    if held:
        line.append(f"   control: {held['by']} ({held['role']}), {held['left_s']:.0f} s")
    else:
        line.append("   control: nobody", style=_QUIET)
    if taken:
        told = f"   {taken['by']} TOOK CONTROL from {taken['of']}: {taken['reason']}"
        line.append(told, style=_ATTENTION)


def _abnormal(status: Status) -> list[RenderableType]:
    lines: list[RenderableType] = [*_restart(status.get("restart"))]
    for ask in status["asks"]:
        choices = "|".join(ask["choices"])
        lines.append(Text(f"?  {ask['question']}", style=_ATTENTION))
        left = ask["left_s"]
        hold = "never a hold" if left is None else f"becomes a hold in {span(left)}"
        lines.append(
            Text(f"   filmline answer {ask['key']} {choices}   (role {ask['role']}, waits "
                 f"{span(ask['waited_s'])}, {hold})")
        )  # fmt: skip
    lines += _bypass(status.get("bypass"))
    for trip in status["trips"][:_MOST]:
        first = " FIRST OUT" if trip["first_out"] else ""
        gone = "; its cause is gone" if trip["cause"] is False else ""
        if not trip.get("watched", True):
            gone = "; not watched while that is off"
        warns = trip["level"] == "W"
        word = "WARN" if warns else f"TRIP {trip['level']}"
        told = f"{word}{first}  {trip['name']}: {trip['title']}: {trip['why']}{gone}"
        lines.append(Text(told, style=_ATTENTION if warns else _ABNORMAL))
    lines += _more(len(status["trips"]), "trips")
    for alarm in status["alarms"][:_MOST]:
        lines.append(_alarm(alarm))
    lines += _more(len(status["alarms"]), "alarms")
    lines += [Text(f"MANUAL  {told}", style=_ATTENTION) for told in status["manual"]]
    lines += [
        Text(f"SHED  {tag}: {cause}", style=_ABNORMAL)
        for tag, cause in list(status["shed"].items())[:_MOST]
    ]
    lines += [_link(name, state, status) for name, state in status["links"].items()]
    if status["record"]:
        lines.append(Text(f"RECORD  cannot be written: {status['record']}", style=_ABNORMAL))
    return [Text(), *lines] if lines else [Text("no alarm, no trip, no question", style=_QUIET)]


def _bypass(held: Status | None) -> list[RenderableType]:
    """The row that does not protect now; on every picture until it does again."""
    if held is None:
        return []
    told = f"BYPASS {held['trip']} by {held['by']}, {span(held['left_s'])} left: {held['reason']}"
    return [Text(told, style=_ATTENTION)]


def _restart(told: Status | None) -> list[RenderableType]:
    """After a restart of the service: what was found, until a person decides."""
    if told is None:
        return []
    differences = told["differences"]
    lines: list[RenderableType] = [
        Text(f"RESTART  {told['why']}: {told['way']}", style=_ABNORMAL),
    ]
    if "down_s" in told:
        film = f"{told['lost_m']:.1f} m of film lost, {told['unwatched_m']:.1f} m wound unwatched"
        lines.append(Text(f"         down for {told['down_s']:.1f} s; {film}"))
    lines += [Text(f"         {one['text']}") for one in differences[:_MOST]]
    return [*lines, *_more(len(differences), "differences (status --json)")]


def _alarm(alarm: Status) -> Text:
    value = "bad" if alarm["value"] is None else f"{alarm['value']:.4g}"
    unseen = "" if alarm["seen"] else " NEW"
    text = f"ALARM {alarm['priority']}{unseen}  {alarm['name']} {value} {alarm['unit']}, limit "
    text += f"{alarm['limit']:g}: {alarm['description']} ({alarm['state']})"
    if alarm["response"]:
        text += f" -> {alarm['response']}"
    return Text(text, style=_QUIET if alarm["seen"] else _ATTENTION)


def _link(name: str, state: str, status: Status) -> Text:
    if name in status.get("unpowered", ()):
        return Text(f"link  {name} is {state}: its power is switched off", style=_QUIET)
    return Text(f"LINK  {name} is {state}", style=_ABNORMAL)


def _more(count: int, what: str) -> list[RenderableType]:
    return [Text(f"   and {count - _MOST} more {what}")] if count > _MOST else []


def _units(status: Status) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    for name, ratio in (("unit", 0), ("phase", 0), ("step", 0), ("waits for", 1)):
        table.add_column(name, ratio=ratio or None, no_wrap=not ratio)
    for unit in status["units"]:
        resting = unit["waits"] == "complete" or not unit["step"]
        style = _ATTENTION if unit["manual"] else (_QUIET if resting else "")
        table.add_row(unit["unit"], unit["phase"], unit["step"], unit["waits"], style=style)
    return table


def _zones(status: Status) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("°C")
    rows = status["zones"]
    for row in rows:
        table.add_column(str(row["zone"]), justify="right")
    measured = [
        Text(f"{row['value']:.0f}") if row["good"] and row["value"] is not None
        else Text("BAD", style=_ABNORMAL)
        for row in rows
    ]  # fmt: skip
    asked = ["-" if row["request"] is None else f"{row['request']:.0f}" for row in rows]
    table.add_row("now", *measured)
    table.add_row("set", *asked, style=_QUIET)
    return table


def _values(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(_COLUMNS):
        table.add_column()
        table.add_column(justify="right", min_width=12)
    cells = [cell for row in status["values"] for cell in (Text(str(row["tag"])), _value(row))]
    width = 2 * _COLUMNS
    for start in range(0, len(cells), width):
        table.add_row(*cells[start : start + width])
    return table


def _value(row: Status) -> Text:
    """A value; quiet where none is to be expected yet."""
    if row["quality"] == "BAD_WAITING_FOR_INITIAL_DATA":
        return Text("no data yet", style=_QUIET)
    if row.get("rest"):
        return Text(str(row["rest"]), style=_QUIET)
    return Text(shown(row), style="" if row["good"] else _ABNORMAL)


def _meters(status: Status) -> Text:
    meters = status["meters"]
    text = f"\nfilm  cast {meters['cast_m']:.1f} m, in the line {meters['in_line_m']:.1f} m, "
    text += f"roll {meters['roll_m']:.1f} of {meters['roll_length_m']:g} m"
    if meters["collecting"]:
        left = meters["left_min"]
        text += ", collecting" + (f", about {left:.0f} min left" if left is not None else "")
    return Text(text)


def _foot(status: Status) -> list[RenderableType]:
    lines = []
    if status.get("moving"):
        told = ", ".join(f"{tag} to {value:g}" for tag, value in status["moving"].items())
        lines.append(Text(f"moving by hand: {told}", style=_ATTENTION))
    for tag, why in list(status.get("not_moved", {}).items())[-_MOST:]:
        lines.append(Text(f"stopped moving: {tag}: {why}", style=_ATTENTION))
    loops = [name for name, state in status["loops"].items() if state not in {"off", ""}]
    lines.append(Text(f"loops on: {', '.join(loops) or 'none'}", style=_QUIET))
    late = status["scan"]["late"]
    lines.append(Text(f"scans {status['scan']['scans']}, late {late}", style=_QUIET))
    return list(lines)
