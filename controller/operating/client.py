"""The other end of the local socket: plain blocking calls with deadlines, for commands."""

from __future__ import annotations

import json
import secrets
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from controller.clock import SystemClock
from controller.operating.command_ids import FREE, NO_ID
from controller.operating.errors import Dropped, NoService
from controller.operating.protocol import LONGEST_REPLY, encode
from controller.operating.reply import Reply

ANSWER_S = 5.0
_FRESH_S = 0.05  # the clock of a simulated line may run sixty times as fast as ours


class DeskClient:
    """A connection to the service of a line.

    Args:
        path: socket of the service.
        answer_s: longest wait for an answer.

    Attributes:
        line, you, role: which line, and who the service takes the caller for.

    Raises:
        NoService: nobody answers there.
    """

    def __init__(self, path: Path, answer_s: float = ANSWER_S) -> None:
        self.path = path
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(answer_s)
        self._buffer = bytearray()
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise NoService(_no_service(path, error)) from None
        try:
            hello = self._line()
        except Dropped:
            self._socket.close()
            raise
        self.line, self.you = str(hello.get("line", "")), str(hello.get("you", ""))
        self.role = str(hello.get("role", ""))
        self._session, self._clock = str(hello.get("session", "")), SystemClock()
        self._heard(hello)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, verb: str, /, **args: object) -> Reply:
        """Send one request and wait for its reply; what changes something goes with an id.

        Raises:
            Dropped: the service ended the connection, or did not answer in time.
        """
        message: dict[str, object] = {"verb": verb, "args": args}
        if verb not in NO_ID and verb not in FREE:
            message["command"] = self._command_id()
        return self._exchange(message)

    def log_in(self, name: str, password: str) -> Reply:
        """Become a person of the user book for the rest of this connection.

        Raises:
            Dropped: the service ended the connection, or did not answer in time.
        """
        reply = self._exchange({"verb": "login", "args": {"name": name, "password": password}})
        if reply.ok:
            self.you, self.role = str(reply.data["you"]), str(reply.data["role"])
        return reply

    def _command_id(self) -> dict[str, object]:
        """A new identity, stamped with the service's own clock of just now."""
        if self._clock.monotonic() - self._heard_s > _FRESH_S:
            self._heard(self._exchange({"verb": "now", "args": {}}).data)
        return {"id": secrets.token_hex(12), "session": self._session, "made_ns": self._now_ns}

    def _heard(self, found: dict[str, Any]) -> None:
        self._now_ns, self._heard_s = int(found.get("now_ns", 0)), self._clock.monotonic()

    def _exchange(self, message: dict[str, object]) -> Reply:
        self._number += 1
        try:
            self._socket.sendall(encode({"id": self._number} | message))
        except OSError:
            self._line()  # the reason may still lie there
            raise Dropped("the service ended the connection") from None
        while True:
            found = self._line()
            if found.get("id") == self._number:
                return _reply(found)

    def _line(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                raise Dropped("the service does not answer") from None
            except OSError as error:
                raise Dropped(f"the connection broke: {error.strerror or error}") from None
            if not data:
                raise Dropped("the service ended the connection")
            self._buffer += data
            if len(self._buffer) > 2 * LONGEST_REPLY:
                raise Dropped("the answer is too long")
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return _object(line)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        raise Dropped("what answers there is not filmline") from None
    if not isinstance(found, dict):
        raise Dropped("what answers there is not filmline")
    if "dropped" in found:
        raise Dropped(f"the service ended the connection: {found['dropped']}")
    return found


def _reply(found: dict[str, Any]) -> Reply:
    return Reply(
        bool(found.get("ok")),
        tuple(map(str, found.get("lines", ()))),
        dict(found.get("data", {})),
        tuple(map(str, found.get("refused", ()))),
    )


def _no_service(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{path}: this socket belongs to another user; operate as the user of the service"
    return (
        f"no filmline service at {path}; start one with 'filmline run RECIPE', "
        "or name its socket with --socket"
    )
