"""The true state of the plant, for judging runs and tests; no instrument reads it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.twin.casting import Casting
from simulators.twin.coating import Coater
from simulators.twin.exhaust import Exhaust
from simulators.twin.film import FilmGrid
from simulators.twin.film_io import FilmResult
from simulators.twin.heat import ZoneHeat
from simulators.twin.parameters import EXHAUST_COUNT
from simulators.twin.web import Web
from simulators.twin.wound import WoundLog

Floats = NDArray[np.float64]
MS_TO_PM = 60.0
RUNNING_M_MIN = 0.05
STOPPED_SHARE = 0.02


class Truth:
    """Read-only view of the physics; arrays are live, copy them to keep a moment.

    Attributes:
        zone_c: true temperature of the 15 zones (belt surface in B1-B4), degC.
        air_c: air temperature of the 15 zones, degC.
        flow_nm3_h: exhaust flow of the 13 zones.
        lfl_pct: percent of the lower flammable limit in the 13 zones at their air temperature.
        vapor_y: solvent mole fraction of the 13 zones.
        purge_volumes: zone volumes exhausted without the flow falling below 70 % of the table.
        power_w: heater power of the 15 zones as switched on now.
    """

    def __init__(
        self,
        heat: ZoneHeat,
        exhaust: Exhaust,
        web: Web,
        film: FilmGrid,
        casting: Casting,
        coater: Coater,
        air_c: Floats,
    ) -> None:
        self._web, self._film, self._exhaust = web, film, exhaust
        self._casting, self._coater = casting, coater
        self.zone_c = heat.zone_c
        self.air_c = air_c
        self.power_w = heat.power_w
        self.flow_nm3_h = exhaust.flow_nm3_h
        self.lfl_pct = exhaust.lfl_pct
        self.vapor_y = exhaust.vapor_y
        self.purge_volumes = exhaust.purge_volumes

    @property
    def film(self) -> FilmResult:
        """The film at the stations and zone exits, as of the last full second."""
        return self._film.result

    @property
    def wound(self) -> WoundLog:
        """One record per film cell on the roll."""
        return self._film.wound

    @property
    def tensions(self) -> tuple[float, float, float, float]:
        """Web tension of the four spans, N/m."""
        one, two, three, four = self._web.tension
        return one.value, two.value, three.value, four.value

    @property
    def speeds_m_min(self) -> tuple[float, float, float, float, float]:
        """True surface speeds of belt, nip, coater roll, rails and winder."""
        web = self._web
        belt, nip, coater = web.belt * MS_TO_PM, web.nip * MS_TO_PM, web.coater * MS_TO_PM
        return belt, nip, coater, web.rails * MS_TO_PM, web.winder * MS_TO_PM

    @property
    def belt_running(self) -> bool:
        """The belt moves."""
        return self._web.belt * MS_TO_PM > RUNNING_M_MIN

    @property
    def film_in_tenter(self) -> bool:
        """Film or leader lies between 21.5 and 39 m."""
        return self._film.result.film_between_pct > 0.0

    @property
    def casting_on(self) -> bool:
        """Dope leaves the die lip: more than 2 % of the nominal flow."""
        nominal = self._casting.params.casting.nominal_flow_cm3_min / 60.0
        return self._casting.flow_cm3_s > STOPPED_SHARE * nominal

    @property
    def coating_on(self) -> tuple[bool, bool]:
        """Liquid is laid on the web by head A and head B: more than 2 % of the nominal flow."""
        least = STOPPED_SHARE * self._coater.params.coating.nominal_flow_cm3_min / 60.0
        air, belt = self._coater.bead_cm3_s.tolist()
        return air > least, belt > least

    @property
    def room_ppm(self) -> float:
        """Solvent in the room air."""
        return self._exhaust.room_ppm

    @property
    def roll_m(self) -> tuple[float, float]:
        """Outer diameter of the roll and length on it, both in meters."""
        return self._web.roll_m, self._web.wound_m

    def lfl_worst(self) -> float:
        """Return the highest percentage of the flammable limit of any zone."""
        return float(self.lfl_pct[:EXHAUST_COUNT].max())
