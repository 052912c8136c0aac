"""Physics parameters of the twin, read once from ``parameters.toml`` beside this module.

Every number carries its origin as a comment in the file; here it gets a type. Units are in the
field names. Zone order of 15-long tuples: B1 B2 B3 B4 CD T1..T8 DIE COOL.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from simulators.twin.parameters_film import (
    Casting,
    Coating,
    Constants,
    Drying,
    HeatTransfer,
    Kinetics,
    Layout,
    Material,
    Product,
    Reference,
    Section,
    Solvent,
)

ZONE_COUNT = 15
EXHAUST_COUNT = 13
DIE = 13
COOL = 14


class Zones(Section):
    """Heated zones, 15 values each in the zone order (process specification 7.1)."""

    name: tuple[str, ...]
    from_m: tuple[float, ...]
    to_m: tuple[float, ...]
    setpoint_c: tuple[float, ...]
    air_offset_k: tuple[float, ...]
    film_h_w_m2_k: tuple[float, ...]
    open_sides: tuple[int, ...]
    reference_y: tuple[float, ...]
    heater_kw: tuple[float, ...]
    capacity_kj_k: tuple[float, ...]
    loss_w_k: tuple[float, ...]
    coupling_next_w_k: tuple[float, ...]
    dead_time_s: tuple[float, ...]
    end_loss_w_k: tuple[float, ...]
    exhaust_heat_share: tuple[float, ...]
    chill_lost_share: float
    heater_volts: float
    pid_gain_per_k: float
    pid_integral_s: float


class Exhaust(Section):
    """Fans, flows and vapor (process specification 7.2); lists of the 13 exhausted zones."""

    table_nm3_h: tuple[float, ...]
    volume_m3: tuple[float, ...]
    fan: tuple[int, ...]
    fan_maximum: float
    fan_tau_s: float
    molar_volume_nm3: float
    normal_density_kg_m3: float
    closed_leak: float
    room_volume_m3: float
    room_change_per_h: float
    supply_c: float


class Web(Section):
    """Tension, draw, breaks and winding (process specification 5)."""

    gel_ea_n_m: float
    cured_ea_n_m: float
    span_m: tuple[float, ...]
    drive_tau_s: float
    drive_noise: float
    relax_length_m: float
    trim_max: float
    trim_s: float
    coast_s: float
    gel_strength_n_m: float
    slip_n_m: float
    peel_spike: float
    peel_rate_power: float
    peel_rate_ref_m_min: float
    peel_through: float
    tension_peel_n_m: float
    tension_coater_n_m: float
    tension_cured_n_m: float
    tension_wind_n_m: float
    wind_taper: float
    peel_force_n_m: tuple[float, float]
    peel_loh: tuple[float, float]
    peel_stick_loh: float
    peel_stick_factor: float
    orientation_w_min: float
    rail_count: int
    rail_torque_pct: float
    lost_pin_shrink: float
    lost_pin_torque: float
    lost_pin_tau_s: float
    core_diameter_m: float
    slip_max: float
    nominal_draw_md: float
    nominal_width_td: float
    stop_scrap_belt_s: float
    stop_scrap_tenter_s: float
    stop_scrap_tenter_c: float


class Sensors(Section):
    """Instruments (process specification 8)."""

    thermocouple_tau_s: float
    thermocouple_sigma_k: float
    thermocouple_bias_k: float
    thermocouple_bias_rel: float
    thermocouple_drift_k_h: float
    thermocouple_drift_above_c: float
    gel_sigma_g_m2: float
    gel_spot_s: float
    gel_traverse_m: float
    gel_traverse_s: float
    gel_reverse_s: float
    gel_gap_bias_g_m2_per_k: float
    standardize_every_s: float
    standardize_s: float
    ir_sigma_wt_pct: float
    ir_drift_wt_pct_day: float
    scanner_bias_um: float
    scanner_bin_noise: float
    scanner_traverse_s: float
    scanner_reverse_s: float
    layer_sigma_um: float
    layer_bias_um: float
    layer_range_um: tuple[float, float]
    layer_max_film_c: float
    layer_max_loh: float
    pyrometer_wavelength_m: float
    pyrometer_c2_m_k: float
    pyrometer_emissivity: float
    pyrometer_emissivity_error: float
    pyrometer_sigma_k: float
    loadcell_span_n_m: tuple[float, ...]
    loadcell_rel: float
    loadcell_hum_n_m: float
    loadcell_drift_n_m_day: float
    pressure_span_mpa: float
    pressure_rel: float
    coat_pressure_kpa: float
    lfl_t90_s: float
    lfl_noise_pct: float
    lfl_drift_pct_week: float
    flow_sigma_rel: float
    flow_tau_s: float
    room_gas_sigma_ppm: float
    room_gas_tau_s: float
    chill_flow_l_min: float
    torque_sigma_pct: float
    rail_sigma_m: float
    roll_sigma_m: float


class Parameters(Section):
    """The whole parameter file; ``version`` names the set in every record."""

    version: str
    constants: Constants
    solvent: Solvent
    material: Material
    kinetics: Kinetics
    drying: Drying
    heat_transfer: HeatTransfer
    layout: Layout
    casting: Casting
    coating: Coating
    zones: Zones
    exhaust: Exhaust
    web: Web
    sensors: Sensors
    product: Product
    reference: Reference


def load_parameters(path: Path | None = None) -> Parameters:
    """Read and check a parameter file.

    Args:
        path: another file than the one shipped beside this module.

    Raises:
        OSError: the file cannot be read.
        tomllib.TOMLDecodeError: the file is not TOML.
        pydantic.ValidationError: a key is missing, unknown or of the wrong type.
    """
    source = path if path is not None else Path(__file__).with_name("parameters.toml")
    return Parameters.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
