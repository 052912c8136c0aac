"""Plots of a lot as inline SVG: grey and quiet, color only for what is out of its range."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from config.models import Side
from controller.report.facts import CdMap, Floats, MeterTable, Trend

_INK, _SOFT, _BAND, _BAD = "#1A1A1A", "#5A5A5A", "#D4D4D4", "#B00020"
_SHADES = ("#0B3D6B", "#2A6FA8", "#5D9CC9", "#8C8C8C", "#5A5A5A", "#1A1A1A", "#A0764A", "#C9A06C")
_STYLE: Any = {
    "font.size": 9, "axes.edgecolor": _SOFT, "axes.labelcolor": _INK, "text.color": _INK,
    "xtick.color": _SOFT, "ytick.color": _SOFT, "svg.fonttype": "path", "svg.hashsalt": "filmline",
    "axes.spines.top": False, "axes.spines.right": False, "font.family": "DejaVu Sans",
}  # fmt: skip


_P = ParamSpec("_P")


def _styled(draw: Callable[_P, str]) -> Callable[_P, str]:
    """Draw with our style without touching the settings of the process."""

    @wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> str:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return styled


@_styled
def thickness_plot(meters: MeterTable, low: float, high: float) -> str:
    """Core thickness along the roll against its target band."""
    figure, axes = _figure(2.4)
    _against_band(axes, meters.meter, meters.core_um, low, high)
    _label(axes, "roll meter", "core thickness, µm")
    return _svg(figure, "Core thickness along the roll")


@_styled
def layer_plot(meters: MeterTable, bands: Mapping[Side, tuple[float, float]]) -> str:
    """Thin layer of each coated side along the roll, against the band of that side."""
    figure = Figure(figsize=(9.0, 2.0 * max(1, len(bands))), layout="constrained")
    panels = figure.subplots(max(1, len(bands)), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (side, (low, high)) in zip(panels, bands.items(), strict=False):
        values = meters.layer_air_um if side is Side.AIR else meters.layer_belt_um
        _against_band(axes, meters.meter, values, low, high)
        _label(axes, "", f"layer, {side.value} side, µm")
    if not bands:
        _nothing(panels[0])
    panels[-1].set_xlabel("roll meter")
    return _svg(figure, f"Thin layer along the roll: {', '.join(bands) or 'no side coated'}")


@_styled
def cure_plot(meters: MeterTable, imidization_min: float, solvent_max: float) -> str:
    """Estimated imidization and residual solvent along the roll."""
    figure = Figure(figsize=(9.0, 2.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _against_band(left, meters.meter, meters.imidization_pct, imidization_min, np.inf)
    _label(left, "roll meter", "imidization, % (est.)")
    _against_band(right, meters.meter, meters.solvent_wt_pct, -np.inf, solvent_max)
    _label(right, "roll meter", "solvent, wt% (est.)")
    return _svg(figure, "Estimated imidization and residual solvent along the roll")


@_styled
def cd_map_plot(cd_map: CdMap) -> str:
    """Thickness across the film and along the roll, deviation from the mean in percent."""
    figure, axes = _figure(2.6)
    if cd_map.meter.size >= 2:
        mean = float(np.nanmean(cd_map.thickness_um))
        percent = 100.0 * (cd_map.thickness_um / mean - 1.0)
        spread = max(1.0, float(np.nanpercentile(np.abs(percent), 99)))
        mesh = axes.pcolormesh(
            cd_map.meter, cd_map.position_m * 1e3, percent.T, cmap="cividis",
            vmin=-spread, vmax=spread, shading="nearest", rasterized=True,
        )  # fmt: skip
        figure.colorbar(mesh, ax=axes, label="% of mean")
    else:
        _nothing(axes)
    _label(axes, "roll meter", "across the film, mm")
    return _svg(figure, "Thickness map: across the film and along the roll")


@_styled
def trends_plot(trends: Sequence[Trend], title: str, unit: str, least: float | None = None) -> str:
    """Several tags over line hours; the axis begins at ``least`` if that is given."""
    figure, axes = _figure(2.8)
    for number, (trend, color) in enumerate(zip(trends, _cycle(len(trends)), strict=True)):
        dash = "-" if number < len(_SHADES) else (0, (4, 2))  # the same shade again, dashed
        axes.plot(trend.hours, trend.mean, color=color, ls=dash, lw=1.1, label=trend.tag)
        axes.fill_between(trend.hours, trend.low, trend.high, color=color, alpha=0.18, lw=0)
    if trends:
        axes.legend(ncol=min(8, len(trends)), fontsize=7, frameon=False, loc="lower center",
                    bbox_to_anchor=(0.5, 1.0))  # fmt: skip
    else:
        _nothing(axes)
    axes.set_ylim(bottom=least)
    _label(axes, "line time, h", unit)
    return _svg(figure, title)


def _against_band(axes: Axes, x: Floats, y: Floats, low: float, high: float) -> None:
    finite = np.isfinite(y)
    if not finite.any():
        _nothing(axes)
        return
    outside = finite & ((y < low) | (y > high))
    axes.plot(x, np.where(finite, y, np.nan), color=_SHADES[0], lw=1.1)
    axes.plot(x[outside], y[outside], ".", color=_BAD, ms=4)
    bottom, top = axes.get_ylim()
    for limit in (low, high):
        if np.isfinite(limit):
            bottom, top = min(bottom, limit), max(top, limit)
    margin = 0.06 * (top - bottom or 1.0)
    axes.set_ylim(bottom - margin, top + margin)
    axes.axhspan(max(low, bottom - margin), min(high, top + margin), color=_BAND, alpha=0.5, lw=0)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.0, height), layout="constrained")
    return figure, figure.subplots()


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, color="#ECECEC", lw=0.6)
    axes.set_axisbelow(True)


def _nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "no good values", ha="center", va="center", transform=axes.transAxes,
              color=_SOFT)  # fmt: skip


def _cycle(count: int) -> list[str]:
    return [_SHADES[number % len(_SHADES)] for number in range(count)]


def _svg(figure: Figure, title: str) -> str:
    """The figure with its title, which screen readers get too; same input, same bytes."""
    buffer = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    head, body = text[text.index("<svg") :].split(">", 1)
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    text = re.sub(r"<metadata>.*?</metadata>", "", f"{head}>{body}", flags=re.DOTALL)
    text = text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
    return f"<figure><figcaption>{title}</figcaption>{text}</figure>"
