"""``python -m controller.report RUN``: the report, made where no simulator can be imported.

A result that came from the plant's truth instead of the record would be worthless; here the
package that knows the truth does not exist.
"""

from __future__ import annotations

import sys
from pathlib import Path

BLOCKED = "simulators"


def main(arguments: list[str]) -> int:
    """Write report.html and report.json beside the record; 2 when it cannot be read."""
    sys.modules[BLOCKED] = None  # type: ignore[assignment]
    from controller.errors import ControllerError  # noqa: PLC0415 - after the block
    from controller.report.commands import write_report  # noqa: PLC0415

    folder = Path(arguments[0])
    try:
        write_report(folder, folder)
    except ControllerError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
