"""The local socket against people and programs that misbehave; in one process, real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.models import Role
from controller.operating import server as service
from controller.operating.client import DeskClient
from controller.operating.errors import Dropped, NoService, OperatingError, ServiceRuns
from controller.operating.people import actor_of
from controller.operating.protocol import LONGEST_REQUEST, default_socket
from controller.operating.reply import done
from controller.operating.server import DeskServer, serve_desk

LINE = SimpleNamespace(line=SimpleNamespace(name="mini", roles={}))


class EchoDesk:
    """Answers with what it was asked; ``big`` with much."""

    def __init__(self) -> None:
        self.line = LINE
        self.asked: list[tuple] = []

    def handle(self, verb, args, actor, now_ns):
        self.asked.append((verb, args, actor, now_ns))
        if args.get("what") == "big":
            return done(much="x" * 900_000)
        if args.get("what") == "nan":
            return done(value=float("nan"))
        return done("heard", verb=verb)


class FixedClock:
    def utc_ns(self) -> int:
        return 7

    def monotonic(self) -> float:
        return 0.0


def served(tmp_path: Path, body: Callable[[DeskServer, EchoDesk], Awaitable[None]]) -> None:
    """Run a body beside a served desk."""

    async def main() -> None:
        desk = EchoDesk()
        server = await serve_desk(desk, tmp_path / "s" / "mini.sock", FixedClock())
        try:
            async with asyncio.timeout(20.0):
                await body(server, desk)
        finally:
            await hang_up()
            await server.close()

    asyncio.run(main())


_WRITERS: list[asyncio.StreamWriter] = []


async def hang_up() -> None:
    while _WRITERS:
        writer = _WRITERS.pop()
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def talk(server: DeskServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, dict]:
    reader, writer = await asyncio.open_unix_connection(str(server.path), limit=4_000_000)
    _WRITERS.append(writer)
    return reader, writer, json.loads(await reader.readline())


async def ask(reader, writer, **message) -> dict:
    writer.write(json.dumps(message).encode() + b"\n")
    return json.loads(await reader.readline())


def test_the_socket_and_its_folder_are_the_owners_alone(tmp_path):
    async def body(server, desk):
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
        _, _, hello = await talk(server)
        assert (hello["hello"], hello["line"], hello["role"]) == ("filmline", "mini", "engineer")

    served(tmp_path, body)
    assert not (tmp_path / "s" / "mini.sock").exists()


def test_a_request_gets_the_reply_with_its_id_and_the_peer_as_actor(tmp_path):
    async def body(server, desk):
        reader, writer, hello = await talk(server)
        reply = await ask(reader, writer, id=3, verb="status", args={"a": 1})
        assert (reply["id"], reply["ok"], reply["lines"]) == (3, True, ["heard"])
        ((verb, args, actor, now_ns),) = desk.asked
        assert (verb, args, actor.name, now_ns) == ("status", {"a": 1}, hello["you"], 7)
        told = await ask(reader, writer, id=4, verb="read", args={"what": "nan"})
        assert told["data"] == {"value": None}

    served(tmp_path, body)


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"\x00\xff\xfe\n", "not JSON"),
        (b"GET / HTTP/1.1\r\n", "not JSON"),
        (b"[" * 5000 + b"\n", "not JSON"),
        (b'{"verb": "x", "args": {"v": NaN}}\n', "not JSON"),
        (b"[1]\n", "a request is an object"),
        (b'{"id": "1", "verb": "x"}\n', "id is an integer"),
        (b'{"id": 1}\n', "verb is a word"),
        (b'{"verb": "' + b"x" * 100 + b'"}\n', "verb is a word"),
        (b'{"verb": "x", "args": 5}\n', "args is an object"),
        (b"x" * (LONGEST_REQUEST + 10), "a line longer than"),
    ],
)
def test_garbage_ends_its_own_connection_with_the_reason(tmp_path, garbage, reason):
    async def body(server, desk):
        reader, writer, _ = await talk(server)
        other = await talk(server)
        writer.write(garbage)
        assert reason in json.loads(await reader.readline())["dropped"]
        assert await reader.read() == b""
        assert desk.asked == []
        assert (await ask(*other[:2], id=1, verb="status"))["ok"]
        assert reason in server.drops[-1]

    served(tmp_path, body)


def test_who_never_reads_is_dropped_and_others_are_served_meanwhile(tmp_path):
    async def body(server, desk):
        reader, writer, _ = await talk(server)
        reader._transport.pause_reading()
        for _ in range(12):
            writer.write(b'{"verb": "read", "args": {"what": "big"}}\n')
        other = await talk(server)
        while not server.drops:
            assert (await ask(*other[:2], id=1, verb="status"))["ok"]
        assert "does not read" in server.drops[-1]
        assert len([one for one in desk.asked if one[0] == "read"]) < 12

    served(tmp_path, body)


def test_who_says_nothing_for_long_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "QUIET_S", 0.05)

    async def body(server, desk):
        reader, _, _ = await talk(server)
        assert "nothing was said" in json.loads(await reader.readline())["dropped"]

    served(tmp_path, body)


def test_a_full_house_lets_the_next_one_in(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "MOST_CLIENTS", 3)

    async def body(server, desk):
        crowd = [await talk(server) for _ in range(3)]
        await ask(*crowd[0][:2], id=1, verb="status")  # the second is the quietest now
        newcomer = await talk(server)
        assert (await ask(*newcomer[:2], id=1, verb="stop"))["ok"]
        assert "took its place" in json.loads(await crowd[1][0].readline())["dropped"]
        assert (await ask(*crowd[0][:2], id=2, verb="status"))["ok"]

    served(tmp_path, body)


def test_a_flood_of_requests_is_served_at_its_rate(tmp_path):
    async def body(server, desk):
        _, writer, _ = await talk(server)
        writer.write(b'{"verb": "status"}\n' * 200)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(0.5)
        assert desk.asked
        most = (loop.time() - began) * service.REQUESTS_PER_S + 2
        assert len(desk.asked) <= most

    served(tmp_path, body)


def test_the_file_of_a_dead_service_is_replaced(tmp_path):
    path = tmp_path / "s" / "mini.sock"
    path.parent.mkdir(mode=0o700)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()

    async def body(server, desk):
        assert (await talk(server))[2]["hello"] == "filmline"

    served(tmp_path, body)


def test_a_second_service_is_refused_and_the_first_goes_on(tmp_path):
    async def body(server, desk):
        with pytest.raises(ServiceRuns, match="a service runs this line already"):
            await serve_desk(EchoDesk(), server.path, FixedClock())
        assert (await talk(server))[2]["hello"] == "filmline"

    served(tmp_path, body)


def test_what_is_no_socket_or_not_ours_alone_is_left_alone(tmp_path):
    (tmp_path / "f").mkdir(mode=0o700)
    file = tmp_path / "f" / "mini.sock"
    file.write_text("precious")
    with pytest.raises(OperatingError, match="is no socket"):
        asyncio.run(serve_desk(EchoDesk(), file, FixedClock()))
    assert file.read_text() == "precious"
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(OperatingError, match="others may enter"):
        asyncio.run(serve_desk(EchoDesk(), tmp_path / "open" / "x.sock", FixedClock()))


def test_the_client_says_how_to_start_a_service(tmp_path):
    with pytest.raises(NoService, match="start one with 'filmline run RECIPE'"):
        DeskClient(tmp_path / "none.sock")


@pytest.mark.parametrize(
    ("says", "told"),
    [(b"220 smtp\r\n", "not filmline"), (b"", "ended the connection"), (b"{", "does not answer"),
     (b'{"dropped": "full"}\n', "full")],
)  # fmt: skip
def test_the_client_never_hangs_on_what_is_no_service(tmp_path, says, told):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "x.sock"))
        listener.listen(1)
        listener.settimeout(5.0)
        accepted: list[socket.socket] = []

        def answer() -> None:
            connected, _ = listener.accept()
            accepted.append(connected)
            if says:
                connected.sendall(says)
            else:
                connected.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Dropped, match=told):
            DeskClient(tmp_path / "x.sock", answer_s=0.2)
        thread.join(5.0)
        for connected in accepted:
            connected.close()


def test_roles_are_those_of_the_line_file_else_the_owner_is_engineer_and_others_look(monkeypatch):
    me = os.getuid()
    name = actor_of(me, LINE, me).name
    assert actor_of(me, LINE, me).role is Role.ENGINEER
    assert actor_of(me, LINE, me + 1).role is Role.VIEWER
    assert actor_of(54321, LINE, me) == actor_of(54321, LINE, me)
    assert (actor_of(54321, LINE, me).name, actor_of(54321, LINE, me).role) == (
        "uid:54321", Role.VIEWER,
    )  # fmt: skip
    mapped = SimpleNamespace(line=SimpleNamespace(name="mini", roles={name: Role.OPERATOR}))
    assert actor_of(me, mapped, me).role is Role.OPERATOR


def test_the_usual_place_is_a_folder_of_the_user(monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert default_socket("pilot", 5) == Path("/") / "tmp" / "filmline-5" / "pilot.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/5")
    assert default_socket("pilot") == Path("/run/user/5/filmline/pilot.sock")
