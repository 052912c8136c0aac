"""The lot report as one HTML file: no script, no network, opens anywhere, prints well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from config.models import Side
from controller.report.facts import EventRow, Evidence, LotFacts, Result
from controller.report.results import layer_key

_TINY = 0.001

_CSS = """
:root{color-scheme:light}
body{font:15px/1.45 system-ui,sans-serif;color:#1A1A1A;background:#F5F5F5;margin:0}
main{max-width:62rem;margin:0 auto;padding:1.5rem;background:#fff}
h1{font-size:1.5rem;margin:.2rem 0}
h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid #D4D4D4}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid #ECECEC;vertical-align:top}
th{color:#404040;font-weight:600}td.n{text-align:right}
.verdict{font-weight:600}.fail{color:#B00020}.unknown{color:#404040}
.mark{display:inline-block;border:2px solid #1A1A1A;padding:.1rem .6rem;font-weight:700}
.facts{display:grid;
grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.6rem;margin:1rem 0}
.facts div{background:#F5F5F5;padding:.5rem .7rem}.facts b{display:block;font-size:1.25rem}
figure{margin:.8rem 0}figcaption{font-size:.85rem;color:#404040}
svg{width:100%;height:auto}code{font-size:.8rem;word-break:break-all}
.scroll{max-height:26rem;overflow:auto}.scroll td:first-child{white-space:nowrap}
@media print{.scroll{max-height:none}body{background:#fff}}
"""


def render(facts: LotFacts) -> str:
    """The whole page for one lot."""
    body = "".join(
        (
            _head(facts),
            _section("Targets against results", _results(facts.results)),
            _section("Along the roll", _plots(facts)),
            _section("The line during the run", _trends(facts)),
            _section("Meters that are not good", _rejects(facts)),
            _section("Rolls", _rolls(facts)),
            _section("Claims, as the recipe is written", _claims(facts)),
            _section("Materials", _pairs(facts.materials)),
            _section(f"Alarms ({len(facts.alarms)})", _events(facts.alarms)),
            _section(f"Events ({len(facts.events)})", _events(facts.events)),
            _section("Gaps in the record", _gaps(facts)),
            _section("Identity", _pairs(_identity(facts), code=True)),
            _notes(facts.notes),
        )
    )
    title = f"Lot {escape(facts.lot)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{title}</title><link rel="icon" href="data:,"><style>{_CSS}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def _head(facts: LotFacts) -> str:
    mark = '<span class="mark">SIMULATED</span> ' if facts.simulated else ""
    tiles = {
        "ended": facts.state,
        "collected": f"{facts.meters_collected:.1f} m",
        "good": f"{facts.meters_good:.1f} m",
        "line time": duration(facts.line_seconds),
        "started (UTC)": facts.started_utc,
    }
    cells = "".join(
        f"<div>{escape(name)}<b>{escape(value)}</b></div>" for name, value in tiles.items()
    )
    seal = (
        ""
        if facts.sealed
        else "<p class=fail>This record was not closed: it may be incomplete.</p>"
    )
    return (
        f"<h1>Lot {escape(facts.lot)}</h1><p>{mark}Recipe {escape(facts.recipe)} on line "
        f'{escape(facts.line)}</p>{seal}<div class="facts">{cells}</div>'
    )


def _results(results: Sequence[Result]) -> str:
    rows = []
    for item in results:
        if item.again:
            continue
        verdict, css = {True: ("met", "verdict"), False: ("NOT MET", "verdict fail"),
                        None: ("not demonstrated", "verdict unknown")}[item.passed]  # fmt: skip
        sigma = f" ± {_number(item.sigma)}" if item.sigma >= _TINY else ""
        value = "" if math.isnan(item.value) else f"{_number(item.value)}{sigma} {item.unit}"
        rows.append(
            (item.label, _range(item), value, f'<span class="{css}">{verdict}</span>',
             f"{item.evidence.value}: {escape(item.note)}")
        )  # fmt: skip
    return _table(("quantity", "target", "result", "verdict", "how it is known"), rows, raw=(3, 4))


def _plots(facts: LotFacts) -> str:
    from controller.report import plots  # noqa: PLC0415 - only a page needs matplotlib

    limits = {item.key: item for item in facts.results}
    core = limits["core_thickness_um"]
    layers = {side: limits[key] for side in Side if (key := layer_key(side)) in limits}
    bands = {side: (item.low, item.high) for side, item in layers.items()}
    return "".join(
        (
            plots.thickness_plot(facts.meters, core.low, core.high),
            plots.cd_map_plot(facts.cd_map),
            plots.layer_plot(facts.meters, bands),
            plots.cure_plot(
                facts.meters,
                limits["imidization_pct"].low,
                limits["residual_solvent_wt_pct"].high,
            ),
        )
    )


def _trends(facts: LotFacts) -> str:
    from controller.report import plots  # noqa: PLC0415 - only a page needs matplotlib

    return "".join(
        (
            plots.trends_plot(facts.zones, "Zone temperatures", "°C"),
            plots.trends_plot(facts.speeds, "Line speeds", "m/min", least=0.0),
            plots.trends_plot(facts.quality, "Loss on heating at peel, by the gel gauge", "%"),
        )
    )


def _rejects(facts: LotFacts) -> str:
    rows = []
    start = 0
    reasons = facts.meters.reason
    for index in range(1, len(reasons) + 1):
        if index == len(reasons) or reasons[index] != reasons[start]:
            if reasons[start]:
                rows.append(
                    (f"{facts.meters.meter[start] - 0.5:.1f}",
                     f"{facts.meters.meter[index - 1] + 0.5:.1f}", reasons[start])
                )  # fmt: skip
            start = index
    if not rows:
        return "<p>Every collected meter is good.</p>" if reasons else "<p>No meters collected.</p>"
    return _table(("from, m", "to, m", "because"), rows)


def _rolls(facts: LotFacts) -> str:
    rows = [
        (roll.roll_id, roll.recipe, f"{roll.length_m:.2f}", f"{roll.from_m:.1f} to {roll.to_m:.1f}",
         f"{_number(roll.core_label)} / {_number(roll.outer_label)}", f"{roll.good_m:.0f}",
         ", ".join(f"{why} {meters:.0f} m" for why, meters in roll.reasons.items()),
         roll.made_utc, roll.ended)
        for roll in facts.rolls
    ]  # fmt: skip
    if not rows:
        return "<p>None.</p>"
    head = ("roll", "recipe", "length, m", "meters", "label at core / outer end", "good, m",
            "not good", "made", "ended")  # fmt: skip
    return _table(head, rows)


def _claims(facts: LotFacts) -> str:
    rows = [
        (str(c["claim"]), str(c["reading"]), str(c["verdict"]), str(c["reason"]))
        for c in facts.claims
    ]
    return _table(("claim", "reading", "as written", "because"), rows)


def _events(events: Iterable[EventRow]) -> str:
    rows = [
        (duration(event.hours * 3600), event.source, event.verb, event.tag,
         f"{event.old} → {event.new}" if event.old or event.new else "", event.cause, event.actor)
        for event in events
    ]  # fmt: skip
    if not rows:
        return "<p>None.</p>"
    head = ("line time", "source", "what", "tag", "old → new", "cause", "who")
    return f'<div class="scroll" tabindex="0">{_table(head, rows)}</div>'


def _gaps(facts: LotFacts) -> str:
    if not facts.gaps:
        return "<p>None.</p>"
    rows = [(g.group, g.reason, str(g.count), f"{g.seconds:.1f} s") for g in facts.gaps]
    return _table(("scan group", "reason", "gaps", "in all"), rows)


def _identity(facts: LotFacts) -> dict[str, str]:
    rows = {"software": facts.software} | {
        f"SHA-256 of {name}": value for name, value in facts.hashes.items()
    }
    return rows | ({"head of the chain": facts.chain_head} if facts.chain_head else {})


def _pairs(pairs: dict[str, str], *, code: bool = False) -> str:
    rows = [
        (name, f"<code>{escape(value)}</code>" if code else escape(value))
        for name, value in pairs.items()
    ]
    return _table(("", ""), rows, raw=(1,))


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return _section("What these numbers are not", f"<ul>{items}</ul>")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], raw: Sequence[int] = ()) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = []
    for row in rows:
        columns = (text if number in raw else escape(text) for number, text in enumerate(row))
        lines.append("<tr>" + "".join(f"<td>{column}</td>" for column in columns) + "</tr>")
    header = f"<thead><tr>{cells}</tr></thead>" if any(head) else ""
    return f"<table>{header}<tbody>{''.join(lines)}</tbody></table>"


def _range(item: Result) -> str:
    if item.evidence is Evidence.NONE and math.isinf(item.low) and math.isinf(item.high):
        return ""
    if math.isinf(item.low):
        return f"at most {_number(item.high)} {item.unit}"
    if math.isinf(item.high):
        return f"at least {_number(item.low)} {item.unit}"
    return f"{_number(item.low)} to {_number(item.high)} {item.unit}"


def _number(value: float) -> str:
    """Four significant digits, never an exponent; tiny values as what they are: tiny."""
    if value != 0.0 and abs(value) < _TINY:
        return f"< {_TINY:g}" if value > 0 else f"> -{_TINY:g}"
    if 99.0 <= value < 100.0:  # a share that is nearly whole must not round to whole
        return f"{math.floor(value * 1000.0) / 1000.0:.3f}"
    return f"{value:.4g}" if abs(value) >= 1.0 else f"{value:.3f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """``3 h 25 min``, ``7 min 05 s``."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {secs:02d} s"
