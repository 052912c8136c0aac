"""The lot book: rules, replay, the append-only file and two processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from config.loader import load_recipe
from controller.materials.book import Book
from controller.materials.errors import BookMissing, NotABook, Refused
from controller.materials.lots import HOUR_NS, Kind, Sheet
from controller.materials.match import mismatch
from controller.materials.simulated import copy_for_run, make_simulated
from tests.fake_line import core25, materials, pilot

NOW = 1_767_225_600_000_000_000
WHO = "kim"
ROOT = Path(__file__).resolve().parents[2]


def dope(name: str = "A-1", **changes) -> Sheet:
    values = {"solids_wt_pct": 18.0, "solvent": "DMAc"} | changes
    return Sheet(name, Kind.DOPE, "s-BPDA/PPD", 100.0, NOW - HOUR_NS, **values)


def coating(name: str = "B-1", **changes) -> Sheet:
    values = {
        "solids_wt_pct": 4.0, "solvent": "DMAc", "pot_life_h": 24.0, "agent_wt_pct": 2.0,
        "agent": "N-phenyl-g-aminopropyltriethoxysilane",
    } | changes  # fmt: skip
    return Sheet(name, Kind.COATING, "a-BPDA/PPD", 10.0, NOW - HOUR_NS, **values)


@pytest.fixture
def book(tmp_path: Path):
    with Book.open(tmp_path / "lots.sqlite", create=True) as found:
        yield found


def stock(book: Book) -> None:
    """Components of the coating liquid of core25."""
    silane = "N-phenyl-g-aminopropyltriethoxysilane"
    for sheet in (
        Sheet("P", Kind.PRECURSOR, "a-BPDA/PPD", 20.0, NOW, solvent="DMAc", solids_wt_pct=12.0),
        Sheet("G", Kind.AGENT, silane, 2.0, NOW),
        Sheet("S", Kind.SOLVENT, "DMAc", 50.0, NOW),
    ):
        book.receive(sheet, materials(), NOW, WHO)


def mixed(book: Book, *parts: tuple[str, float], made_ns: int = NOW):
    sheet = Sheet("B", Kind.COATING, "", 0.0, made_ns, pot_life_h=24.0)
    return book.mix(sheet, parts, core25(), materials(), NOW, WHO)


def refusal(call, *parts: str) -> None:
    with pytest.raises(Refused) as caught:
        call()
    text = str(caught.value)
    for part in parts:
        assert part in text, text


# --- rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "text"),
    [
        (dope("bad name!"), "letters, digits"),
        (dope(solids_wt_pct=0.0), "give precursor in the solution"),
        (dope(solvent="water"), "known are DMAc, NMP"),
        (dope(expires_ns=NOW - 1), "it has expired"),
        (dope(viscosity_pa_s=-1.0), "viscosity"),
        (coating(agent="salt"), "no agent 'salt'"),
        (coating(pot_life_h=0.5), "beyond its pot life of 0.5 h"),
        (Sheet("X", Kind.DOPE, "nylon", 1.0, NOW), "no polymer 'nylon'"),
        (Sheet("X", Kind.LEADER, "film", 0.0, NOW), "give more than 0"),
        (Sheet("X", Kind.LEADER, "film", 5.0, NOW + 1), "made in the future"),
    ],
)
def test_a_lot_is_refused_with_what_is_allowed(book: Book, sheet: Sheet, text: str) -> None:
    refusal(lambda: book.receive(sheet, materials(), NOW, WHO), text)
    assert book.floor().lots == {}
    assert book.entries() == []


def test_every_reason_is_given_at_once(book: Book) -> None:
    sheet = Sheet("X", Kind.DOPE, "nylon", -1.0, NOW + 5, solvent="water")
    refusal(
        lambda: book.receive(sheet, materials(), NOW, WHO),
        "no polymer", "no solvent", "solids", "future", "more than 0",
    )  # fmt: skip


def test_a_name_is_never_used_twice_even_when_the_lot_is_closed(book: Book) -> None:
    book.receive(dope(), materials(), NOW, WHO)
    book.close_lot("A-1", "discarded", NOW, WHO, "dropped")
    refusal(lambda: book.receive(dope(), materials(), NOW, WHO), "never used twice")


def test_mixing_books_what_was_weighed_in_and_states_the_composition(book: Book) -> None:
    stock(book)
    floor = mixed(book, ("P", 4.0), ("G", 0.241), ("S", 7.76))
    sheet = floor.lots["B"].sheet
    assert sheet.amount == pytest.approx(12.001)
    assert sheet.solids_wt_pct == pytest.approx(48.0 / 12.001)
    assert sheet.agent_wt_pct == pytest.approx(24.1 / 12.001)
    assert sheet.solvent == "DMAc"
    assert [floor.lots[n].left for n in "PGS"] == pytest.approx([16.0, 1.759, 42.24])


@pytest.mark.parametrize(
    ("parts", "texts"),
    [
        ([("P", 4.0), ("G", 0.26), ("S", 7.74)], ["agent 2.167 wt% weighed, 2 ± 0.04"]),
        ([("P", 5.0), ("G", 0.24), ("S", 6.76)], ["precursor 5.000 wt% weighed, 4 ± 0.08"]),
        ([("P", 25.0), ("G", 0.24), ("S", 7.76)], ["P: 25 kg wanted, 20.000 kg are left"]),
        ([("P", 4.0), ("Z", 0.24)], ["no lot Z", "open lots: P, G, S"]),
        ([("P", 4.0), ("P", 0.24)], ["P is named twice"]),
        ([], ["no component given"]),
    ],
)
def test_a_mixture_off_its_recipe_uses_nothing_up(book: Book, parts, texts) -> None:
    stock(book)
    refusal(lambda: mixed(book, *parts), *texts)
    floor = book.floor()
    assert "B" not in floor.lots
    assert [floor.lots[n].left for n in "PGS"] == [20.0, 2.0, 50.0]


def test_the_wrong_polymer_is_told_even_when_the_weights_are_right(book: Book) -> None:
    stock(book)
    odd = Sheet("Q", Kind.PRECURSOR, "a-BPDA/ODA", 20.0, NOW, solvent="DMAc", solids_wt_pct=12.0)
    book.receive(odd, materials(), NOW, WHO)
    refusal(
        lambda: mixed(book, ("Q", 4.0), ("G", 0.24), ("S", 7.76)),
        "it is a-BPDA/ODA", "the recipe wants a-BPDA/PPD",
    )  # fmt: skip


def test_an_expired_component_may_not_be_weighed_in(book: Book) -> None:
    stock(book)
    old = Sheet("S2", Kind.SOLVENT, "DMAc", 50.0, NOW - 9, expires_ns=NOW + HOUR_NS)
    book.receive(old, materials(), NOW, WHO)
    later = NOW + 2 * HOUR_NS
    sheet = Sheet("B", Kind.COATING, "", 0.0, later, pot_life_h=24.0)
    parts = (("P", 4.0), ("G", 0.24), ("S2", 7.76))
    refusal(lambda: book.mix(sheet, parts, core25(), materials(), later, WHO), "S2 has expired")


def test_a_tank_takes_its_kind_and_no_more_than_it_holds(book: Book) -> None:
    book.receive(dope(), materials(), NOW, WHO)
    refusal(lambda: book.load(pilot(), "A-1", "COAT_A", NOW, WHO), "COAT_A", "takes coating",
            "room for 20.000")  # fmt: skip
    refusal(lambda: book.load(pilot(), "A-1", "SILO", NOW, WHO), "no such tank", "DOPE, COAT_A")
    refusal(lambda: book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=101.0), "only 100.000 kg")


def test_a_liquid_beyond_its_pot_life_is_not_loaded(book: Book) -> None:
    book.receive(coating(), materials(), NOW, WHO)
    late = NOW + 24 * HOUR_NS
    refusal(lambda: book.load(pilot(), "B-1", "COAT_A", late, WHO), "beyond its pot life of 24 h")


def test_a_full_tank_must_be_swapped_or_topped_up(book: Book) -> None:
    for name in ("A-1", "A-2"):
        book.receive(dope(name), materials(), NOW, WHO)
    first = book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=60.0).tanks["DOPE"].number
    refusal(lambda: book.load(pilot(), "A-2", "DOPE", NOW, WHO), "still holds 60.000 kg of A-1",
            "swap", "top-up")  # fmt: skip
    book.draw("DOPE", first, "run", 20.0, NOW, WHO)
    floor = book.load(pilot(), "A-2", "DOPE", NOW, WHO, amount=60.0, onto="top-up")
    assert floor.tanks["DOPE"].shares() == pytest.approx({"A-1": 0.4, "A-2": 0.6})
    floor = book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=40.0, onto="swap")
    assert floor.tanks["DOPE"].shares() == {"A-1": 1.0}
    # 100 - 60 - 40 loaded, + 40 back from the mixture; 100 - 60, + 60 back
    assert floor.lots["A-1"].left == pytest.approx(40.0)
    assert floor.lots["A-2"].left == pytest.approx(100.0)


def test_other_materials_are_not_mixed_in_a_tank(book: Book) -> None:
    book.receive(dope(), materials(), NOW, WHO)
    other = Sheet("A-2", Kind.DOPE, "PMDA/ODA", 50.0, NOW, solvent="DMAc", solids_wt_pct=18.0)
    book.receive(other, materials(), NOW, WHO)
    book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=60.0)
    refusal(
        lambda: book.load(pilot(), "A-2", "DOPE", NOW, WHO, onto="top-up"),
        "A-1 inside is s-BPDA/PPD", "only --onto swap",
    )  # fmt: skip
    assert list(book.load(pilot(), "A-2", "DOPE", NOW, WHO, onto="swap").tanks["DOPE"].shares())


def test_what_was_drawn_before_a_swap_but_booked_after_is_not_there_twice(book: Book) -> None:
    for name in ("A-1", "A-2"):
        book.receive(dope(name), materials(), NOW, WHO)
    first = book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=60.0).tanks["DOPE"].number
    book.load(pilot(), "A-2", "DOPE", NOW, WHO, amount=50.0, onto="swap")
    floor = book.draw("DOPE", first, "run", 10.0, NOW, WHO)
    assert floor.lots["A-1"].left == pytest.approx(90.0)
    assert floor.tanks["DOPE"].left == pytest.approx(50.0)


def test_late_drawing_after_a_top_up_comes_out_of_the_mixture(book: Book) -> None:
    for name in ("A-1", "A-2"):
        book.receive(dope(name), materials(), NOW, WHO)
    first = book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=60.0).tanks["DOPE"].number
    book.load(pilot(), "A-2", "DOPE", NOW, WHO, amount=50.0, onto="top-up")
    floor = book.draw("DOPE", first, "run", 10.0, NOW, WHO)
    assert dict(floor.tanks["DOPE"].portions) == pytest.approx({"A-1": 50.0, "A-2": 50.0})


def test_booking_the_same_total_twice_draws_once(book: Book) -> None:
    book.receive(dope(), materials(), NOW, WHO)
    number = book.load(pilot(), "A-1", "DOPE", NOW, WHO).tanks["DOPE"].number
    for _ in range(2):
        floor = book.draw("DOPE", number, "run", 7.5, NOW, WHO)
    assert floor.tanks["DOPE"].left == pytest.approx(92.5)


def test_a_lot_in_a_tank_is_not_closed_and_closing_needs_a_reason(book: Book) -> None:
    book.receive(dope(), materials(), NOW, WHO)
    book.load(pilot(), "A-1", "DOPE", NOW, WHO, amount=10.0)
    refusal(lambda: book.close_lot("A-1", "gone", NOW, WHO, " "), "it lies in DOPE",
            "one of used-up, discarded", "give a reason")  # fmt: skip
    book.unload(pilot(), "DOPE", "discard", NOW, WHO)
    floor = book.close_lot("A-1", "used-up", NOW, WHO, "empty drum")
    assert (floor.lots["A-1"].closed, floor.lots["A-1"].left) == ("used-up", 90.0)
    refusal(lambda: book.load(pilot(), "A-1", "DOPE", NOW, WHO), "closed (used-up: empty drum)")


# --- the file ------------------------------------------------------------------------------------


def test_entries_cannot_be_changed_or_deleted(book: Book) -> None:
    book.receive(dope(), materials(), NOW, WHO)
    raw = apsw.Connection(str(book.path))
    for text in ("UPDATE entry SET actor = 'eve'", "DELETE FROM entry"):
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            raw.execute(text)
    raw.close()
    assert book.entries()[0].actor == WHO


def test_another_process_sees_an_entry_and_the_book_tells_it_changed(book: Book) -> None:
    assert book.changed()
    assert not book.changed()
    with Book.open(book.path) as other:
        other.receive(dope(), materials(), NOW, WHO)
    assert book.changed()
    assert list(book.floor().lots) == ["A-1"]


def test_a_book_read_again_from_its_file_is_the_same(book: Book) -> None:
    stock(book)
    mixed(book, ("P", 4.0), ("G", 0.24), ("S", 7.76))
    book.load(pilot(), "B", "COAT_A", NOW, WHO, amount=5.0)
    with Book.open(book.path) as other:
        assert other.floor() == book.floor()


def test_two_processes_cannot_use_the_same_kilogram(book: Book) -> None:
    """Four processes load 30 kg each of a lot of 100 kg; the fourth finds too little."""
    book.receive(dope(), materials(), NOW, WHO)
    script = (
        "import sys; from pathlib import Path\n"
        "from controller.materials.book import Book\n"
        "from controller.materials.errors import Refused\n"
        "from tests.fake_line import pilot\n"
        f"with Book.open(Path({str(book.path)!r})) as book:\n"
        "    try:\n"
        f"        book.load(pilot(), 'A-1', 'DOPE', {NOW}, 'p', amount=30.0, onto='top-up')\n"
        "    except Refused:\n"
        "        sys.exit(3)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) for _ in range(4)]
    ended = sorted(process.wait(60) for process in running)
    floor = book.floor()
    assert ended == [0, 0, 0, 3]
    assert floor.lots["A-1"].left == pytest.approx(10.0)
    assert floor.tanks["DOPE"].left == pytest.approx(90.0)


def test_processes_that_begin_the_book_together_all_get_in(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lots.sqlite"
    script = (
        "import sys; from pathlib import Path\n"
        "from controller.materials.book import Book\n"
        "from controller.materials.lots import Kind, Sheet\n"
        "from config.loader import load_materials\n"
        f"with Book.open(Path({str(path)!r}), create=True) as book:\n"
        f"    sheet = Sheet(sys.argv[1], Kind.LEADER, 'film', 5.0, {NOW})\n"
        f"    book.receive(sheet, load_materials(), {NOW}, 'p')\n"
    )
    names = ["L1", "L2", "L3"]
    running = [subprocess.Popen([sys.executable, "-c", script, n], cwd=ROOT) for n in names]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with Book.open(path) as book:
        assert sorted(book.floor().lots) == names


def test_a_missing_or_foreign_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(BookMissing, match="no lot book here"):
        Book.open(tmp_path / "none.sqlite")
    text = tmp_path / "text.sqlite"
    text.write_text("this is a text, long enough to be taken for a header of a database file")
    with pytest.raises(NotABook, match="not a lot book"):
        Book.open(text)
    other = tmp_path / "other.sqlite"
    connection = apsw.Connection(str(other))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    with pytest.raises(NotABook, match="not a lot book"):
        Book.open(other)


# --- simulated books ---------------------------------------------------------------------------


def test_a_simulated_book_has_the_lots_of_the_recipe_and_full_tanks(tmp_path: Path) -> None:
    path = tmp_path / "lots.sqlite"
    with make_simulated(path, pilot(), core25(), materials(), NOW) as book:
        floor = book.floor()
    assert floor.simulated
    assert list(floor.tanks["DOPE"].shares()) == [core25().core.lot]
    assert list(floor.tanks["COAT_A"].shares()) == [core25().coating.lot]
    assert all(floor.tanks[t.name].left >= 0.9 * t.capacity for t in pilot().tank)
    assert floor.lots[core25().coating.lot].sheet.made_ns == NOW - HOUR_NS


def test_a_dry_run_works_on_a_copy_that_starts_at_the_last_entry(book: Book, tmp_path) -> None:
    book.receive(coating(), materials(), NOW, WHO)
    book.load(pilot(), "B-1", "COAT_A", NOW + HOUR_NS, WHO)
    epoch = 5 * HOUR_NS
    with copy_for_run(book.path, tmp_path / "copy.sqlite", epoch) as copy:
        floor = copy.floor()
        copy.draw("COAT_A", floor.tanks["COAT_A"].number, "run", 1.0, epoch, WHO)
    assert floor.simulated
    assert floor.ns == epoch
    assert floor.lots["B-1"].sheet.made_ns == epoch - 2 * HOUR_NS
    assert book.floor().tanks["COAT_A"].left == pytest.approx(10.0)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config" / "recipes").glob("*.toml")), ids=lambda f: f.stem
)
def test_every_shipped_recipe_gets_lots_that_fit_it(file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(file)
    with make_simulated(tmp_path / "b.sqlite", pilot(), recipe, materials(), NOW) as book:
        floor = book.floor()
    for tank in pilot().tank:
        (lot,) = floor.tanks[tank.name].shares()
        assert mismatch(floor.lots[lot].sheet, recipe, materials()) == ""
