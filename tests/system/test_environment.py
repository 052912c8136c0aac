"""A world that does not cooperate: disks, folders and files that are wrong, and wrong options."""

from __future__ import annotations

import json
import re
import resource
import shutil
import sqlite3
from pathlib import Path

import pytest

from simulators.options import FAULTS, parse_fault
from simulators.twin.plant import Plant
from tests.contract.broken_files import FAULTS as BROKEN
from tests.contract.fault import Fault
from tests.system.processes import (
    ALONE,
    FILMLINE,
    PATIENCE_S,
    RECIPE,
    Ended,
    can_mount,
    filmline,
    run,
)

pytestmark = pytest.mark.timeout(PATIENCE_S)
NS = 1_000_000_000

alone = pytest.mark.skipif(not can_mount(), reason="no mounts in a name space of our own here")


def in_mount(options: str, at: Path, script: str) -> Ended:
    """Run a shell script with a small file system of its own at a folder; $F is filmline."""
    at.mkdir(exist_ok=True)
    lines = (
        f"mount -t tmpfs -o {options} none '{at}'",
        f"F='{' '.join(FILMLINE)}'",
        f"R='{RECIPE}'",
        f"cd '{RECIPE.parents[2]}'",
        script.replace("@", str(at)),
    )
    return run([*ALONE, "sh", "-c", "\n".join(lines)])


# --- where to write ----------------------------------------------------------------------------


@alone
def test_read_only_disk_is_one_message(tmp_path: Path) -> None:
    ended = in_mount("ro", tmp_path / "disk", "$F dry-run $R --out @/lot")
    message = ended.is_one_clear_message()
    assert str(tmp_path / "disk" / "lot") in message
    assert "Read-only file system" in message


@alone
def test_read_only_folder_that_exists_is_one_message(tmp_path: Path) -> None:
    script = "mkdir @/lot; mount -o remount,ro @; $F dry-run $R --out @/lot"
    ended = in_mount("rw", tmp_path / "disk", script)
    message = ended.is_one_clear_message()
    assert str(tmp_path / "disk" / "lot" / "record.sqlite") in message


def test_folder_below_a_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ended = filmline("dry-run", RECIPE, "--out", tmp_path / "file" / "lot")
    assert "Not a directory" in ended.is_one_clear_message()


def test_a_record_is_never_written_over(tmp_path: Path) -> None:
    record = tmp_path / "record.sqlite"
    record.write_bytes(b"the record of yesterday")
    ended = filmline("dry-run", RECIPE, "--out", tmp_path)
    assert "there is a record here already" in ended.is_one_clear_message()
    assert record.read_bytes() == b"the record of yesterday"
    assert list(tmp_path.iterdir()) == [record]


# --- a disk that fills -------------------------------------------------------------------------


def held_by_the_disk(ended: Ended, words: str) -> None:
    """Exit 1; held, and after a minute without room stopped; the reason names record and disk."""
    assert ended.code == 1, ended.said
    assert "Traceback" not in ended.said
    assert "HELD" in ended.err, "the progress shows the hold"
    facts = json.loads(ended.out)
    assert facts["state"] == "STOPPED", "nobody made room for a minute"
    assert "then SYS-REC" in facts["reason"]
    assert re.search(rf"record cannot be written: .*record\.sqlite: {words}", facts["reason"])
    assert "record.sqlite" in facts["trouble"]
    assert facts["violations"] == 0, facts["violation_list"]
    assert facts["metres_collected"] == 0.0
    assert facts["line_seconds"] > 300.0, "held, not crashed: somebody has time to make room"


