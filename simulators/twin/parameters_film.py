"""Parameters of the film itself: materials, casting, drying, kinetics, coating, product laws.

The classes mirror tables of ``parameters.toml``; units are in the field names.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen table of the file; unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Constants(Section):
    """Natural constants and the surroundings."""

    gas_j_mol_k: float
    ambient_c: float


class Solvent(Section):
    """Solvent of dope and coating liquid (process specification 2)."""

    name: str
    molar_mass_kg_mol: float
    density_kg_m3: float
    cp_j_kg_k: float
    antoine_a: float
    antoine_b: float
    antoine_c: float
    hvap_max_k: float
    lfl_vol_pct: float
    lfl_slope_per_k: float


class Material(Section):
    """Polyamic acid, polyimide and thin layer (process specification 2)."""

    name: str
    water_fraction: float
    density_paa_kg_m3: float
    density_rise_pi_kg_m3: float
    cp_solids_j_kg_k: float
    layer_density_kg_m3: float
    gel_modulus_gpa: float
    cured_modulus_gpa: float


class Kinetics(Section):
    """Distributed first-order imidization (process specification 4.2)."""

    prefactor_per_s: float
    activation_kj_mol: tuple[float, ...]
    weight: tuple[float, ...]
    plasticized_wt: float
    unplasticized_factor: float
    water_latent_j_kg: float


class Drying(Section):
    """Evaporation, diffusion and trapped solvent (process specification 4.1)."""

    chi_0: float
    chi_p: float
    lewis_factor: float
    air_density_kg_m3: float
    air_cp_j_kg_k: float
    air_reference_k: float
    diffusivity_m2_s: float
    diffusivity_max_m2_s: float
    diffusivity_activation_j_mol: float
    diffusivity_reference_k: float
    diffusivity_w: float
    diffusivity_p: float
    slab_mode: float
    skin: float
    trapped_kg_kg: float
    trapped_p_from: float
    trapped_p_to: float
    trapped_prefactor_per_s: float
    trapped_activation_j_mol: float
    blister_p_max: float
    blister_warn: float
    blister_reject: float


class HeatTransfer(Section):
    """Film heat transfer (process specification 4.3)."""

    belt_contact_w_m2_k: float
    emissivity: float
    view_factor: float
    stefan_boltzmann: float
    free_span_w_m2_k: float
    cooler_w_m2_k: float


class Layout(Section):
    """Stations in meters from the die lip, widths in meters (process specification 1.3)."""

    cell_m: float
    belt_on_m: float
    peel_m: float
    gel_gauge_m: float
    coater_air_m: float
    coater_belt_m: float
    pin_m: float
    unpin_m: float
    scanner_m: float
    layer_gauge_m: float
    winder_m: float
    belt_free_m: float
    width_die_m: float
    width_belt_m: float
    width_tenter_m: float
    width_product_m: float
    width_coat_m: float


class Casting(Section):
    """Pump, dope, die and lip bolts (process specification 3)."""

    pump_cm3_rev: float
    pump_slip: float
    nominal_flow_cm3_min: float
    nominal_pump_rpm: float
    nominal_speed_m_min: float
    flow_tau_s: float
    holdup_cm3: float
    pulse_shaft: float
    pulse_tooth: float
    pump_teeth: int
    solids: float
    dope_c: float
    storage_c: float
    viscosity_pa_s: float
    viscosity_exponent: float
    viscosity_activation_j_mol: float
    viscosity_reference_k: float
    age_tau_cold_d: float
    age_tau_warm_d: float
    shear_time_s: float
    shear_exponent: float
    die_land_m: float
    die_gap_m: float
    filter_clean_mpa: float
    filter_change_mpa: float
    filter_hours: float
    bolts: int
    bolt_pitch_m: float
    bolt_gain_per_um: float
    bolt_sigma_pitch: float
    bolt_tau_s: float
    bolt_range_um: float
    bolt_um_per_k: float
    bolt_slew_um_s: float
    bolt_base_c: float
    neck_in: float
    neck_in_edge: float
    startup_period_m: tuple[float, ...]
    startup_amplitude: tuple[float, ...]
    startup_walk: float
    edge_bead: float
    edge_bead_m: float


class Coating(Section):
    """Slot coating of both sides (process specification 6)."""

    solids_paa: float
    solids_agent: float
    paa_yield: float
    agent_residue: float
    liquid_density_kg_m3: float
    viscosity_pa_s: float
    surface_tension_n_m: float
    bead_gap_m: float
    bead_coefficient: float
    pump_tau_s: float
    bead_tau_s: float
    lanes: int
    lane_sd: float
    wet_c: float
    nominal_flow_cm3_min: float
    starvation_s: float
    swell_loh: float
    poor_loh: float
    poor_peel_factor: float


class Product(Section):
    """Soft-sensor laws of the product (process specification 9)."""

    rate_reference_k_s: float
    cte_base: float
    cte_own_strain: float
    cte_cross_strain: float
    cte_rate: float
    cte_per_um: float
    cte_unreacted: float
    cte_low_cure: float
    modulus_base_gpa: float
    modulus_own_strain: float
    modulus_cross_strain: float
    modulus_rate: float
    modulus_unreacted: float


class Reference(Section):
    """The steady reference run (process specification 4.4)."""

    start_c: float
    coater_c: float
    paa_g_m2: float
    solvent_g_m2: float
    speed_m_min: float
    coat_g_m2: float
    coat_solids: float
    dt_s: float
    cd_length_m: float
    leader_um: float
