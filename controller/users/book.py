"""The user book: names, roles and hashes in one file that only its owner may read.

JSON of a stated version, written whole: to a file beside it, synced, renamed, folder synced.
Whoever changes it holds the lock beside it, so that two changes never lose one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.words import Role
from controller.users.errors import BookError, NoUser
from controller.users.owned import read_owned
from controller.users.passwords import is_hash

FILE_NAME = "users.json"
MOST_USERS = 200
_VERSION = 1
_LARGEST = 256 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_.\-]{0,31}")
_FIELDS = {"name", "role", "hash", "changed", "changed_by"}

Users = dict[str, "User"]


@dataclass(frozen=True, slots=True)
class User:
    """One person.

    Attributes:
        hash: of the password, argon2id.
        changed, changed_by: UTC of the last change, and the OS user who made it.
    """

    name: str
    role: Role
    hash: str
    changed: str
    changed_by: str

    def __repr__(self) -> str:
        """Without the hash, which has no business in a message."""
        return f"User({self.name!r}, {self.role!s})"


def check_name(name: str) -> str:
    """Pass a name that a user may have.

    Raises:
        NoUser: it may not.
    """
    if _NAME.fullmatch(name) is None:
        raise NoUser(
            f"{name!r}: a name begins with a letter and has up to 32 of a-z, 0-9, '_', '.', '-'"
        )
    return name


def read_book(path: Path) -> Users:
    """Every user by name.

    Raises:
        BookError: it is missing, somebody else's, open to others, or not a user book.
    """
    if not _there(path):
        raise _missing(path)
    raw = read_owned(path, _LARGEST, follow=False)
    if len(raw) > _LARGEST:
        raise BookError(f"{path}: larger than {_LARGEST} bytes; this is no user book")
    return _decode(path, raw)


def change_book(path: Path, change: Callable[[Users], None], *, make: bool = False) -> None:
    """Change the book as a whole, or not at all.

    Args:
        path: the file.
        change: what is done to the users.
        make: begin a new book when there is none.

    Raises:
        BookError: it cannot be read or written; the old one is untouched.
        NoUser: what ``change`` raises.
    """
    if not path.parent.is_dir():
        if not make:
            raise _missing(path)
        path.parent.mkdir(parents=True)
    with _locked(path):
        if _there(path):
            users = read_book(path)
        elif make:
            users = {}
        else:
            raise _missing(path)
        change(users)
        if len(users) > MOST_USERS:
            raise BookError(f"{path}: at most {MOST_USERS} users")
        _write(path, users)


def _there(path: Path) -> bool:
    """Whether there is anything by this name, a link that leads nowhere too."""
    return path.exists() or path.is_symlink()


def _missing(path: Path) -> BookError:
    return BookError(
        f"{path}: there is no user book; begin one with "
        "'filmline user add NAME --role admin', or name another with --users"
    )


def _decode(path: Path, raw: bytes) -> Users:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise BookError(f"{path}: not JSON; this is no user book") from None
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        raise BookError(f"{path}: not a user book of version {_VERSION}")
    rows = found.get("users")
    if not isinstance(rows, list) or len(rows) > MOST_USERS:
        raise BookError(f"{path}: users is a list of at most {MOST_USERS}")
    users: Users = {}
    for number, row in enumerate(rows, 1):
        user = _user(f"{path}: user {number}", row)
        if user.name in users:
            raise BookError(f"{path}: {user.name} stands there twice")
        users[user.name] = user
    return users


def _user(place: str, row: Any) -> User:
    if not isinstance(row, dict) or set(row) != _FIELDS:
        raise BookError(f"{place}: needs {', '.join(sorted(_FIELDS))} and nothing else")
    if not all(isinstance(value, str) for value in row.values()):
        raise BookError(f"{place}: every field is a text")
    if _NAME.fullmatch(row["name"]) is None:
        raise BookError(f"{place}: no name a user may have")
    if row["role"] not in set(Role):
        raise BookError(f"{place}: role is one of {', '.join(Role)}")
    if not is_hash(row["hash"]):
        raise BookError(f"{place}: not an argon2id hash; set the password again")
    return User(row["name"], Role(row["role"]), row["hash"], row["changed"], row["changed_by"])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BookError(f"{lock}: {error.strerror or error}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, users: Users) -> None:
    rows = [asdict(users[name]) for name in sorted(users)]
    text = json.dumps({"version": _VERSION, "users": rows}, indent=1) + "\n"
    fresh = path.with_name(path.name + ".new")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()  # of a change that was cut off
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as file:
            os.fchmod(handle, 0o600)
            file.write(text)
            file.flush()
            os.fsync(handle)
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BookError(f"{path}: not written: {error.strerror or error}") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
