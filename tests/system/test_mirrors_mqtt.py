"""Mosquitto, a real one: every row arrives, latest values are retained, the last will is heard."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from controller.historian.catalog import status_name
from controller.historian.ledger import balance
from controller.historian.query import Record
from tests.record_rig import S
from tests.system.mirror_rig import EPOCH, Pen, fits, handed_over, mirror, rewritten, tags_of
from tests.system.processes import FILMLINE, environment, filmline, run
from tests.system.servers import Mosquitto, free_port, until

pytestmark = pytest.mark.timeout(300)
HOUR_S = 3600
NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "mosquitto")
    yield server
    server.kill()


@dataclass
class Listener:
    """Somebody else's client: all that it heard, and what was retained when it came."""

    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    retained: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, message: aiomqtt.Message) -> None:
        assert isinstance(message.payload, bytes)
        content = json.loads(message.payload)
        self.heard.append((str(message.topic), content))
        if message.retain:
            self.retained[str(message.topic)] = content
        self.more.set()

    async def until(self, found: Callable[[], bool]) -> None:
        """Go on listening until something was heard."""
        while not found():
            self.more.clear()
            await self.more.wait()

    def rows(self) -> dict[str, dict[int, tuple[int, list[float | None], list[int]]]]:
        """Rows by scan group and number: stamp, values, qualities."""
        found: dict[str, dict[int, tuple[int, list[float | None], list[int]]]] = {}
        for topic, content in self.heard:
            if "/rows/" not in topic:
                continue
            group = found.setdefault(content["group"], {})
            none = [[0] * len(content["tags"])] * len(content["ns"])
            rows = zip(content["ns"], content["values"], content.get("quality", none), strict=True)
            for number, row in enumerate(rows, content["first"]):
                assert group.get(number, row) == row, "a row heard twice is the same row"
                group[number] = row
        return found

    def events(self) -> list[int]:
        return [content["id"] for topic, content in self.heard if topic.endswith("/events")]


@asynccontextmanager
async def listening(port: int, **options: Any) -> AsyncIterator[Listener]:
    """Listen to everything; goes on by itself when the broker comes back."""
    listener, ready = Listener(), asyncio.Event()

    async def listen() -> None:
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1", port, socket_options=NODELAY, **options
                ) as client:
                    await client.subscribe("filmline/#", qos=1)
                    ready.set()
                    async for message in client.messages:
                        listener.take(message)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(listen())
    await ready.wait()
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def heard(listener: Listener, topic: str, key: str, value: object) -> None:
    """Wait for a message."""
    await listener.until(
        lambda: any(name == topic and content[key] == value for name, content in listener.heard)
    )


async def later(ready: Callable[[], bool], what: str) -> None:
    """Wait for another process without stopping our own loop."""
    await asyncio.to_thread(until, ready, what, 60.0)


async def test_an_outage_of_an_hour_is_caught_up(tmp_path: Path, broker: Mosquitto) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(300)
    where = f"127.0.0.1:{broker.port}"
    async with listening(broker.port) as first:
        with mirror(tmp_path / "said", "mqtt", folder, "--broker", where) as running:
            await later(lambda: handed_over(folder, "mqtt") > 4000, "the first rows")
            await heard(first, "filmline/pilot/status", "state", "online")
            broker.kill()
            await asyncio.to_thread(pen.write, HOUR_S)
            await later(lambda: "trying again" in running.said, "the outage is said")
            with Record(folder) as record:
                for tag in record.tags():
                    assert balance(record, tag.name).balanced, tag.name
            broker.start()
            await later(lambda: "the server is back" in running.said, "back again")
            pen.write(60)
            pen.close()
            assert await asyncio.to_thread(running.ends) == 0, running.said
            await heard(first, "filmline/pilot/status", "reason", "all handed over")
    expected = tags_of(folder)
    rows = first.rows()
    for place, tag in enumerate(("TIC-501.PV", "TIC-501.OP")):
        group, values, quality, sent = expected[tag]
        arrived = [rows[group][number] for number in range(len(sent))]
        assert [row[0] for row in arrived] == sent
        assert [row[2][place] for row in arrived] == quality
        assert [row[1][place] for row in arrived] == [
            round(value, 9) if isfinite(value) else None for value in values
        ]
    for tag, (group, values, _, _) in expected.items():
        assert len(rows[group]) == len(values), tag
    assert sorted(set(first.events())) == list(range(1, 133))


