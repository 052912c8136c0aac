"""Equipment of a line file: every writable loop in exactly one unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loader import ConfigError, load_line

TEXT = (Path(__file__).parents[2] / "config" / "lines" / "pilot.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('loops = ["SIC-701", ', 'loops = ["SIC-707", ', "no such loop with a writable tag"),
        ('loops = ["SIC-701", ', 'loops = ["SIC-210", ', "loop given twice"),
        ('loops = ["SIC-210"]', 'loops = ["SIC-701"]', "no equipment has SIC-210"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, old, new, told):
    file = tmp_path / "line.toml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new), "utf-8")
    with pytest.raises(ConfigError, match=told):
        load_line(file)
