"""A disk that loses its power: what may stand on it after the file operations of a trace.

The operations are those of a real process, as strace saw them. What was synced is there. Of what
was not, any part may be: whole writes, 512-byte sectors of them in any order, none. A file's name
is on the disk when its folder was synced; an unsynced removal may be undone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECTOR: Final = 512
CALLS: Final = "openat,pwrite64,write,fdatasync,fsync,ftruncate,unlink,rename,mkdir"
_LINE: Final = re.compile(r"^ *\d+ +(\w+)\((.*)\)\s+= (-?\d+)")
_PATH: Final = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})+)>")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Op:
    """One call: ``write``, ``truncate``, ``sync``, ``create``, ``unlink`` of a path, or ``ack``."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""


def operations(trace: Path, folder: Path, acks: Path) -> Iterator[Op]:
    """The operations of a trace (``strace -f -y -xx``) in and on a folder, and what was acked.

    Raises:
        ValueError: a call that the model does not know.
    """
    for line in trace.read_text("ascii").splitlines():
        found = _LINE.match(line)
        if found is None or int(found[3]) < 0:
            continue
        call, arguments = found[1], found[2]
        texts = [_bytes(text) for text in _TEXT.findall(arguments)]
        held = _PATH.search(arguments) if call not in {"openat", "unlink", "mkdir"} else None
        path = (_bytes(held[1]) if held else (texts or [b""])[0]).decode(errors="replace")
        if path == str(acks) and call == "write":
            yield Op("ack", "", data=texts[0])
        elif path.endswith("-ballast"):
            continue  # room that is given up when the disk is full; nothing is read from it
        elif path in {str(folder), str(folder.parent)} or path.startswith(f"{folder}/"):
            yield from _operation(call, path, arguments, texts)


def _operation(call: str, path: str, arguments: str, texts: list[bytes]) -> Iterator[Op]:
    if call == "pwrite64":
        yield Op("write", path, int(arguments.rsplit(", ", 1)[1]), texts[0])
    elif call == "ftruncate":
        yield Op("truncate", path, int(arguments.rsplit(", ", 1)[1]))
    elif call in {"fsync", "fdatasync"}:
        yield Op("sync", path)
    elif call == "unlink":
        yield Op("unlink", path)
    elif call == "mkdir" or (call == "openat" and "O_CREAT" in arguments):
        yield Op("create", path)
    elif call != "openat":
        raise ValueError(f"the model does not know {call} of {path}")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True)
class Inode:
    """A file's content: what is on the disk for sure, and what was done to it since."""

    durable: bytes = b""
    since: list[Op] = field(default_factory=list)

    def after(self, share: float, dice: random.Random) -> bytes:
        """What may stand there after a cut: this share of what was not synced, by sectors."""
        content = bytearray(self.durable)
        for op in self.since:
            for part in _sectors(op) if 0.0 < share < 1.0 else (op,):
                if share >= 1.0 or dice.random() < share:
                    _apply(content, part)
        return bytes(content)

    def sync(self) -> None:
        """Nothing of it can be lost any more."""
        content = bytearray(self.durable)
        for op in self.since:
            _apply(content, op)
        self.durable = bytes(content)
        self.since.clear()


def _sectors(op: Op) -> Iterator[Op]:
    if op.kind != "write":
        yield op
        return
    at = 0
    while at < len(op.data):
        size = SECTOR - (op.offset + at) % SECTOR
        yield Op("write", op.path, op.offset + at, op.data[at : at + size])
        at += size


def _apply(content: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        content[:] = content[: op.offset].ljust(op.offset, b"\0")
        return
    if len(content) < op.offset:
        content.extend(bytes(op.offset - len(content)))
    content[op.offset : op.offset + len(op.data)] = op.data


@dataclass(slots=True)
class Disk:
    """Files by name, as the process sees them and as they are sure to be found."""

    live: dict[str, Inode] = field(default_factory=dict)
    sure: dict[str, Inode] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def take(self, op: Op) -> None:
        """One operation."""
        if op.kind == "create":
            if op.path not in self.live:
                self.live[op.path] = Inode()
        elif op.kind == "unlink":
            self.live.pop(op.path, None)
        elif op.kind == "sync" and op.path in self.folders:
            self._sync_names(op.path)
        elif op.kind == "sync":
            self.live[op.path].sync()
        else:
            self.live[op.path].since.append(op)

    def _sync_names(self, folder: str) -> None:
        inside = {name for name in (*self.live, *self.sure) if str(Path(name).parent) == folder}
        for name in inside:
            if name in self.live:
                self.sure[name] = self.live[name]
            else:
                self.sure.pop(name)

    def after(self, share: float, dice: random.Random) -> dict[str, bytes]:
        """What may be found after a cut."""
        names = self.live if share >= 1.0 else self.sure
        if 0.0 < share < 1.0:
            names = {
                name: chosen[name]
                for name in sorted({*self.live, *self.sure})
                if name in (chosen := self.live if dice.random() < share else self.sure)
            }
        return {name: inode.after(share, dice) for name, inode in names.items()}
