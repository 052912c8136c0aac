"""Which surroundings a position has: zones and free spans as one table along the path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.twin.film_io import ZoneState
from simulators.twin.kinetics import KELVIN, boundary_coefficients
from simulators.twin.parameters import COOL, EXHAUST_COUNT, Parameters

Float = NDArray[np.float64]

CD = 4
ROOM = 15  # index of the free spans in sums over zones
PLACES = 16


class Places:
    """Boundary conditions by position.

    The path is cut into segments: each zone, and the free spans between them. A segment takes
    its conditions from a zone or from the room. On the belt before B1 and from 12.5 m on the
    pilot line's free-span values hold (air 25 degC, h_c 10, no vapor); from the die to 12.5 m
    the belt covers one side.

    Attributes:
        edges: end of each segment but the last, meters.
        zone: zone index of each segment, ``ROOM`` in free spans.
    """

    def __init__(self, params: Parameters) -> None:
        self.params = params
        zones, layout, heat = params.zones, params.layout, params.heat_transfer
        heated = [*range(EXHAUST_COUNT), COOL]
        edges: list[float] = []
        owner: list[int] = []
        starts: list[float] = []
        end = 0.0
        for zone in sorted(heated, key=lambda index: zones.from_m[index]):
            if zones.from_m[zone] > end:
                owner.append(ROOM)
                starts.append(end)
                edges.append(zones.from_m[zone])
            owner.append(zone)
            starts.append(zones.from_m[zone])
            end = zones.to_m[zone]
            edges.append(end)
        owner.append(ROOM)
        starts.append(end)
        self.edges: Float = np.array(edges)
        self.zone: NDArray[np.intp] = np.array(owner)
        self._source = np.where(self.zone == ROOM, 0, self.zone)
        self._vapor_source = np.minimum(self._source, EXHAUST_COUNT - 1)
        room = self.zone == ROOM
        belt = np.array(starts) < layout.belt_free_m
        self._room = room
        self._on_exhaust = ~room & (self.zone < EXHAUST_COUNT)
        sides = np.array(zones.open_sides, np.float64)[self._source]
        film_h = np.array(zones.film_h_w_m2_k)[self._source]
        self._sides = np.where(room, np.where(belt, 1.0, 2.0), sides)
        self._film_h = np.where(room, heat.free_span_w_m2_k, film_h)
        self._belt_h = np.where(belt, heat.belt_contact_w_m2_k, 0.0)
        self._belt_room = params.constants.ambient_c
        self._radiates = np.where((self.zone > CD) & (self.zone < EXHAUST_COUNT), 1.0, 0.0)

    def boundary(self, zones: ZoneState) -> Float:
        """Kernel coefficients of every segment [8, segments]."""
        ambient = self._belt_room
        return boundary_coefficients(
            self.params,
            self._sides,
            self._film_h,
            self._belt_h,
            np.where(self._room, ambient, zones.air_c[self._source]) + KELVIN,
            np.where(self._room, ambient, zones.surface_c[self._source]) + KELVIN,
            np.where(self._on_exhaust, zones.vapor_y[self._vapor_source], 0.0),
            self._radiates,
        )

    def segment(self, position: Float) -> NDArray[np.intp]:
        """Segment of each position."""
        return self.edges.searchsorted(position, side="right")
