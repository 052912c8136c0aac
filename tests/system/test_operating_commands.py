"""The commands of a shift against a served desk over the whole kernel: words and exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from controller.cli import app
from controller.operating import hand, talk
from controller.operating.watch import Watcher
from tests.desk_rig import DeskRig, ServedRig

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[ServedRig]:
    folder = tmp_path_factory.mktemp("served")
    with DeskRig(folder / "record", start_at_s=None) as rig:
        rig.run(3.0)
        with ServedRig(rig, folder / "s" / "pilot.sock") as found:
            yield found


def command(served: ServedRig, *words: str, typed: str | None = None):
    socket = ["--socket", str(served.path)]
    return RUNNER.invoke(app, [words[0], *socket, *words[1:]], input=typed)


def test_a_command_says_its_cost_and_asks_nobody_without_a_terminal(served):
    found = command(served, "start", "--reason", "shift")
    assert found.exit_code == 2
    assert "time: about 2 h" in found.output
    assert "nobody can be asked here: repeat with --yes" in found.output
    assert served.rig.kernel.runner.state.name == "IDLE"


def test_what_stands_in_the_way_is_told_with_live_values(served):
    found = command(served, "why-not", "set", "XV-110.CMD", "on")
    assert found.exit_code == 0
    lines = found.output.splitlines()
    assert "XV-110.CMD: casting is in auto" in lines
    behind = next(n for n, line in enumerate(lines) if line.startswith("IL11P: Dope to the die"))
    assert re.fullmatch(r"    \S+ [-.\d]+ \S+, below .*", lines[behind + 1]), found.output
    assert "No bypass: the line file does not allow it" in found.output
    again = json.loads(command(served, "why-not", "restart", "--json").output)
    assert [(cause["kind"], cause["name"]) for cause in again["causes"]] == [("state", "IDLE")]
    assert command(served, "why-not", "start").output == "nothing known stands against start\n"
    assert "did you mean start" in command(served, "why-not", "strat").output
    assert "set takes tag value" in command(served, "why-not", "set", "a", "1", "2").output
    told = command(served, "set", "XV-110.CMD", "on", "--reason", "try", "--yes")
    assert "         IL11P: Dope to the die" in told.output  # below the refusal, unasked


def test_a_shift(served):
    """Start, hold, go on, stop: each with its cost; a viewer's words are in the record."""
    assert "IDLE -> RUNNING" in command(served, "start", "--yes", "--reason", "shift").output
    held = command(served, "hold", "--yes", "--reason", "look")
    assert "meters: none of the roll" in held.output
    assert "RUNNING -> HOLDING" in held.output
    again = command(served, "start", "--yes")
    assert (again.exit_code, "start is not possible" in again.output) == (1, True)
    wait_for(served, "HELD")
    assert "goes on from measured values" in command(served, "restart", "--yes").output
    assert command(served, "note", "belt", "drum", "cleaned").exit_code == 0
    stopped = command(served, "stop")  # asks nothing, terminal or not
    assert "-> STOPPING" in stopped.output
    assert "meters: none, nothing was cast" in stopped.output
    assert "STOPPING -> ABORTING" in command(served, "abort").output
    wait_for(served, "ABORTED")
    assert "ABORTED -> IDLE" in command(served, "reset", "--yes").output
    assert [event.cause for event in served.rig.told("operator", "note")] == ["belt drum cleaned"]


def wait_for(served: ServedRig, state: str) -> None:
    for _ in range(200):
        shown = json.loads(command(served, "status", "--json").output)
        if shown["state"] == state:
            return
    raise AssertionError(f"never {state}")


