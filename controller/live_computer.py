"""What a live run must know of its computer: room on the disk, its own memory, whether it slept."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import time
from pathlib import Path

_STATM = Path("/proc/self/statm")


def free_pct(folder: Path) -> float:
    """Percent of the folder's disk that is free; NaN when it cannot be told. May block."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return float("nan")
    return 100.0 * usage.free / usage.total if usage.total else float("nan")


def resident_bytes() -> int:
    """Resident memory of this process; its peak where the system tells no more."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def clocks_s() -> tuple[float, float]:
    """The clock that counts sleep, and the one that does not; equal where there is only one."""
    monotonic_s = time.clock_gettime(time.CLOCK_MONOTONIC)
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return monotonic_s, monotonic_s
    return time.clock_gettime(time.CLOCK_BOOTTIME), monotonic_s
