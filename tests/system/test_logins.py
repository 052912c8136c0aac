"""Log-in over a real socket: the bound person, locks, the queue, and no secret anywhere."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from config.models import Role
from controller.operating import logins as logins_module
from controller.operating.logins import Logins
from controller.operating.server import DeskServer, serve_desk
from controller.users.book import User, change_book
from controller.users.passwords import hash_password, verify
from tests.system.test_operating_socket import EchoDesk, FixedClock, hang_up, talk

CANARY = "Quartz-heron-41-canary"
WRONG = "Wrong-canary-77-secret"
HASH = hash_password(CANARY)


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def utc_ns(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now_s


class Served:
    def __init__(self, folder: Path) -> None:
        self.desk, self.clock, self.events, self.heard = EchoDesk(), Hand(), [], []
        self.book = folder / "users.json"
        people = [("ann", Role.OPERATOR), ("ada", Role.ADMIN)]
        users = {name: User(name, role, HASH, "", "root") for name, role in people}
        change_book(self.book, lambda book: book.update(users), make=True)
        self.logins = Logins(self.book, self.events.extend, self.clock)
        self.server: DeskServer | None = None

    async def ask(self, talking, verb: str, **args: object) -> dict:
        reader, writer, hello = talking
        command = {"id": str(len(self.heard)), "session": hello["session"], "made_ns": 7}
        message = {"id": 1, "verb": verb, "args": args, "command": command}
        writer.write(json.dumps(message).encode() + b"\n")
        line = await reader.readline()
        self.heard.append(line.decode())
        return json.loads(line)

    async def log_in(self, talking, name: str, password: str = CANARY) -> dict:
        return await self.ask(talking, "login", name=name, password=password)


def served(folder: Path, body: Callable[[Served], Awaitable[None]]) -> Served:
    rig = Served(folder)

    async def main() -> None:
        path = folder / "s" / "mini.sock"
        rig.server = await serve_desk(rig.desk, path, FixedClock(), rig.logins)
        try:
            async with asyncio.timeout(120.0):
                await body(rig)
        finally:
            await hang_up()
            await rig.server.close()
            rig.logins.close()

    asyncio.run(main())
    no_secret(rig)
    return rig


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")


def no_secret(rig: Served) -> None:
    """Canary (S13): passwords are in no reply, event, verb of the desk or reason of a drop."""
    told = "\n".join([*rig.heard, *map(repr, rig.events), *map(repr, rig.desk.asked),
                      *rig.server.drops, repr(rig.logins), repr(rig.server)])  # fmt: skip
    for secret in (CANARY, WRONG, HASH):
        assert secret not in told


def test_a_log_in_binds_this_connection_alone_for_its_life(tmp_path):
    async def body(rig):
        one, other = await talk(rig.server), await talk(rig.server)
        reply = await rig.log_in(one, "ann")
        assert (reply["ok"], reply["data"]) == (True, {"you": "ann", "role": "operator"})
        for talking in (one, other, one):
            await rig.ask(talking, "note", text="x")
        peer = other[2]["you"]
        assert [asked[2].name for asked in rig.desk.asked] == ["ann", peer, "ann"]
        assert rig.desk.asked[0][2].role is Role.OPERATOR
        assert (await rig.log_in(one, "ada"))["data"]["role"] == "admin"

    rig = served(tmp_path, body)
    assert [(each.verb, each.actor) for each in rig.events] == [
        ("log in", "ann"),
        ("log in", "ada"),
    ]


def test_wrong_password_and_unknown_name_read_the_same_and_change_nobody(tmp_path):
    async def body(rig):
        talking = await talk(rig.server)
        wrong = await rig.log_in(talking, "ann", WRONG)
        unknown = await rig.log_in(talking, "nobody", WRONG)
        long = await rig.log_in(talking, "ann", "x" * 5000)
        assert wrong["refused"] == unknown["refused"] == long["refused"] == [
            "name or password is wrong"
        ]  # fmt: skip
        assert await rig.ask(talking, "login", name=5) != wrong
        await rig.ask(talking, "note", text="x")
        assert rig.desk.asked[0][2].name == talking[2]["you"]

    rig = served(tmp_path, body)
    tags = [(each.verb, each.tag) for each in rig.events]
    assert tags == [("log-in failed", "ann"), ("log-in failed", ""), ("log-in failed", "ann")]


def test_a_password_typed_as_the_name_is_kept_nowhere(tmp_path):
    async def body(rig):
        await rig.log_in(await talk(rig.server), CANARY, "x")

    assert served(tmp_path, body).events[0].tag == ""


def test_an_unknown_name_costs_as_much_as_a_wrong_password(tmp_path, monkeypatch):
    compared: list[str] = []

    def counted(hashed: str, password: str) -> bool:
        compared.append(hashed.rsplit("$", 2)[0])
        return False

    monkeypatch.setattr(logins_module, "verify", counted)

    async def body(rig):
        talking = await talk(rig.server)
        await rig.log_in(talking, "ann", WRONG)
        await rig.log_in(talking, "nobody", WRONG)

    served(tmp_path, body)
    assert len(compared) == 2
    assert compared[0] == compared[1]  # a hash of the same cost


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_five_wrong_ones_lock_the_account_everywhere_but_not_the_stop(tmp_path, name):
    async def body(rig):
        talking, other = await talk(rig.server), await talk(rig.server)
        for _ in range(5):
            assert (await rig.log_in(talking, name, WRONG))["refused"] == [
                "name or password is wrong"
            ]  # fmt: skip
        told = (await rig.log_in(other, name))["refused"][0]
        assert "5 wrong passwords: this account may try again in 15 min" in told
        assert (await rig.ask(other, "stop"))["ok"]
        assert (await rig.ask(talking, "abort"))["ok"]
        assert (await rig.log_in(other, "ada"))["ok"]
        rig.clock.now_s = 15 * 60.0
        assert (await rig.log_in(talking, name))["ok"] is (name == "ann")

    rig = served(tmp_path, body)
    locked = [each.tag for each in rig.events if each.verb == "account locked"]
    assert locked == (["ann"] if name == "ann" else [])


def test_a_full_queue_is_refused_and_the_loop_serves_meanwhile(tmp_path, monkeypatch):
    gate = threading.Event()

    def slow(*_: object) -> bool:
        assert gate.wait(20.0)
        return True

    monkeypatch.setattr(logins_module, "verify", slow)
    monkeypatch.setattr(logins_module, "MOST_WAITING", 2)

    async def body(rig):
        crowd = [await talk(rig.server) for _ in range(3)]
        waiting = [asyncio.create_task(rig.log_in(crowd[0], "ann"))]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(rig.log_in(crowd[1], "ada")))
        await until(lambda: rig.logins._waiting == 2)
        assert "too many people" in (await rig.log_in(crowd[2], "ann"))["refused"][0]
        assert (await rig.ask(crowd[2], "stop"))["ok"]
        gate.set()
        assert [reply["ok"] for reply in await asyncio.gather(*waiting)] == [True, True]
        await until(lambda: not rig.logins._waiting)
        assert (await rig.log_in(crowd[2], "ann"))["ok"]

    served(tmp_path, body)


def test_who_hangs_up_while_waiting_keeps_the_place_until_the_thread_is_free(tmp_path, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(logins_module, "verify", lambda *_: gate.wait(20.0))

    async def body(rig):
        gone = await talk(rig.server)
        task = asyncio.create_task(rig.log_in(gone, "ann"))
        await until(lambda: rig.logins._waiting == 1)
        rig.server._clients[0].task.cancel()
        await asyncio.sleep(0.05)
        assert rig.logins._waiting == 1
        gate.set()
        await until(lambda: not rig.logins._waiting)
        await asyncio.gather(task, return_exceptions=True)

    rig = served(tmp_path, body)
    assert rig.events == []


def test_a_book_that_is_missing_or_open_is_said_and_counts_as_no_guess(tmp_path):
    async def body(rig):
        talking = await talk(rig.server)
        rig.book.chmod(0o644)
        for _ in range(6):
            assert "chmod 600" in (await rig.log_in(talking, "ann"))["refused"][0]
        rig.book.chmod(0o600)
        assert (await rig.log_in(talking, "ann"))["ok"]

    served(tmp_path, body)


def test_the_hash_is_computed_in_its_own_thread(tmp_path, monkeypatch):
    threads: list[str] = []
    inner = logins_module.verify

    def noted(hashed: str, password: str) -> bool:
        threads.append(threading.current_thread().name)
        return inner(hashed, password)

    monkeypatch.setattr(logins_module, "verify", noted)

    async def body(rig):
        assert (await rig.log_in(await talk(rig.server), "ann"))["ok"]

    served(tmp_path, body)
    assert threads == ["passwords_0"]


def test_another_thread_runs_while_a_hash_is_computed():
    """argon2 lets go of the interpreter, so that a log-in does not hold up the scan."""
    hashes: list[tuple[int, int]] = []  # processor time of the thread at begin and end

    def compute() -> None:
        for _ in range(20):
            began = time.thread_time_ns()
            verify(HASH, WRONG)
            hashes.append((began, time.thread_time_ns()))

    thread, seen = threading.Thread(target=compute), []
    thread.start()
    clock = time.pthread_getcpuclockid(thread.ident)
    while thread.is_alive():
        with suppress(OSError):  # it has just ended
            seen.append(time.clock_gettime_ns(clock))
        thread.join(0.001)
    parts = [(began, (ended - began) // 4) for began, ended in hashes]
    assert any(began + part < at < began + 3 * part for began, part in parts for at in seen)


def test_a_command_at_a_terminal_logs_in_from_a_file_and_tells_no_secret(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(CANARY + "\n")
    secret.chmod(0o600)

    async def body(rig):
        async def filmline(*words: str) -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "controller", words[0], "--socket", str(rig.server.path),
                *words[1:], stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            told = (await process.communicate())[0].decode()
            rig.heard.append(told)
            return process.returncode, told

        code, told = await filmline("note", "x", "--as", "ann", "--password-file", str(secret))
        assert (code, told) == (0, "heard\n")
        assert rig.desk.asked[-1][2].name == "ann"
        code, told = await filmline("note", "x", "--as", "ann")
        assert (code, "nobody can be asked for the password of ann" in told) == (2, True)
        code, told = await filmline("stop", "--as", "ann")
        assert code == 0
        assert [asked[0] for asked in rig.desk.asked[-2:]] == ["cost", "stop"]
        secret.write_text(WRONG)
        code, told = await filmline("take", "--as", "ann", "--password-file", str(secret))
        assert (code, told) == (2, "not logged in as ann: name or password is wrong\n")

    served(tmp_path, body)
