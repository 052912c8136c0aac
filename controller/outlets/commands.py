"""The commands ``filmline mirror ...``: a record, also of a run going on, to other servers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from controller.outlets.cursor import Cursor
from controller.outlets.errors import OutletError
from controller.outlets.feed import Feed
from controller.outlets.forward import Forwarder, Sink, State

SAY_EACH_S: Final = 10.0
TOKEN: Final = "FILMLINE_INFLUX_TOKEN"  # noqa: S105 - the name of a variable, no secret
PASSWORD: Final = "FILMLINE_MQTT_PASSWORD"  # noqa: S105 - the name of a variable, no secret

mirror_app = typer.Typer(
    help=(
        "Mirror the record of a run into other servers.\n\n"
        "Beside the run or after it. "
        "A mirror reads the record only; nothing it does, and no outage of its server, reaches "
        "the line. It notes beside the record how far it came, and goes on from there. It ends "
        "when the record is closed and wholly handed over, or on Ctrl-C."
    ),
    no_args_is_help=True,
)

Run = Annotated[Path, typer.Argument(help="Folder of the run, or its record.sqlite.")]
Once = Annotated[
    bool, typer.Option("--once", help="End when what the record holds now is handed over.")
]
Authority = Annotated[
    Path | None, typer.Option("--ca", help="Certificate authority of the server (PEM).")
]


class BadMirror(OutletError):
    """An option that cannot be meant."""


@mirror_app.command("influx")
def influx(
    run: Run,
    url: Annotated[str, typer.Option(help="Server, such as http://127.0.0.1:8086.")],
    bucket: Annotated[
        str, typer.Option(help="Bucket; for InfluxDB 1.8 database/retention policy.")
    ] = "filmline",
    org: Annotated[str, typer.Option(help="Organization (InfluxDB 2).")] = "filmline",
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token; else the environment's {TOKEN}."),
    ] = None,
    ca: Authority = None,
    once: Once = False,
) -> None:
    """Mirror into InfluxDB or VictoriaMetrics.

    InfluxDB 2, InfluxDB 1.8, or VictoriaMetrics by its /api/v2/write.

    One point per row of a scan group, microsecond stamps; see docs/mirrors.md. A value that is
    not GOOD never stands under its tag's name.
    """
    from controller.outlets.influx import Address, InfluxSink  # noqa: PLC0415 - slow to import

    if not url.startswith(("http://", "https://")):
        raise BadMirror(f"--url {url}: write http://HOST:PORT or https://HOST:PORT")
    address = Address(url.rstrip("/"), org, bucket, _secret(token_file, TOKEN), ca)

    def sink(feed: Feed, cursor: Cursor) -> Sink:
        return InfluxSink(address, feed.origin, cursor.path.with_suffix(".refused"))

    _mirror(run, "influx", f"{address.url} {org}/{bucket}", sink, once=once)


@mirror_app.command("mqtt")
def mqtt(
    run: Run,
    broker: Annotated[str, typer.Option(help="HOST:PORT; the port may be left out.")],
    prefix: Annotated[str, typer.Option(help="First level of all topics.")] = "filmline",
    user: Annotated[str | None, typer.Option(help="User name.")] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the password; else the environment's {PASSWORD}."),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt (port 8883).")] = False,
    ca: Authority = None,
    once: Once = False,
) -> None:
    """Mirror to an MQTT broker as JSON.

    Latest values retained, every row, every event.
    """
    from controller.outlets.mqtt import Broker, MqttSink  # noqa: PLC0415 - slow to import

    host, port = _host(broker, 8883 if tls else 1883)
    password = _secret(password_file, PASSWORD) or None
    there = Broker(host, port, prefix.strip("/"), user, password, tls, ca)

    def sink(feed: Feed, _: Cursor) -> Sink:
        return MqttSink(there, feed.origin)

    _mirror(run, "mqtt", f"{host}:{port} {there.prefix}", sink, once=once)


def _host(text: str, port: int) -> tuple[str, int]:
    """Read HOST:PORT."""
    host, colon, number = text.rpartition(":")
    if not colon:
        return text, port
    if not host or not number.isdecimal() or not 0 < int(number) < 65536:
        raise BadMirror(f"--broker {text}: write HOST:PORT, such as 127.0.0.1:1883")
    return host.strip("[]"), int(number)


def _secret(file: Path | None, variable: str) -> str:
    """A secret from a file or the environment: never from the command line, where all see it."""
    if file is None:
        return os.environ.get(variable, "").strip()
    secret = file.read_text("utf-8").strip()
    if not secret:
        raise BadMirror(f"{file}: the file is empty; it should hold the secret alone")
    return secret


def _mirror(
    run: Path, kind: str, destination: str, make: Callable[[Feed, Cursor], Sink], *, once: bool
) -> None:
    """Forward until done or told to stop, and say how it goes."""
    feed = Feed(run)
    origin = feed.origin
    cursor = Cursor(feed.path, kind, destination, f"{origin.lot} {origin.opened_ns}")
    try:
        sink = make(feed, cursor)
        simulated = f" {origin.plant}" if origin.simulated else ""
        teller = Teller(f"lot {origin.lot}{simulated} -> {sink.where}")
        forwarder = Forwarder(feed, cursor, sink, teller.tell, once=once)
        stopped = asyncio.run(_until_told(forwarder))
        teller.end(forwarder.state, cursor.path, stopped=stopped)
    finally:
        cursor.close()


async def _until_told(forwarder: Forwarder) -> bool:
    """Run until done, or until a signal; True when it was a signal."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, AttributeError):  # Windows: Ctrl-C comes as an exception
            if task is not None:
                loop.add_signal_handler(number, task.cancel)
    try:
        await forwarder.run()
    except asyncio.CancelledError:
        return True
    return False


class Teller:
    """Says on standard error how a mirror does: at each change of trouble, else now and then."""

    def __init__(self, title: str) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._live = self._console.is_terminal
        self._trouble = ""
        self._said_s = -SAY_EACH_S
        self._console.print(title)

    def tell(self, state: State) -> None:
        """Say what is new."""
        if state.trouble != self._trouble:
            self._trouble = state.trouble
            self._line(f"{state.trouble}; trying again" if state.trouble else "the server is back")
            return
        now_s = asyncio.get_running_loop().time()
        if now_s - self._said_s < (1.0 if self._live else SAY_EACH_S) or state.trouble:
            return
        self._said_s = now_s
        self._line(progress(state), passing=self._live)

    def end(self, state: State, cursor: Path, *, stopped: bool) -> None:
        """Last line: what was handed over, and what was not."""
        self._line(progress(state))
        if state.refused:
            self._line(f"refused points and why: {cursor.with_suffix('.refused')}")
        if stopped:
            self._line(f"stopped; the next start goes on from {cursor}")

    def _line(self, text: str, *, passing: bool = False) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[2K")
        self._console.print(text, end="" if passing else "\n")


def progress(state: State) -> str:
    """How far a mirror is, in one line."""
    behind = (
        f"behind by {state.behind_rows} rows, {state.behind_s:.0f} s of line time"
        if state.behind_rows
        else "nothing left behind"
    )
    refused = f", {state.refused} refused for ever" if state.refused else ""
    sent = f"{state.rows} rows, {state.values} values, {state.events} events sent"
    return f"{sent}{refused}; {behind}"