def test_set_shows_what_the_device_reads_back(served):
    refused = command(served, "set", "SIC-701.SP", "0.4", "--reason", "try")
    assert (refused.exit_code, "winder is in auto" in refused.output) == (1, True)
    assert command(served, "manual", "winder", "--reason", "try", "--yes").exit_code == 0
    found = command(served, "set", "SIC-701.SP", "0.4", "--reason", "try", "--yes")
    assert found.exit_code == 0, found.output
    assert "-> 0.400 m/min" in found.output
    assert "SIC-701.SP reads 0.400 m/min" in found.output
    large = command(served, "set", "SIC-701.SP", "2", "--reason", "try", "--yes")
    assert "repeat to confirm" in large.output
    assert "SIC-701.SP reads 2.000 m/min" in large.output
    low = command(served, "set", "SIC-701.SP", "-3", "--reason", "try", "--yes")
    assert (low.exit_code, "outside 0 to 6 m/min" in low.output) == (1, True)
    back = command(served, "auto", "winder", "--yes")
    assert "SIC-701.SP stays at 2.000 m/min" in back.output


def test_a_terminal_is_asked_and_no_means_no(served, monkeypatch):
    asked: list[str] = []

    def confirm(question: str, *, yes: bool) -> None:
        asked.append(question)

    monkeypatch.setattr(talk, "confirm", confirm)
    assert command(served, "manual", "belt", "--reason", "try").exit_code == 0
    assert asked == ["Go on?"]
    monkeypatch.undo()
    found = command(served, "auto", "belt")
    assert (found.exit_code, "nobody can be asked" in found.output) == (2, True)
    assert command(served, "auto", "belt", "--yes").exit_code == 0


def test_read_speaks_to_people_and_to_programs(served):
    told = command(served, "read", "TIC-501.PV", "SIC-110.SP").output
    assert "degC" in told
    assert "tenter zone T1: temperature" in told
    data = json.loads(command(served, "read", "TIC-501.PV", "--json").output)
    assert data["tags"][0]["quality"] == "GOOD"
    wrong = command(served, "read", "TIC-501.PVV")
    assert (wrong.exit_code, "did you mean TIC-501.PV" in wrong.output) == (1, True)


def test_the_picture_has_what_a_shift_needs(served):
    shown = command(served, "watch", "--once").output
    for word in ("SIMULATED", "core25_layer030", "UTC", "unit", "waits for", "thread_leader",
                 "SIC-210.ACT", "loops on:", "film  cast",
                 "link  REGLO is silent: its power is switched off"):  # fmt: skip
        assert word in shown, word
    assert "no film" in shown  # soft sensors have nothing to say yet
    assert "no power" in shown
    assert "BAD" not in shown  # nothing is wrong
    assert "FIC-301B" not in shown  # the recipe coats one side


def test_do_alone_lists_the_operations(served):
    found = command(served, "do")
    assert found.exit_code == 0, found.output
    assert "change_roll     close the roll" in found.output


def test_an_alarm_is_listed_shelved_brought_back_and_taken_out_of_service(served):
    name = "SYS.LAG/H"
    told = command(served, "shelve", name, "--for", "30m", "--reason", "try")
    assert (told.exit_code, "is shelved for 30 min" in told.output) == (0, True)
    listed = command(served, "alarms", "--all").output
    assert f"{name}: longest delay" in listed
    assert "back in 30 min: try" in listed
    assert "cause: " in listed
    assert name in hidden(served)
    assert command(served, "unshelve", name).output.strip() == f"{name} is back"
    again = command(served, "unshelve", name)
    assert (again.exit_code, "is not shelved" in again.output) == (1, True)
    assert command(served, "out-of-service", name, "--reason", "try").exit_code == 0
    assert command(served, "out-of-service", name, "--reason", "try", "--back").exit_code == 0
    assert name not in hidden(served)
    assert "quiet" in command(served, "silence").output


