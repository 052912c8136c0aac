"""The power is cut at file operations of a real record: what was acknowledged is on the disk."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bench.power_disk import Op, operations
from tests.system.processes import run

BENCH = Path(__file__).parents[2] / "bench" / "bench_power.py"

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]


def cut(*more: str) -> tuple[int, str]:
    ended = run([sys.executable, BENCH, "--commits", "6", "--every", "7", *more])
    assert "disks; " in ended.out, ended.said
    return ended.code, ended.out


@pytest.mark.parametrize("process", ["  987 ", "9876  ", "98765 ", "987654 "])
def test_a_trace_is_read_whatever_the_number_of_the_process(tmp_path: Path, process: str) -> None:
    lot = tmp_path / "lot"
    path = "".join(f"\\x{byte:02x}" for byte in f"{lot}/record.sqlite".encode())
    trace = tmp_path / "trace"
    trace.write_text(f"{process}fdatasync(3<{path}>)           = 0\n", "ascii")
    assert list(operations(trace, lot, tmp_path / "acks")) == [Op("sync", f"{lot}/record.sqlite")]


def test_nothing_that_was_acknowledged_is_lost() -> None:
    code, said = cut()
    assert (code, "; 0 with a loss" in said) == (0, True), said


def test_a_record_that_does_not_sync_each_commit_is_found_out() -> None:
    code, said = cut("--sync", "normal")
    assert (code, "acknowledged" in said) == (1, True), said
