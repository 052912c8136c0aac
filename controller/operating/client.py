"""The other end of the local socket: plain blocking calls with deadlines, for commands."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from controller.operating.errors import Dropped, NoService
from controller.operating.protocol import LONGEST_REPLY, encode
from controller.operating.reply import Reply

ANSWER_S = 5.0


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
        """Send one request and wait for its reply.

        Raises:
            Dropped: the service ended the connection, or did not answer in time.
        """
        self._number += 1
        try:
            self._socket.sendall(encode({"id": self._number, "verb": verb, "args": args}))
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