def hidden(served: ServedRig) -> set[str]:
    return {row["name"] for row in json.loads(command(served, "alarms", "--json").output)["hidden"]}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("SYS.LAG/H", "--for", "soon", "--reason", "x"), 2, "write 30m or 2h"),
        (("SYS.LAG/H", "--for", "99h", "--reason", "x"), 1, "an alarm is shelved for up to"),
        (("SYS.LAG/H", "--for", "5m"), 1, "a reason is needed"),
        (("SYS.LAG", "--for", "5m", "--reason", "x"), 1, "has several alarms"),
        (("SYS.LAGG/H", "--for", "5m", "--reason", "x"), 1, "did you mean SYS.LAG/H"),
    ],
)
def test_a_shelf_that_cannot_be_is_one_message(served, words, code, told):
    found = command(served, "shelve", *words)
    assert (found.exit_code, told in found.output) == (code, True), found.output


def test_a_bit_is_read_back_exactly(served):
    assert command(served, "manual", "tenter", "--reason", "try", "--yes").exit_code == 0
    spec = served.rig.kernel.table.spec("XC-503.CMD")
    assert hand._tolerance(spec) == 0.0
    found = command(served, "set", "XC-503.CMD", "0", "--reason", "try", "--yes")
    assert found.exit_code == 0, found.output
    assert "XC-503.CMD: 0 -> 0" in found.output
    assert command(served, "auto", "tenter", "--yes").exit_code == 0


def test_watch_says_at_once_that_the_link_is_lost(tmp_path):
    class Time:
        now_s = 0.0

        def utc_ns(self) -> int:
            return 1_767_225_600_000_000_000

        def monotonic(self) -> float:
            return self.now_s

    time = Time()
    console = Console(width=112, force_terminal=False)

    def look() -> str:
        with console.capture() as shown:
            console.print(watcher.look())
        return shown.get()

    watcher = Watcher(tmp_path / "s" / "pilot.sock", time)
    assert "NO DATA" in look()
    assert "start one with 'filmline run RECIPE'" in " ".join(look().split())
    with DeskRig(tmp_path / "record", start_at_s=None) as rig:
        rig.run(1.0)
        with ServedRig(rig, tmp_path / "s" / "pilot.sock") as served:
            assert "NO DATA" not in look()
            with served._turn:  # the plant and its scans stand, the service hangs
                assert "the service does not answer" in look()
            assert "NO DATA" not in look()
        gone = look()
        assert "NO DATA since 00:00:00 UTC" in gone
        assert "what follows is old" in gone
        assert "thread_leader" in gone  # the last picture is still there, dimmed
    watcher.close()


def test_a_scan_that_stands_is_told_although_the_service_answers(tmp_path, monkeypatch):
    class Time:
        now_s = 0.0

        def utc_ns(self) -> int:
            return 0

        def monotonic(self) -> float:
            return self.now_s

    time = Time()
    watcher = Watcher(Path("nowhere"), time)
    watcher._status = {"scan": {"scans": 5}}
    assert watcher._standing() == ""
    time.now_s = 1.5
    assert watcher._standing() == ""
    time.now_s = 2.0
    assert watcher._standing() == "the scan stands since 2 s"
    watcher._status = {"scan": {"scans": 6}}
    assert watcher._standing() == ""


def test_no_service_is_a_message_and_exit_code_2(tmp_path):
    from controller import cli  # noqa: PLC0415 - main wraps the errors of users

    words = ["filmline", "status", "--socket", str(tmp_path / "none.sock")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 2


def test_several_services_must_be_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "filmline").mkdir(mode=0o700)
    for name in ("north", "south"):
        (tmp_path / "filmline" / f"{name}.sock").touch()
    found = RUNNER.invoke(app, ["status"])
    assert found.exit_code == 2
    assert "name one with --socket" in found.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "SIC-701.SP", "1", "--yes"), "needs a reason"),
        (("reset", "IL1-B1", "--yes"), "needs a reason"),
        (("do", "change_roll", "fast", "--yes"), "write KEY=VALUE"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(served, words, told):
    found = command(served, *words)
    assert found.exit_code == 2
    assert told in found.output
