import pytest

from config.units import CANONICAL, OTHERS, advice, canonical, convert, known


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        (1.47, "g/cm3", "kg/m3", 1470.0),
        (25.0, "bar", "MPa", 2.5),
        (438.2, "K_abs", "degC", 165.05),
        (212.0, "degF", "degC", 100.0),
        (300.0, "nm", "um", 0.3),
        (27.0, "kcal/mol", "kJ/mol", 112.968),
        (0.62, "kg/kg", "kg/kg", 0.62),
        (2.0, "h", "s", 7200.0),
    ],
)
def test_numbers_are_converted_to_the_canonical_unit(value, unit, wanted, expected):
    assert convert(value, unit, wanted) == pytest.approx(expected, rel=1e-9)


def test_different_quantities_are_refused():
    with pytest.raises(ValueError, match="GPa is not a unit of density"):
        convert(1.0, "GPa", "kg/m3")
    with pytest.raises(KeyError):
        convert(1.0, "furlong", "m")


def test_every_other_unit_leads_to_a_canonical_one_and_advice_shows_how():
    assert len(OTHERS) >= 15
    for unit, other in OTHERS.items():
        assert known(unit)
        assert canonical(unit) == other.canonical
        assert other.canonical in CANONICAL
        assert unit not in CANONICAL
    assert advice("bar") == "write MPa: 1 bar = 0.1 MPa"
    assert advice("degF") == "write degC: 1 degF = 0.555556 -17.7778 degC"
    assert advice("parsec") == ""
