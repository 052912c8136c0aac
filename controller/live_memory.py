"""Keeps a live process from waiting for its own memory: no page is taken away or collected late.

Pages that were not used for a while may be dropped and read from the disk again when they are
needed, which takes as long as the disk takes; a full run of Python's garbage collector takes
70 ms. Neither may happen between two scans.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys

_MCL_CURRENT, _MCL_FUTURE = 1, 2
_SWITCH_S = 0.0005  # how long another thread may keep the interpreter


def settle() -> bool:
    """Collect once, exempt what stands now, and hold all pages; tells if they are held.

    Pages are held where the system sets no limit on it (systemd: ``LimitMEMLOCK=infinity``):
    with a limit, later allocations would fail.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    if not sys.platform.startswith("linux"):
        return False
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY:
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return bool(library.mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0)
