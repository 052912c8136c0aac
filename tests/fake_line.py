"""A crude line for tests of procedure, loops and position: first-order answers, no wire."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

from config.loader import load_line, load_materials, load_recipe
from config.models import Line, Recipe, Side, TagSpec
from controller.exhaust import ExhaustRequired
from controller.gate import Gate
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

CONFIG = Path(__file__).parents[1] / "config"
START_NS = 1_750_000_000_000_000_000
ZONE_K_PER_MIN = 12.0


@cache
def pilot() -> Line:
    return load_line(CONFIG / "lines" / "pilot.toml")


@cache
def pilot_of_any_speed() -> Line:
    """The pilot line that believes every value: tests set them at once."""
    line = pilot()
    instruments = tuple(
        one.model_copy(
            update={
                "tags": tuple(
                    tag.model_copy(update={"fastest_per_s": None}) if tag.fastest_per_s else tag
                    for tag in one.tags
                )
            }
        )
        for one in line.instrument
    )
    return line.model_copy(update={"instrument": instruments})


@cache
def core25() -> Recipe:
    return load_recipe(CONFIG / "recipes" / "core25_layer030.toml")


@cache
def shipped(name: str) -> Recipe:
    """A recipe of this repository by the name of its file."""
    return load_recipe(CONFIG / "recipes" / f"{name}.toml", pilot(), materials())


def belt_side_only() -> Recipe:
    """The 25 um recipe with its layer on the belt side instead of the air side."""
    coat = core25().coated[0].model_copy(update={"side": Side.BELT})
    return core25().model_copy(update={"coated": (coat,)})


@cache
def materials():
    return load_materials()


class Port:
    """Takes the gate's outputs into the fake plant."""

    def __init__(self, plant: FakeLine) -> None:
        self._plant = plant

    def put(self, tag: str, value: float) -> None:
        self._plant.asked[tag] = value

    def command(self, tag: str, value: float) -> None:
        self._plant.asked[tag] = value


class FakeLine:
    """Every instrument tag in one block; ``values`` is what the sensors show next.

    Attributes:
        asked: what the gate has put out. stuck: tags that keep the value given here.
        bad: tags that are not GOOD. lots: every tank is ready.
    """

    lots = True

    def __init__(self, hot: bool = False) -> None:
        self.line = pilot_of_any_speed()
        self.table = TagTable(self.line)
        specs: list[TagSpec] = [t for i in self.line.instrument for t in i.tags]
        self.names = [t.name for t in specs]
        self.values: dict[str, float] = {
            t.name: min(max(0.0, t.range[0]), t.range[1]) for t in specs
        }
        self.writable = [t.name for t in specs if t.write is not None]
        self.asked: dict[str, float] = {}
        self.stuck: dict[str, float] = {}
        self.bad: set[str] = set()
        self._block = self.table.attach(Block("fake.all", tuple(self.names), 0.1))
        ready = tuple(f"LOT-{tank.name}.OK" for tank in self.line.tank) if self.lots else ()
        self._lots = self.table.attach(Block("material", ready, 1.0)) if ready else None
        self.lots_ok = [1.0] * len(ready)
        self.required = ExhaustRequired(self.line, self.table, 18.0)
        self.now_ns = START_NS
        self._recipe_hot(hot)
        for tag in ("HS-901.OK", "ZS-902.OK", "XS-903.OK", "PS-904.OK"):
            self.values[tag] = 1.0
        for zone in self.line.zone:
            if zone.lfl_sample is not None:
                self.values[zone.lfl_sample] = 1.0
        self.values.update({"FT-509.PV": 20.0, "AT-900.PV": 1.0, "ZT-701.PV": 0.1524})
        self.gate: Gate | None = None

    def make_gate(self) -> Gate:
        self.gate = Gate(self.line, self.table, Port(self), 18.0)
        return self.gate

    def _recipe_hot(self, hot: bool) -> None:
        for zone in self.line.zone:
            self.values[f"{zone.loop}.PV"] = 25.0 if not hot else min(zone.maximum_c, 90.0)
            if zone.independent is not None:
                self.values[zone.independent] = 25.0

    def step(self, dt: float) -> Snapshot:
        """Advance the plant and give the next snapshot."""
        self.now_ns += round(dt * 1e9)
        v = self.values
        v.update({tag: self.asked[tag] for tag in self.asked})
        self._drives(dt)
        self._zones(dt)
        self._film(dt)
        v.update(self.stuck)
        quality = [
            Quality.BAD if name in self.bad or math.isnan(v[name]) else Quality.GOOD
            for name in self.names
        ]
        self._block.write([v[n] for n in self.names], quality, self.now_ns, self.now_ns)
        if self._lots is not None:
            self._lots.write(self.lots_ok, Quality.GOOD, self.now_ns, self.now_ns)
        return self.table.snapshot(self.now_ns)

    def _drives(self, dt: float) -> None:
        v = self.values
        lag = -math.expm1(-dt / 0.4)
        for drive in ("SIC-210", "SIC-211", "SIC-510", "SIC-701", "SIC-110", "SIC-310",
                      "SIC-801", "SIC-802", "SIC-803"):  # fmt: skip
            goal = v[f"{drive}.SP"] if v[f"{drive}.RUN"] > 0.5 else 0.0
            v[f"{drive}.ACT"] += lag * (goal - v[f"{drive}.ACT"])
        for counter, drive in (("ZC-210", "SIC-210"), ("ZC-510", "SIC-510"), ("ZC-701", "SIC-701")):
            v[f"{counter}.PV"] += v[f"{drive}.ACT"] / 60.0 * dt
        for head in ("FIC-301A", "FIC-301B"):
            powered = v["XC-301.CMD"] > 0.5
            flow = v[f"{head}.SP"] if powered and v[f"{head}.RUN"] > 0.5 else 0.0
            v[f"{head}.PV"] = flow
            v[f"{head}.RUNNING"] = float(flow > 0.0)

    def _zones(self, dt: float) -> None:
        v = self.values
        for zone in self.line.zone:
            on = zone.contactor is None or (v[zone.contactor] > 0.5 and v["XC-100.CMD"] > 0.5)
            pv, goal = f"{zone.loop}.PV", v[f"{zone.loop}.SP"] if on else 22.0
            v[f"{zone.loop}.WSP"] = v[f"{zone.loop}.SP"]
            most = ZONE_K_PER_MIN / 60.0 * dt
            v[pv] += min(max(goal - v[pv], -most), most)
            if zone.contactor is not None:
                v[zone.contactor.replace("XC-", "XS-").replace(".CMD", ".ON")] = float(
                    v[zone.contactor] > 0.5
                )
            if zone.independent is not None:
                v[zone.independent] = v[pv]
            if zone.exhaust_flow is not None and zone.fan is not None:
                share = v[f"{zone.fan}.ACT"] / 100.0
                v[zone.exhaust_flow] = (zone.table_flow_nm3_h or 0.0) * 2.5 * share

    def _film(self, dt: float) -> None:
        v = self.values
        to_die = v["XV-110.CMD"] > 0.5
        pump = v["SIC-110.ACT"]
        v["PIT-110.PV"] = 2.9 * pump / 27.0 if to_die else 0.1
        v["PDT-111.PV"] = 0.4 * min(1.0, pump / 10.0)
        moving = v["SIC-510.ACT"] > 0.2
        v["JT-510.PV"] = 60.0 if moving else 0.0
        for tag, tension in (("231", 30.0), ("311", 40.0), ("601", 100.0), ("701", 100.0)):
            v[f"NT-{tag}.PV"] = tension if moving else 0.0
