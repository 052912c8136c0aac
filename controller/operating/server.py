"""The local socket: bounded, owner-only, and unable to disturb the scan.

Every connection is served by one task that handles one short line at a time, at most
``REQUESTS_PER_S``. Who sends garbage or a line too long, sends nothing for long, or never
reads what it asked for, is dropped with the reason. When all places are taken the connection
that has been quiet longest makes room, so nobody can lock a person out of the stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import socket
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.events import Actor
from controller.operating import protocol
from controller.operating.command_ids import CommandIds
from controller.operating.desk import Desk
from controller.operating.errors import OperatingError, ServiceRuns
from controller.operating.logins import Logins
from controller.operating.people import actor_of
from controller.operating.protocol import (
    BadRequest,
    Request,
    decode_request,
    encode,
    encode_reply,
)
from controller.operating.reply import Reply, done, refuse
from drivers.base import Clock

MOST_CLIENTS = 16
CONNECTIONS_PER_S = 20.0
REQUESTS_PER_S = 20.0  # of one connection
ALL_REQUESTS_PER_S = 60.0  # of all together, so that no crowd takes the scan's time
QUIET_S = 60.0
RECORD_S = 3.0  # wall seconds that a reply waits for its audit record; less than clients wait
MOST_UNREAD = 2 * protocol.LONGEST_REPLY
_CREDENTIALS = "3i"  # pid, uid, gid


@dataclass(eq=False)
class _Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    actor: Actor
    heard_s: float
    session: str
    task: asyncio.Task[None] | None = None
    dropped: str = ""


@dataclass
class DeskServer:
    """The socket while it is served.

    Attributes:
        path: where it listens.
        logins: who checks passwords; None: nobody can log in.
        drops: why connections were dropped, newest last, for status and tests.
    """

    path: Path
    desk: Desk
    clock: Clock
    logins: Logins | None = None
    drops: list[str] = field(default_factory=list)
    _clients: list[_Client] = field(default_factory=list)
    _accepting: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _lock: int = -1
    _inode: int = 0
    _commands: CommandIds = field(default_factory=CommandIds)

    async def open(self) -> None:
        """Listen.

        Raises:
            ServiceRuns: another service listens there.
            OperatingError: the folder is not ours alone.
        """
        own_folder(self.path.parent)
        self._lock = lock_of(self.path)
        try:
            listener = _listen(self.path)
            self._inode = self.path.stat().st_ino
            self._accepting = asyncio.create_task(self._accept(listener), name="desk")
        except BaseException:
            os.close(self._lock)
            raise

    async def close(self) -> None:
        """Tell everybody, end all connections, take the socket file away."""
        accepting, self._accepting = self._accepting, None
        if accepting is None:
            return
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
        for client in list(self._clients):
            self._drop(client, "the service ends")
        tasks = [client.task for client in self._clients if client.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        os.close(self._lock)

    async def _accept(self, listener: socket.socket) -> None:
        """Let people in at a bounded rate; who floods waits in the system's short queue."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                connected, _ = await loop.sock_accept(listener)
                reader, writer = await asyncio.open_unix_connection(
                    sock=connected, limit=protocol.LONGEST_REQUEST
                )
                task = loop.create_task(self._connected(reader, writer), name="desk client")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                await asyncio.sleep(1.0 / CONNECTIONS_PER_S)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        uid = _peer_uid(writer.get_extra_info("socket"))
        actor = actor_of(uid, self.desk.line, os.getuid())
        session = secrets.token_hex(8)
        client = _Client(reader, writer, actor, loop.time(), session, asyncio.current_task())
        if len(self._clients) >= MOST_CLIENTS:
            quietest = min(self._clients, key=lambda other: other.heard_s)
            self._drop(quietest, "another connection took its place")
        self._clients.append(client)
        try:
            await self._serve(client)
        except (ConnectionError, asyncio.CancelledError):
            pass  # gone, or dropped: the reason is noted where it was decided
        finally:
            self._clients.remove(client)
            writer.close()

    async def _serve(self, client: _Client) -> None:
        self._send(client, encode(self._hello(client)))
        loop = asyncio.get_running_loop()
        while not client.dropped:
            try:
                async with asyncio.timeout(QUIET_S):
                    line = await client.reader.readuntil(b"\n")
            except TimeoutError:
                self._drop(client, f"nothing was said for {QUIET_S:g} s")
                return
            except asyncio.LimitOverrunError:
                self._drop(client, f"a line longer than {protocol.LONGEST_REQUEST} bytes")
                return
            except asyncio.IncompleteReadError:
                return  # it hung up
            client.heard_s = loop.time()
            await self._handle(client, line)
            if not client.dropped:
                crowd = len(self._clients) / ALL_REQUESTS_PER_S
                await asyncio.sleep(max(1.0 / REQUESTS_PER_S, crowd))

    async def _handle(self, client: _Client, line: bytes) -> None:
        try:
            request = decode_request(line)
        except BadRequest as error:
            self._drop(client, str(error))
            return
        if request.verb == "login":
            reply = await self._log_in(client, request)
        elif request.verb == "now":
            reply = done(now_ns=self.clock.utc_ns())
        else:
            reply = self._answer(client, request)
        if reply.ticket:
            reply = await self._recorded(reply)
        self._send(client, encode_reply(request.number, reply))

    def _answer(self, client: _Client, request: Request) -> Reply:
        """What the desk says; a command that is repeated gets the reply it has had."""
        now_ns = self.clock.utc_ns()
        what = (request.verb, request.args, client.actor)
        reply = self._commands.judge(request.command, client.session, what, now_ns)
        if reply is None:
            reply = self.desk.handle(*what, now_ns)
            self._commands.keep(request.command, what, reply, now_ns)
        return reply

    async def _log_in(self, client: _Client, request: Request) -> Reply:
        """Bind the connection to a person of the user book, for as long as it lives."""
        if self.logins is None:
            return refuse("this service has no user book")
        found = await self.logins.log_in(request.args, client.actor.name, self.clock.utc_ns())
        if isinstance(found, Reply):
            return found
        client.actor = found
        return done(f"logged in as {found.name}", you=found.name, role=str(found.role))

    async def _recorded(self, reply: Reply) -> Reply:
        """Hold a reply back until its audit record is on the disk, for a bounded time."""
        audit, told = self.desk.audit, asyncio.Event()
        loop = asyncio.get_running_loop()

        def heard() -> None:
            loop.call_soon_threadsafe(told.set)

        audit.wait(reply.ticket, heard)
        try:
            async with asyncio.timeout(RECORD_S):
                await told.wait()
        except TimeoutError:
            pass  # settled() says that it is not in the record
        finally:
            audit.forget(reply.ticket)
        return audit.settled(reply)

    def _send(self, client: _Client, line: bytes) -> None:
        client.writer.write(line)
        if client.writer.transport.get_write_buffer_size() > MOST_UNREAD:
            self._drop(client, "it does not read")

    def _drop(self, client: _Client, reason: str) -> None:
        """End a connection with its reason; never waits for the other side."""
        if client.dropped:
            return
        client.dropped = reason
        self.drops.append(f"{client.actor.name}: {reason}")
        del self.drops[:-MOST_CLIENTS]
        transport = client.writer.transport
        if transport.get_write_buffer_size() > 0:
            transport.abort()
        else:
            client.writer.write(encode({"dropped": reason}))
            client.writer.close()
        if client.task is not None and client.task is not asyncio.current_task():
            client.task.cancel()

    def _hello(self, client: _Client) -> dict[str, object]:
        return {
            "hello": "filmline",
            "protocol": protocol.PROTOCOL,
            "line": self.desk.line.line.name,
            "you": client.actor.name,
            "role": str(client.actor.role),
            "session": client.session,
            "now_ns": self.clock.utc_ns(),
        }


