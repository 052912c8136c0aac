"""The user book: who is in it, which passwords, locks; and the commands that change it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.models import Role
from controller.cli import app
from controller.users import book as book_module
from controller.users.book import User, change_book, check_name, read_book
from controller.users.errors import BadPassword, BookError, NoUser, UserError
from controller.users.lockout import LOCK_S, MOST_FAILURES, Lockout
from controller.users.passwords import check_choice, hash_password, is_hash, verify
from controller.users.secrets import read_secret

CANARY = "Quartz-heron-41-canary"
RUNNER = CliRunner()
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43
"""Of the right form, and of no password."""


def user(name: str, role: Role = Role.OPERATOR) -> User:
    return User(name, role, HASH, "2026-01-01T00:00:00Z", "root")


def secret(folder: Path, text: str = CANARY, mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text + "\n")
    file.chmod(mode)
    return file


def made(folder: Path, *users: User) -> Path:
    path = folder / "users.json"
    change_book(path, lambda book: book.update({one.name: one for one in users}), make=True)
    return path


def command(*words: object):
    found = RUNNER.invoke(app, ["user", *map(str, words)])
    assert CANARY not in found.output + str(found.exception)
    return found


# --- passwords ---------------------------------------------------------------------------------


def test_hashes_are_argon2id_at_least_at_the_floor_and_salted():
    one, again = hash_password(CANARY), hash_password(CANARY)
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert again != one
    assert verify(one, CANARY)
    assert verify(again, CANARY)
    assert not verify(one, CANARY + "x")
    assert not verify(one, "")
    assert not verify("no hash", CANARY)
    assert not verify(one, "\udcff")


@pytest.mark.parametrize(
    ("text", "good"),
    [(HASH, True), ("", False), ("x" + HASH, False), (HASH.replace("argon2id", "argon2i"), False),
     (HASH.replace("m=19456", "m=8"), False), (HASH.replace("t=2", "t=1"), False),
     (HASH.replace("m=19456", "m=99999999"), False), (HASH.replace("t=2", "t=1000"), False)],
)  # fmt: skip
def test_a_hash_that_is_weak_or_would_stop_the_computer_is_none(text, good):
    assert is_hash(text) is good


@pytest.mark.parametrize(
    ("password", "told"),
    [("short", "12 to 256"), ("x" * 257, "12 to 256"), ("tab\tin the middle", "control"),
     ("my name is Ann Lee", "user's name"), ("aaaaaaaaaaaa", "pattern"),
     ("123456789012", "pattern"), ("abcdefghijklm", "pattern"), ("Password1234", "common"),
     ("P@ssw0rd2024!", "common"), ("filmlinefilmline", "common"), ("qwertyuiop123", "common"),
     ("Summer-2026-Winter", "common"), ("correcthorsebatterystaple", "common")],
)  # fmt: skip
def test_easily_guessed_passwords_are_refused(password, told):
    with pytest.raises(BadPassword, match=told) as caught:
        check_choice("ann", password)
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", [CANARY, "grüne Wiese im Tal", "t9!kz-Rw2#qLmv"])
def test_other_ones_are_allowed(password):
    check_choice("ann", password)


# --- locks -------------------------------------------------------------------------------------


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour():
    lock = Lockout()
    assert [lock.attempt("ann", float(k)) for k in range(6)] == [True] * MOST_FAILURES + [False]
    assert lock.locked_s("ann", 4.0) == LOCK_S
    assert not lock.attempt("ann", 4.0 + LOCK_S - 0.001)
    assert lock.attempt("ben", 5.0)
    assert lock.attempt("ann", 4.0 + LOCK_S)
    assert lock.locked_s("ann", 4.0 + LOCK_S) == 0.0  # it counts from one again


def test_a_right_password_forgets_the_wrong_ones_and_so_does_time():
    lock = Lockout()
    for k in range(4):
        lock.attempt("ann", float(k))
    lock.right("ann")
    assert all(lock.attempt("ann", 10.0 + k) for k in range(4))
    assert lock.attempt("ann", 13.0 + LOCK_S)
    assert lock.locked_s("ann", 13.0 + LOCK_S) == 0.0


def test_names_are_remembered_up_to_a_bound():
    lock = Lockout()
    for k in range(2000):
        lock.attempt(f"n{k}", 0.0)
    assert len(lock._counts) == 512


# --- the file ----------------------------------------------------------------------------------


def test_the_book_comes_back_as_written_and_is_its_owners_alone(tmp_path):
    path = made(tmp_path, user("eve", Role.ENGINEER), user("ann"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_book(path) == {"ann": user("ann"), "eve": user("eve", Role.ENGINEER)}
    assert CANARY not in path.read_text()
    assert HASH not in repr(user("ann"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["users.json", "users.json.lock"]


def test_a_loose_mask_does_not_open_it(tmp_path):
    before = os.umask(0)
    try:
        path = made(tmp_path, user("ann"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_book_that_others_may_touch_is_refused(tmp_path, mode):
    path = made(tmp_path, user("ann"))
    path.chmod(mode)
    with pytest.raises(BookError, match="chmod 600"):
        read_book(path)


def test_a_link_or_a_folder_is_no_book(tmp_path):
    real = made(tmp_path, user("ann"))
    link = tmp_path / "link.json"
    link.symlink_to(real)
    for path in (link, tmp_path, tmp_path / "none.json"):
        with pytest.raises(BookError, match=str(path)):
            read_book(path)


def spoiled(**more: object) -> str:
    row = {"name": "ann", "role": "viewer", "hash": HASH, "changed": "", "changed_by": ""} | more
    return json.dumps({"version": 1, "users": [row]})


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "not JSON"), ("\x00", "not JSON"), ("[" * 9999, "not JSON"), ("[]", "version 1"),
     ('{"version": 2}', "version 1"), ('{"version": 1}', "users is a list"),
     ('{"version": 1, "users": [5]}', "user 1: needs"), (spoiled(more=1), "nothing else"),
     (spoiled(name=5), "is a text"), (spoiled(name="A b"), "no name"),
     (spoiled(role="king"), "viewer, operator, engineer, admin"),
     (spoiled(hash="plain"), "not an argon2id hash"), (" " * 300_000, "larger than"),
     (json.dumps({"version": 1, "users": [json.loads(spoiled())["users"][0]] * 2}), "twice")],
)  # fmt: skip
def test_a_spoiled_book_is_refused_with_its_place(tmp_path, text, told):
    path = tmp_path / "users.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BookError, match=told) as caught:
        read_book(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_change_that_fails_leaves_the_old_book(tmp_path, monkeypatch, step):
    path = made(tmp_path, user("ann"))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    owner = book_module.os if step == "fsync" else Path
    monkeypatch.setattr(owner, step, full)
    with pytest.raises(BookError, match="No space left"):
        made(tmp_path, user("ben"))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert set(read_book(made(tmp_path, user("ben")))) == {"ann", "ben"}  # a rest is no obstacle


def test_at_most_200_people(tmp_path):
    path = made(tmp_path, *(user(f"u{k}") for k in range(200)))
    with pytest.raises(BookError, match="at most 200"):
        made(tmp_path, user("one-more"))
    assert len(read_book(path)) == 200


@pytest.mark.parametrize("name", ["", "Ann", "a b", "../x", "1a", "a" * 33, "a\n"])
def test_names_are_plain(name):
    with pytest.raises(NoUser):
        check_name(name)


@pytest.mark.parametrize(
    ("raw", "mode", "told"),
    [(b"x" * 12, 0o644, "chmod 600"), (b"", 0o600, "empty"), (b"\xff\xfe", 0o600, "not text"),
     (b"x" * 2000, 0o600, "too large")],
)  # fmt: skip
def test_a_password_file_is_alone_small_and_text(tmp_path, raw, mode, told):
    file = tmp_path / "secret"
    file.write_bytes(raw)
    file.chmod(mode)
    with pytest.raises(BookError, match=told):
        read_secret(file)
    with pytest.raises(BookError, match="No such file"):
        read_secret(tmp_path / "none")


def test_the_first_line_is_the_password(tmp_path):
    assert read_secret(secret(tmp_path, "one two three\r\nfour")) == "one two three"


# --- commands ----------------------------------------------------------------------------------


def test_people_are_added_listed_changed_and_removed(tmp_path):
    path, file = tmp_path / "made" / "users.json", secret(tmp_path)
    added = command("add", "ann", "--role", "admin", "--users", path, "--password-file", file)
    assert (added.exit_code, "ann is admin" in added.output) == (0, True)
    listed = json.loads(command("list", "--users", path, "--json").output)
    assert [(row["name"], row["role"]) for row in listed] == [("ann", "admin")]
    assert "hash" not in listed[0]
    assert command("role", "ann", "viewer", "--users", path).exit_code == 0
    assert read_book(path)["ann"].role is Role.VIEWER
    other = secret(tmp_path, "Another-heron-42-word")
    assert command("password", "ann", "--users", path, "--password-file", other).exit_code == 0
    assert verify(read_book(path)["ann"].hash, "Another-heron-42-word")
    assert command("remove", "ann", "--users", path).exit_code == 0
    assert read_book(path) == {}


def test_what_cannot_be_is_said(tmp_path):
    path, file = made(tmp_path, user("ann")), secret(tmp_path)
    for words, told in (
        (("add", "ann", "--role", "viewer", "--password-file", file), "already"),
        (("add", "ben", "--role", "king", "--password-file", file), "king"),
        (("add", "ben", "--role", "viewer"), "nobody can be asked"),
        (("role", "ben", "viewer"), "has no 'ben'; there are: ann"),
        (("remove", "ben"), "has no 'ben'"),
        (("password", "ben", "--password-file", file), "has no 'ben'"),
    ):
        found = command(*words, "--users", path)
        assert found.exit_code != 0
        if isinstance(found.exception, UserError):
            assert told in str(found.exception)
        else:
            assert told in found.output
    assert set(read_book(path)) == {"ann"}


@pytest.mark.parametrize("words", ["list", "password ann", "role ann admin", "remove ann"])
@pytest.mark.parametrize("folder", [".", "no-such-folder"])
def test_where_there_is_no_book_a_command_says_how_one_begins(tmp_path, words, folder):
    path = tmp_path / folder / "users.json"
    found = command(*words.split(), "--users", path)
    assert isinstance(found.exception, BookError)
    assert str(found.exception).startswith(f"{path}: there is no user book; begin one with ")
    assert not path.exists()


def test_there_is_no_option_for_a_password():
    for words in (["user", "add"], ["user", "password"], ["start"], ["take"]):
        shown = RUNNER.invoke(app, [*words, "--help"]).output
        assert "--password-file" in shown
        assert "--password " not in shown
