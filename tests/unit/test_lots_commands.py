"""``filmline lot ...`` as a person types it: answers, JSON, refusals and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.materials.book import Book
from controller.materials.commands import lot_app
from controller.materials.errors import BadEntry
from controller.materials.simulated import make_simulated
from controller.materials.wording import parse_amount, parse_part, parse_span_s, parse_when, span
from tests.fake_line import core25, materials, pilot

RECIPE = str(Path(__file__).resolve().parents[2] / "config" / "recipes" / "core25_layer030.toml")
NS = 1_000_000_000
DOPE = ["receive", "A-1", "--kind", "dope", "--what", "s-BPDA/PPD", "--solids", "18",
        "--solvent", "DMAc", "--amount", "100kg"]  # fmt: skip


class Floor:
    """A floor with its own book; ``ok`` and ``no`` type a command."""

    def __init__(self, book: Path) -> None:
        self.book = book

    def type(self, *words: str):
        return CliRunner().invoke(lot_app, [*words, "--book", str(self.book)])

    def ok(self, *words: str) -> str:
        result = self.type(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str):
        return json.loads(self.ok(*words, "--json"))

    def no(self, *words: str) -> str:
        result = self.type(*words)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        return result.stderr


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(tmp_path / "lots.sqlite")


def stock(floor: Floor) -> None:
    floor.ok("receive", "P", "--kind", "precursor", "--what", "a-BPDA/PPD", "--solids", "12",
             "--solvent", "DMAc", "--amount", "20kg")  # fmt: skip
    floor.ok("receive", "G", "--kind", "agent", "--what", core25().coating.agent,
             "--amount", "2000g")  # fmt: skip
    floor.ok("receive", "S", "--kind", "solvent", "--what", "DMAc", "--amount", "50")


def test_receive_keeps_what_was_typed(floor: Floor) -> None:
    lot = floor.json(*DOPE, "--supplier", "works", "--supplier-lot", "77-1", "--made=-3d",
                     "--expires", "27d", "--viscosity", "171")  # fmt: skip
    assert (lot["lot"], lot["left"], lot["unit"], lot["usable"]) == ("A-1", 100.0, "kg", True)
    assert (lot["supplier_lot"], lot["viscosity_pa_s"]) == ("77-1", 171.0)
    assert lot["age_s"] == pytest.approx(3 * 86400.0, abs=1.0)
    assert lot["good_until_ns"] - lot["made_ns"] == 30 * 86400 * NS


def test_a_coating_liquid_has_a_pot_life_of_a_day_unless_told(floor: Floor) -> None:
    stock(floor)
    parts = ["--from", "P=4kg", "--from", "G=240g", "--from", "S=7.76kg"]
    lot = floor.json("mix", "B-1", "--recipe", RECIPE, *parts)
    assert lot["pot_life_h"] == 24.0
    assert lot["components"] == [["P", 4.0], ["G", 0.24], ["S", 7.76]]
    shorter = floor.json("mix", "B-2", "--recipe", RECIPE, *parts, "--pot-life", "8h")
    assert shorter["pot_life_h"] == 8.0


def test_a_refused_mixture_says_what_was_weighed_and_changes_nothing(floor: Floor) -> None:
    stock(floor)
    before = floor.json("list")
    said = floor.no("mix", "B-1", "--recipe", RECIPE, "--from", "P=4kg", "--from", "G=300g",
                    "--from", "S=7.7kg")  # fmt: skip
    assert "agent 2.500 wt% weighed, 2 ± 0.04 wanted" in said
    after = floor.json("list")
    assert [lot["left"] for lot in after["lots"]] == [lot["left"] for lot in before["lots"]]


def test_load_swap_unload_and_close(floor: Floor) -> None:
    floor.ok(*DOPE)
    assert floor.json("load", "A-1", "--tank", "DOPE", "--amount", "60kg")["left"] == 60.0
    assert "--onto swap" in floor.no("load", "A-1", "--tank", "DOPE")
    assert floor.json("load", "A-1", "--tank", "DOPE", "--onto", "top-up")["left"] == 100.0
    assert "unload it first" in floor.no("close", "A-1", "--as", "used-up", "--reason", "done")
    assert floor.json("unload", "DOPE")["charge"] is None
    closed = floor.json("close", "A-1", "--as", "discarded", "--reason", "gelled")
    assert (closed["closed"], closed["why"], closed["usable"]) == ("discarded", "gelled", False)
    assert floor.json("list")["lots"] == []
    assert [lot["lot"] for lot in floor.json("list", "--all")["lots"]] == ["A-1"]


def test_show_tells_the_history_with_who_and_why(floor: Floor) -> None:
    floor.ok(*DOPE, "--reason", "delivery 14")
    floor.ok("load", "A-1", "--tank", "DOPE", "--reason", "night shift")
    said = floor.ok("show", "A-1")
    assert "delivery 14" in said
    assert "night shift" in said
    assert "s-BPDA/PPD 18 wt% in DMAc" in said


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["load", "A-7", "--tank", "DOPE"], "no lot A-7; open lots: A-1"),
        (["load", "A-1", "--tank", "VAT"], "it has: DOPE, COAT_A, COAT_B, LEADER, CORE"),
        (["load", "A-1", "--tank", "DOPE", "--amount", "5m"], "a number in kg or g"),
        (["show", "A-7"], "it knows: A-1"),
        ([*DOPE], "a name is never used twice"),
        ([*DOPE[:1], "A-2", *DOPE[2:], "--made", "soon"], "write -26h"),
    ],
)
def test_every_error_says_what_is_allowed(floor: Floor, words: list[str], text: str) -> None:
    floor.ok(*DOPE)
    assert text in floor.no(*words)


def test_without_a_book_the_message_says_how_to_begin(floor: Floor) -> None:
    assert "receive a lot to begin one" in floor.no("list")
    assert not floor.book.exists()


def test_a_simulated_book_is_marked(floor: Floor) -> None:
    make_simulated(floor.book, pilot(), core25(), materials(), 5 * 10**18).close()
    assert "SIMULATED" in floor.ok("list")
    assert floor.json("list")["plant"] == "SIMULATED"
    with Book.open(floor.book) as book:
        assert book.simulated


def test_times_and_amounts_as_people_type_them() -> None:
    now = 1_000_000 * NS
    assert parse_when("-26h", now) == now - 26 * 3600 * NS
    assert parse_when("30d", now) == now + 30 * 86400 * NS
    assert parse_when("1970-01-02T00:00", now) == 86400 * NS
    assert parse_when("1970-01-02T02:00+02:00", now) == 86400 * NS
    assert parse_span_s("1h30m") == 5400.0
    assert parse_amount("760 g", "kg") == 0.76
    assert parse_amount("12", "pieces") == 12.0
    assert parse_part("P-17=2.5kg") == ("P-17", 2.5)
    assert [span(s) for s in (90.0, 7200.0, 3 * 86400.0, -90.0)] == [
        "2 min", "2.0 h", "3 d 0 h", "-2 min"
    ]  # fmt: skip
    for bad in ("", "-", "yesterday"):
        with pytest.raises(BadEntry):
            parse_when(bad, now)
    with pytest.raises(BadEntry, match="LOT=AMOUNT"):
        parse_part("2.5kg")
