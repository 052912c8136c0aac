"""``filmline run`` that also says, after each commit, what that commit acknowledged.

Started by ``bench_crash.py``. The service is the shipped one; only the return of a commit is
listened to. Each line is written, unbuffered, to the file named by ``CRASH_ACKS``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from controller.__main__ import main
from controller.historian.blocks import read_block
from controller.historian.health import Acknowledged
from controller.historian.pending import Batch
from controller.historian.store import Store

OUT = os.open(os.environ["CRASH_ACKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
SETTLE = Store.settle


def plain(value: object) -> str:
    """A value as it reads back from the record."""
    return repr(str(value)) if isinstance(value, str) else repr(value)


def settle_and_tell(store: Store, batch: Batch) -> Acknowledged:
    """Do what the store does when a commit has returned, then say what it held."""
    done = SETTLE(store, batch)
    told = {
        "rows": [
            [b.group_id, read_block(b.data, "batch", [0]).sent.tolist()] for b in batch.blocks
        ],
        "notes": {
            table: [[plain(value) for value in row] for row in rows]
            for table, rows in batch.notes.items()
            if table != "profile"
        },
    }
    os.write(OUT, json.dumps(told).encode() + b"\n")
    return done


Store.settle = settle_and_tell  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    main()
