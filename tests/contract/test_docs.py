"""The documentation says what is there: links, commands, generated tables, decisions."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from controller.procedure.states import markdown
from tests.contract.command_tree import groups, leaves
from tools import trip_table

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
README = (ROOT / "README.md").read_text("utf-8")

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
LANGUAGES = ("console", "json", "python", "sh", "text", "toml", "csv", "")
SETTLED = re.compile(r"\*\*(\w+)\.\*\*|^## (\w+)$", re.MULTILINE)
PARTS = ({"Decision", "Why", "Price"}, {"Context", "Decision", "Consequences"})


def commands():
    """Every command a user can type, without the first word."""
    alone = {name for name, group in groups() if group.invoke_without_command}
    return {name.removeprefix("filmline ") for name in alone | dict(leaves()).keys()}


def documented():
    """Commands of the table of the README: what stands before options and capitals."""
    table = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    first = "\n".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))
    return re.findall(r"`filmline ([a-z][a-z -]*[a-z])", first)


def anchor(heading):
    """The fragment a heading gets on a code-hosting page."""
    plain = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(file):
    return (
        {anchor(heading) for heading in HEADING.findall(prose(file))} if file.is_file() else set()
    )


def prose(page):
    return FENCE.sub("", page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        inside = file.is_relative_to(ROOT)
        if not inside or not file.exists() or (fragment and fragment not in anchors(file)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_blocks_name_their_language(page):
    fences = re.findall(r"^```(\S*)", page.read_text("utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert set(fences[::2]) <= set(LANGUAGES)


def test_every_page_of_the_docs_is_reachable_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in LINK.findall(prose(page)):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.exists():
                waiting.append(file)
            elif file.is_dir() and file.is_relative_to(ROOT / "docs"):
                waiting.extend(sorted(file.glob("*.md")))
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in seen] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_the_readme_lists_every_page(page):
    assert f"(docs/{page.name})" in README


def test_the_readme_says_which_folders_there_are():
    listed = set(re.findall(r"\[(\w+)/\]\(\1\)", README))
    assert listed >= {"config", "controller", "drivers", "simulators", "tests", "docs", "deploy"}
    assert {name for name in listed if not (ROOT / name).is_dir()} == set()
    (row,) = re.findall(r"^\| \[tests/\]\(tests\) \| (.*) \|$", README, re.MULTILINE)
    holding = {file.parent.name for file in ROOT.glob("tests/*/test_*.py")}
    assert set(re.findall(r"`(\w+)/`", row)) == holding


def test_pictures_of_the_docs_are_small_and_used():
    pictures = [*ROOT.glob("docs/pictures/*.*")]
    assert [file.name for file in pictures if file.stat().st_size > 200_000] == []
    used = "".join(page.read_text("utf-8") for page in PAGES)
    assert [file.name for file in pictures if f"pictures/{file.name})" not in used] == []


def test_the_table_of_the_readme_has_every_command_once_and_no_other():
    assert sorted(documented()) == sorted(commands())


def test_the_readme_names_no_command_that_is_not_there():
    named = set(re.findall(r"`(?:[\w./]*/)?filmline ([a-z][a-z-]*)", README))
    assert named <= {command.split()[0] for command in commands()}


def test_the_readme_states_the_exit_codes():
    for code in ("0", "1", "2"):
        assert f"| {code} |" in README


def test_the_table_of_states_is_current():
    assert markdown() in (ROOT / "docs/states.md").read_text("utf-8")


def test_the_table_of_trips_is_current(tmp_path, monkeypatch):
    fresh = tmp_path / "docs" / "trips.md"
    fresh.parent.mkdir()
    monkeypatch.setattr(trip_table, "PAGE", fresh)
    monkeypatch.setattr(trip_table, "ROOT", tmp_path)
    trip_table.main()
    assert fresh.read_text("utf-8") == (ROOT / "docs/trips.md").read_text("utf-8"), (
        f"run {Path(sys.executable).name} tools/trip_table.py"
    )


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_every_decision_has_its_three_parts(page):
    text = page.read_text("utf-8")
    number, _ = page.stem.split("-", 1)
    assert re.match(rf"# {number}[.:] \S", text)
    found = {word for pair in SETTLED.findall(text) for word in pair if word}
    assert any(parts <= found for parts in PARTS), f"{page.name}: {sorted(found)}"


def test_decisions_are_numbered_once():
    numbers = [page.stem[:3] for page in DECISIONS]
    assert len(numbers) == len(set(numbers))
