"""Photograph the report of a lot for the docs, with Chromium and without a network.

    .venv/bin/python tools/report_picture.py runs/LOT docs/pictures/report.png [HEIGHT [FROM]]

HEIGHT pixels of the page are taken (1500), beginning FROM pixels below its top (0). Chromium is
found on the path, in the environment's FILMLINE_CHROMIUM, or where `make test` unpacked it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
UNPACKED = ROOT / ".cache" / "chromium" / "usr" / "lib" / "chromium" / "chromium"
WIDTH, HEIGHT = 1000, 1500
PATIENCE_S = 60


def browser() -> str:
    """Program of Chromium; exits with a message when there is none."""
    found = os.environ.get("FILMLINE_CHROMIUM") or shutil.which("chromium")
    found = found or (str(UNPACKED) if UNPACKED.exists() else None)
    return found or sys.exit("no chromium: install it, or name it in FILMLINE_CHROMIUM")


def take(report: Path, picture: Path, height: int, start: int) -> None:
    """Write a picture of a part of the page."""
    shift = f"<style>html{{margin-top:-{start}px}}</style></head>"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(report.read_text("utf-8").replace("</head>", shift, 1), encoding="utf-8")
        command = [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{height}"]
        command += [f"--screenshot={picture.resolve()}", page.as_uri()]
        subprocess.run(command, check=True, timeout=PATIENCE_S, capture_output=True)
    with Image.open(picture) as taken:  # 128 colors are plenty, and a third of the size
        taken.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(picture, optimize=True)


def main(arguments: list[str]) -> int:
    """Find the report and photograph it."""
    if not 2 <= len(arguments) <= 4:
        print(__doc__)
        return 2
    lot, picture = map(Path, arguments[:2])
    height, start = [*map(int, arguments[2:]), *(HEIGHT, 0)[len(arguments) - 2 :]]
    take(lot / "report.html", picture, height, start)
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