async def serve_desk(
    desk: Desk, path: Path, clock: Clock, logins: Logins | None = None
) -> DeskServer:
    """Serve a desk on a socket file; the result's ``close()`` ends it.

    Raises:
        ServiceRuns: another service listens there.
        OperatingError: the folder of the socket is not ours alone.
    """
    server = DeskServer(path, desk, clock, logins)
    await server.open()
    return server


def own_folder(folder: Path) -> None:
    """Make the folder for sockets, or see that nobody else may enter it.

    Raises:
        OperatingError: it belongs to somebody else or is open to others.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise OperatingError(f"{folder}: not a folder of {os.getuid()}; give --socket elsewhere")
    if found.st_mode & 0o077:
        raise OperatingError(f"{folder}: others may enter it; chmod 700 it, or give --socket")


def lock_of(path: Path) -> int:
    """Hold the lock beside the socket; the system frees it when the process ends, however.

    Raises:
        ServiceRuns: another process holds it.
    """
    lock = os.open(
        path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ServiceRuns(
            f"{path}: a service runs this line already; look with 'filmline status', "
            "or give --socket for another line"
        ) from None
    return lock


def _listen(path: Path) -> socket.socket:
    """Listen at the path; a file left by a dead service is replaced, anything else is not.

    Raises:
        ServiceRuns: somebody answers there.
        OperatingError: something that is no socket stands there.
    """
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OperatingError(f"{path}: stands there and is no socket; move it away")
        if _answers(path):
            raise ServiceRuns(f"{path}: a service listens there already")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(MOST_CLIENTS)
    except OSError as error:
        listener.close()
        raise OperatingError(f"{path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    listener.setblocking(False)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _peer_uid(connected: Any) -> int:
    size = struct.calcsize(_CREDENTIALS)
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _pid, uid, _gid = struct.unpack(_CREDENTIALS, raw)
    return int(uid)
