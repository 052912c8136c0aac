"""Cross checks of a recipe: formula, targets, set points against the line, order of phases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from config.condition_checks import check_condition
from config.library import Materials
from config.line_checks import known_tags, refer, unique
from config.models import Line, Monomer, PhaseUse, Recipe, Span
from config.physics import physics_problems
from config.positions import Path
from config.problems import Category, suggestion
from config.source import Source
from config.vocabulary import DIAMINES, DIANHYDRIDES, PHASES

_BELT_SHARE = (0.6, 0.8, 1.0, 1.0)  # share of the belt offset taken by B1..B4
_MOL_TOLERANCE = 0.01


def check_recipe(
    source: Source, recipe: Recipe, line: Line | None, materials: Materials | None
) -> None:
    """Report everything in a recipe that does not fit together, to its line or its materials."""
    _check_formula(source, recipe)
    _check_targets(source, recipe)
    _check_procedure(source, recipe)
    if materials is not None:
        _check_materials(source, recipe, materials)
    if line is not None:
        _check_on_line(source, recipe, line)
    if line is not None and materials is not None and not source.problems:
        for finding in physics_problems(recipe, line, materials):
            source.report(Category.PHYSICS, finding.path, finding.message, finding.allowed)


# --- formula, targets ------------------------------------------------------------------------


def _check_formula(source: Source, recipe: Recipe) -> None:
    for part in ("core", "coating"):
        formula = getattr(recipe, part)
        for key, known in (("dianhydrides", DIANHYDRIDES), ("diamines", DIAMINES)):
            _check_monomers(source, (part, key), getattr(formula, key), known)
    unique(
        source, [(("coated", i, "side"), coat.side) for i, coat in enumerate(recipe.coated)], "side"
    )
    for i, coat in enumerate(recipe.coated):
        if coat.tolerance_um >= coat.layer_um:
            source.report(
                Category.CONTRADICTION,
                ("coated", i, "tolerance_um"),
                "allows a layer of nothing",
                f"less than layer_um = {coat.layer_um:g}",
            )


def _check_monomers(
    source: Source, path: Path, monomers: Sequence[Monomer], known: Mapping[str, str]
) -> None:
    for i, monomer in enumerate(monomers):
        if monomer.name not in known:
            allowed = suggestion(monomer.name, known) or "one of " + ", ".join(known)
            source.report(Category.REFERENCE, (*path, i, "name"), "no such monomer", allowed)
    unique(source, [((*path, i, "name"), m.name) for i, m in enumerate(monomers)], "monomer")
    total = sum(monomer.mol_pct for monomer in monomers)
    if abs(total - 100.0) > _MOL_TOLERANCE:
        source.report(
            Category.CONTRADICTION,
            path,
            f"shares add up to {total:g} mol%",
            "they must add up to 100 mol%",
            show=False,
        )


def _check_targets(source: Source, recipe: Recipe) -> None:
    targets = recipe.targets
    for key in ("modulus_md_gpa", "cte_ppm_per_c", "loh_peel_pct", "loh_reject_pct"):
        low, high = getattr(targets, key)
        if low >= high:
            source.report(
                Category.CONTRADICTION, ("targets", key), "the lower end is not below the upper"
            )
            return
    (low, high), (least, most) = targets.loh_peel_pct, targets.loh_reject_pct
    if low < least or high > most:
        source.report(
            Category.CONTRADICTION,
            ("targets", "loh_peel_pct"),
            "wider than the window outside which film is scrap",
            f"within loh_reject_pct = {least:g} to {most:g} %",
        )
    if targets.core_tolerance_um >= targets.core_um:
        source.report(
            Category.CONTRADICTION,
            ("targets", "core_tolerance_um"),
            "allows a core of nothing",
            f"less than core_um = {targets.core_um:g}",
        )
    settings = recipe.settings
    if settings.thread_speed_m_min > settings.run_speed_m_min:
        source.report(
            Category.CONTRADICTION,
            ("settings", "thread_speed_m_min"),
            "threading faster than running",
            f"at most run_speed_m_min = {settings.run_speed_m_min:g}",
        )


def _check_materials(source: Source, recipe: Recipe, materials: Materials) -> None:
    for part in ("core", "coating"):
        formula = getattr(recipe, part)
        refer(source, (part, "solvent"), formula.solvent, materials.solvents, "solvent")
        known = all(m.name in DIANHYDRIDES for m in formula.dianhydrides) and all(
            m.name in DIAMINES for m in formula.diamines
        )
        if known and materials.polymer_of(formula.dianhydrides, formula.diamines) is None:
            source.report(
                Category.REFERENCE,
                (part, "dianhydrides"),
                "no material file has exactly these monomers",
                "known: " + ", ".join(materials.polymers),
                show=False,
            )
    refer(source, ("coating", "agent"), recipe.coating.agent, materials.agents, "agent")


# --- against the line ------------------------------------------------------------------------


def _check_on_line(source: Source, recipe: Recipe, line: Line) -> None:
    if recipe.recipe.line != line.line.name:
        source.report(
            Category.REFERENCE,
            ("recipe", "line"),
            "the recipe is not for this line",
            f"this line is '{line.line.name}'",
        )
    ranges = _write_ranges(line)
    for path, value, tag in _set_points(recipe, line):
        span = ranges.get(tag)
        if span is not None and not span[0] <= value <= span[1]:
            source.report(
                Category.RANGE,
                path,
                f"outside what {tag} takes",
                f"allowed {span[0]:g} to {span[1]:g}",
            )
    _check_belt_offsets(source, recipe, line, ranges)
    tags = known_tags(line)
    for path, value, tag in (
        (("settings", "tension_gel_n_m"), recipe.settings.tension_gel_n_m, "NT-231.PV"),
        (("settings", "tension_cured_n_m"), recipe.settings.tension_cured_n_m, "NT-601.PV"),
    ):
        if tag in tags and not 0.0 < value <= tags[tag].high:
            source.report(
                Category.RANGE,
                path,
                f"outside what {tag} can measure",
                f"allowed 0 to {tags[tag].high:g} N/m",
            )
    for i, unit in enumerate(recipe.unit):
        for j, phase in enumerate(unit.phase):
            if phase.until is not None:
                check_condition(source, ("unit", i, "phase", j, "until"), phase.until, tags)


def _write_ranges(line: Line) -> dict[str, Span]:
    return {t.name: t.write.range for i in line.instrument for t in i.tags if t.write is not None}


def _set_points(recipe: Recipe, line: Line) -> Iterator[tuple[Path, float, str]]:
    """Every set point of the recipe with the tag that will take it."""
    settings = recipe.settings
    zones = sorted(line.zone, key=lambda zone: zone.from_m)
    by_kind = {
        "belt": ("belt_c", settings.belt_c),
        "dryer": ("dryer_c", settings.dryer_c),
        "tenter": ("tenter_c", settings.tenter_c),
        "cooler": ("cooler_c", settings.cooler_c),
        "die": ("die_c", settings.die_c),
    }
    for kind, (key, value) in by_kind.items():
        loops = [zone.loop for zone in zones if zone.kind == kind]
        values = value if isinstance(value, tuple) else (value,)
        for i, (loop, each) in enumerate(zip(loops, values, strict=False)):
            path = ("settings", key, i) if isinstance(value, tuple) else ("settings", key)
            yield path, each, f"{loop}.SP"
    for key in ("run_speed_m_min", "thread_speed_m_min"):
        yield ("settings", key), getattr(settings, key), "SIC-210.SP"


def _check_belt_offsets(
    source: Source, recipe: Recipe, line: Line, ranges: Mapping[str, Span]
) -> None:
    loops = [zone.loop for zone in sorted(line.zone, key=lambda z: z.from_m) if zone.kind == "belt"]
    for key in ("belt_offset_thread_k", "belt_offset_run_k"):
        offset = getattr(recipe.settings, key)
        for loop, base, share in zip(loops, recipe.settings.belt_c, _BELT_SHARE, strict=False):
            span = ranges.get(f"{loop}.SP")
            if span is None or not span[0] <= base <= span[1]:
                continue  # reported at belt_c
            if not span[0] <= base + share * offset <= span[1]:
                source.report(
                    Category.RANGE,
                    ("settings", key),
                    f"puts {loop} at {base + share * offset:g} degC",
                    f"allowed {span[0]:g} to {span[1]:g} degC",
                )
                break


# --- procedure -------------------------------------------------------------------------------


def _check_procedure(source: Source, recipe: Recipe) -> None:
    unique(source, [(("unit", i, "name"), u.name) for i, u in enumerate(recipe.unit)], "unit name")
    graph: dict[str, list[str]] = {}
    places: dict[str, Path] = {}
    names = {f"{u.name}.{phase_name(p)}" for u in recipe.unit for p in u.phase}
    for i, unit in enumerate(recipe.unit):
        previous: list[str] = []
        entries: list[tuple[Path, object]] = []
        for j, phase in enumerate(unit.phase):
            path: Path = ("unit", i, "phase", j)
            refer(source, (*path, "use"), phase.use, PHASES, "phase")
            entries.append(((*path, "name" if phase.name else "use"), phase_name(phase)))
            for k, other in enumerate(phase.after):
                refer(source, (*path, "after", k), other, names, "phase (unit.phase)")
            full = f"{unit.name}.{phase_name(phase)}"
            graph[full] = [*previous, *(name for name in phase.after if name in names)]
            places[full] = (*path, "after") if phase.after else path
            previous = [full]
        unique(source, entries, "phase of this unit")
    if not source.problems:
        _check_cycle(source, graph, places)


def phase_name(phase: PhaseUse) -> str:
    """Name of a phase inside its unit: its own, or that of its class."""
    return phase.name or phase.use


def _check_cycle(
    source: Source, graph: Mapping[str, Sequence[str]], places: Mapping[str, Path]
) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        loop: list[str] = error.args[1]
        waiting = [name for name in loop if places[name][-1] == "after"]
        start = min(waiting or loop, key=lambda name: source.positions.value(places[name]))
        source.report(
            Category.CONTRADICTION,
            places[start],
            "phases wait for each other: " + " <- ".join(loop),
            show=False,
        )