def acknowledged_is_readable(folder: Path) -> None:
    """The file is sound, and holds every sample up to the last commit that returned."""
    listed = filmline("history", "query", folder, "TIC-501.PV", "--json")
    assert listed.code == 0, listed.said
    (found,) = json.loads(listed.out)
    connection = sqlite3.connect(folder / "record.sqlite")
    (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
    commits, last_ns = connection.execute("SELECT commits, ns FROM progress").fetchone()
    connection.close()
    assert sound == "ok"
    assert commits >= 1
    assert 0 <= last_ns - found["sent_ns"][-1] < NS, "the last sample before the commit is there"
    steps = {b - a for a, b in zip(found["sent_ns"], found["sent_ns"][1:], strict=False)}
    assert max(steps) < NS, "no sample is missing before it"
    verdict = filmline("history", "verify", folder)
    assert verdict.code == 2
    assert "not sealed" in verdict.out


@alone
def test_full_disk_holds_the_run_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    script = f"$F dry-run $R --json --out @/lot; code=$?; cp -r @/lot '{kept}'; exit $code"
    held_by_the_disk(in_mount("size=1200k", disk, script), "no space left on the disk")
    acknowledged_is_readable(kept)


def test_file_size_limit_holds_the_run_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """The disk answers with an error instead of telling that it is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))

    folder = tmp_path / "lot"
    command: list[str | Path] = [*FILMLINE, "dry-run", RECIPE, "--json", "--out", folder]
    held_by_the_disk(run(command, before=limit), "the disk answered with an error")
    acknowledged_is_readable(folder)


@alone
def test_a_reserve_lets_a_run_end_on_record_when_another_program_fills_the_disk(
    tmp_path: Path,
) -> None:
    """All room is taken while the run goes on; Ctrl-C twice still ends it whole and sealed."""
    kept = tmp_path / "kept"
    script = f"""
        say() {{
            n=0
            until grep -q $1 @/said || [ $n -ge 600 ]; do sleep 0.1; n=$((n + 1)); done
        }}
        $F dry-run $R --out @/lot > @/said 2>&1 &
        run=$!
        say ramp_oven
        ls @/lot
        cat /dev/zero > @/filler 2> /dev/null
        kill -INT $run
        say STOPPING
        kill -INT $run
        say ABORT
        wait $run
        code=$?
        cp -r @/lot '{kept}'
        exit $code
    """
    ended = in_mount("size=48m", tmp_path / "disk", script)
    assert ended.code == 1, ended.said
    assert "record.sqlite-ballast" in ended.out
    verdict = filmline("history", "verify", kept)
    assert verdict.out.startswith("intact"), verdict.said


# --- what was asked ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("no-such-recipe.toml",), "no-such-recipe.toml"),
        ((RECIPE, "--line", "no-such-line.toml"), "no-such-line.toml"),
        ((RECIPE, "--fault", "F99@1h"), "known faults are F1"),
        ((RECIPE, "--fault", "F9"), "F9@1h20m"),
        ((RECIPE, "--fault", "F9@soon"), "F9@1h20m"),
        ((RECIPE, "--fault", "F5(Q7)@10s"), "one of B1, B2"),
        ((RECIPE, "--start", "warm"), "one of cold, hot, running"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_meant_is_one_message(
    tmp_path: Path, options: tuple[str | Path, ...], says: str
) -> None:
    ended = filmline("dry-run", *options, "--out", tmp_path / "lot")
    assert says in ended.is_one_clear_message()
    assert not (tmp_path / "lot").exists()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_of_the_help_can_be_injected(name: str) -> None:
    """A fault without a place takes its own; found wrong at the start, never in the run."""
    fault = parse_fault(f"{name}@1h20m")
    assert fault.at_s == 4800.0
    Plant(seed=1, start="cold").inject(fault.name, fault.where)


@pytest.mark.parametrize("command", ["report", "history tags"])
def test_no_record_is_one_message(tmp_path: Path, command: str) -> None:
    ended = filmline(*command.split(), tmp_path / "nothing")
    assert "there is no record here" in ended.is_one_clear_message()


BY_KIND = {fault.category: fault for fault in BROKEN if fault.kind in {"line", "recipe"}}
SHOWN = ("syntax", "unit", "reference", "physics", "contradiction")


@pytest.mark.parametrize("fault", [BY_KIND[name] for name in SHOWN], ids=SHOWN)
def test_a_broken_file_is_one_message_at_its_place(tmp_path: Path, fault: Fault) -> None:
    path, (row, column) = fault.build(tmp_path)
    ended = filmline("check", path)
    message = ended.is_one_clear_message()
    assert message.startswith(f"{path}:{row}:{column}: ")
    assert f"{fault.category}: " in message
    assert fault.says in message


def test_a_run_with_a_broken_recipe_starts_nothing(tmp_path: Path) -> None:
    fault = BY_KIND["physics"]
    (tmp_path / "files").mkdir()
    path, (row, column) = fault.build(tmp_path / "files")
    command = {"recipe": (path,), "line": (RECIPE, "--line", path)}[fault.kind]
    ended = filmline("dry-run", *command, "--out", tmp_path / "lot")
    assert f"{path}:{row}:{column}: " in ended.is_one_clear_message()
    assert not (tmp_path / "lot").exists()


def test_check_says_that_the_shipped_files_are_sound(tmp_path: Path) -> None:
    recipe = shutil.copy(RECIPE, tmp_path / "mine.toml")
    ended = filmline("check", recipe)
    assert ended.code == 0, ended.said
    assert "is sound" in ended.out
    assert "loss on heating at peel" in ended.out