async def test_latest_values_are_retained_with_their_quality(
    tmp_path: Path, broker: Mosquitto
) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(100)  # the last sample of TIC-501.PV is bad
    pen.close()
    command = ("mqtt", folder, "--broker", f"127.0.0.1:{broker.port}")
    assert filmline("mirror", *command).code == 0
    broker.kill()  # and with it all that it retained
    broker.start()
    assert filmline("mirror", *command).code == 0
    expected = tags_of(folder)
    async with listening(broker.port) as listener:
        topics = {f"filmline/pilot/tags/{tag}" for tag in expected}
        await listener.until(lambda: topics <= listener.retained.keys())
    seen = set()
    for tag, (_, values, quality, sent) in expected.items():
        content = listener.retained[f"filmline/pilot/tags/{tag}"]
        seen.add(content["quality"])
        assert content["quality"] == status_name(quality[-1])
        assert content["good"] == (quality[-1] == 0)
        assert content["value"] == (round(values[-1], 9) if quality[-1] < 0x8000_0000 else None)
        assert (content["source_ns"], content["plant"]) == (sent[-1], "SIMULATED")
    assert seen == {"GOOD", "BAD_SENSOR_FAILURE"}
    assert listener.retained["filmline/pilot/status"]["state"] == "offline"


async def test_heads_of_the_chain_show_a_record_that_was_written_anew(
    tmp_path: Path, broker: Mosquitto
) -> None:
    folder, topic = tmp_path / "lot", "filmline/pilot/chain"
    pen = Pen(folder)
    pen.write(130)
    command = ("mqtt", folder, "--broker", f"127.0.0.1:{broker.port}")
    async with listening(broker.port) as listener:
        with mirror(tmp_path / "said", *command) as running:
            await listener.until(lambda: any(name == topic for name, _ in listener.heard))
            await asyncio.to_thread(pen.write, 60)
            await heard(listener, topic, "ns", EPOCH + 180 * S)
            pen.close()
            await heard(listener, topic, "sealed", True)
            assert await asyncio.to_thread(running.ends) == 0, running.said
    heads = [content["head"] for name, content in listener.heard if name == topic]
    assert len(heads) >= 3
    assert all(fits(folder, head) for head in heads)
    other = rewritten(tmp_path / "other", 190)
    assert not any(fits(other, head) for head in heads)
    ended = filmline("verify", other, "--head", heads[-1])
    assert (ended.code, "REWRITTEN" in ended.out) == (1, True), ended.said
    broker.kill()  # and with it what it retained
    broker.start()
    assert filmline("mirror", *command).code == 0
    async with listening(broker.port) as later_on:
        await later_on.until(lambda: topic in later_on.retained)
    assert later_on.retained[topic]["head"] == heads[-1]


async def test_a_killed_mirror_leaves_its_last_will(tmp_path: Path, broker: Mosquitto) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(20)
    where = f"127.0.0.1:{broker.port}"
    async with listening(broker.port) as listener:
        with mirror(tmp_path / "said", "mqtt", folder, "--broker", where) as running:
            await heard(listener, "filmline/pilot/status", "state", "online")
            running.process.kill()
            await heard(listener, "filmline/pilot/status", "reason", "connection lost")
    pen.close()


async def test_ctrl_c_says_goodbye(tmp_path: Path, broker: Mosquitto) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(20)
    where = f"127.0.0.1:{broker.port}"
    async with listening(broker.port) as listener:
        with mirror(tmp_path / "said", "mqtt", folder, "--broker", where) as running:
            await later(lambda: handed_over(folder, "mqtt") > 250, "the first rows")
            assert await asyncio.to_thread(running.stop) == 0
        await heard(listener, "filmline/pilot/status", "reason", "stopped")
    pen.close()


def test_a_wrong_password_is_one_message(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path / "guarded", "allow_anonymous false\n")
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(5)
    pen.close()
    command = [*FILMLINE, "mirror", "mqtt", folder, "--broker", f"127.0.0.1:{server.port}"]
    ended = run([*command, "--user", "eva"], env=environment() | {"FILMLINE_MQTT_PASSWORD": "no"})
    server.kill()
    assert (ended.code, "refuses us" in ended.err) == (2, True), ended.said
    assert "Traceback" not in ended.said


def test_a_dead_broker_is_said_and_ctrl_c_ends(tmp_path: Path) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(5)
    where = f"127.0.0.1:{free_port()}"
    with mirror(tmp_path / "said", "mqtt", folder, "--broker", where) as running:
        running.says("does not answer .*; trying again")
        assert running.stop() == 0
        assert "the next start goes on from" in running.said
    pen.close()


@pytest.mark.parametrize("broker", ["host:port", ":1883", "host:99999"], indirect=False)
def test_what_cannot_be_meant_is_one_message(tmp_path: Path, broker: str) -> None:
    pen = Pen(tmp_path)
    pen.close()
    ended = filmline("mirror", "mqtt", tmp_path, "--broker", broker)
    assert "write HOST:PORT" in ended.is_one_clear_message()
