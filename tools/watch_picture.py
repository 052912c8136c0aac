"""Draw what `filmline watch` shows as an SVG picture, from the status of a service.

    filmline status --json > status.json
    .venv/bin/python tools/watch_picture.py status.json docs/pictures/watch.svg

It is the view itself, drawn by the code of the command; only the terminal around it is not real.
"""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

from rich.console import Console

from controller.operating.screen import screen

COLUMNS = 112
USAGE = "usage: watch_picture.py STATUS.json PICTURE.svg"


def draw(status: dict[str, object]) -> str:
    """The picture of a status as SVG, without a font from the network."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(screen(status))
    svg = console.export_svg(title="filmline watch", unique_id="watch")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def main(arguments: list[str]) -> int:
    """Read the status, write the picture."""
    if len(arguments) != 2:
        print(USAGE)
        return 2
    status, picture = map(Path, arguments)
    picture.write_text(draw(json.loads(status.read_text("utf-8"))), encoding="utf-8")
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
