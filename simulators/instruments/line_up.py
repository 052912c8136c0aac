"""All simulated instruments of a line around one plant, and their common 0.1 s step.

Reads from the line file only what an electrician would: instruments, buses, unit ids,
zones, terminals. Register tables and scalings are the instruments' own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from config.models import Instrument, Line, TagSpec
from simulators.instruments import wiring
from simulators.instruments.acs380 import Acs380
from simulators.instruments.atv320 import Atv320
from simulators.instruments.confocal2400 import Confocal2400
from simulators.instruments.drive import Drive
from simulators.instruments.e5cc import E5cc
from simulators.instruments.ek9000 import Ek9000
from simulators.instruments.endpoint import Endpoint, Faults, LineClock
from simulators.instruments.epc3016 import Epc3016
from simulators.instruments.loop_bank import LoopBank
from simulators.instruments.modbus_device import ModbusDevice
from simulators.instruments.modbus_framing import MbapEndpoint, RtuEndpoint
from simulators.instruments.optris_ct import OptrisBus, OptrisCt
from simulators.instruments.pnozmulti import PnozMulti
from simulators.instruments.reglo_icc import RegloIcc
from simulators.instruments.safety_program import Safety
from simulators.instruments.temperature_controller import TemperatureController
from simulators.instruments.terminals import bolt_targets

WEB_RAMP_M_MIN_S: Final = 0.5
FAN_RAMP_PCT_S: Final = 10.0
RUN_OUT_M_MIN: Final = 2.0
PURGE_PCT: Final = 100.0
WEB_DRIVES: Final = {"BELT": "belt", "NIP": "nip", "RAILS": "rails", "WINDER": "winder"}
FANS: Final = {"FAN-X1": 0, "FAN-X2": 1, "FAN-X3": 2}
# motor rpm per unit of the machine: pump shaft rpm behind the gear, m/min of the roll
GEARED: Final = {"PUMP": ("pump_rpm", 50.0), "COATER": ("coater_m_min", 250.0)}
LOWEST_SET_POINT_C: Final = 0.0
HIGHEST_SET_POINT_C: Final = 600.0


class PlantLike(Protocol):
    """The plant as the instruments see it."""

    @property
    def act(self) -> wiring.Actuators:
        """Actual outputs acting on the plant."""

    @property
    def sig(self) -> wiring.Signals:
        """Sensed values."""


class SimulatedInstrument(Protocol):
    """What every instrument offers to those who disturb it."""

    faults: Faults

    def reboot(self) -> None:
        """Power off and on."""


class LineUp:
    """The instruments of a line.

    Args:
        line: the line file.
        plant: the twin; its actuators' standing values are taken over, so that a line that
            starts running finds its drives, loops and outputs as they are.

    Attributes:
        clock: line time of the last step.
        instruments: by name.
        endpoints: by bus name: what a wire connects to.
        streams: by bus name: second ports with values nobody has to ask for.
        bank: the loops, in zone order.
    """

    def __init__(self, line: Line, plant: PlantLike) -> None:
        self.clock = LineClock()
        self.bank = LoopBank(len(wiring.ZONES))
        self.bank.pv[:] = plant.sig.tc  # a controller shows its oven from the first poll on
        self.instruments: dict[str, SimulatedInstrument] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.streams: dict[str, Endpoint] = {}
        self._line = line
        self._plant = plant
        self._maximum_c = {zone.name: zone.maximum_c for zone in line.zone}
        self._zones: list[int] = []
        self._watched: list[Epc3016 | Ek9000 | PnozMulti] = []
        self._drives: list[tuple[Drive, Callable[[float], None]]] = []
        self._pump: RegloIcc | None = None
        self._scanner: Confocal2400 | None = None
        self._safety: PnozMulti | None = None
        for instrument in line.instrument:
            self.instruments[instrument.name] = self._build(instrument)
        self._wire_buses()
        self._adopt()

    def step(self, now_s: float) -> None:
        """Advance all instruments to ``now_s``, one tick of 0.1 s after the last."""
        self.clock.now_s = now_s
        plant = self._plant
        act = plant.act
        act.duty[:] = self.bank.step(plant.sig.tc)
        for drive, put in self._drives:
            if drive.step():
                put(drive.speed)
        for device in self._watched:
            if now_s > device.deadline_s:
                device.expire()
        if self._safety is not None:
            self._safety.step()
        if self._pump is not None:
            self._pump.step()
        if self._scanner is not None:
            self._scanner.step()

    # --- construction ------------------------------------------------------------------------

    def _build(self, instrument: Instrument) -> SimulatedInstrument:
        builders: dict[str, Callable[[Instrument], SimulatedInstrument]] = {
            "epc3016": self._epc3016,
            "e5cc": self._e5cc,
            "acs380": self._acs380,
            "atv320": self._atv320,
            "ek9000": self._ek9000,
            "reglo_icc": self._reglo,
            "confocal2400": self._confocal,
            "optris_ct": self._optris,
            "pnozmulti": self._pnozmulti,
        }
        builder = builders.get(instrument.family)
        if builder is None:
            raise wiring.WiringError(f"{instrument.name}: no simulator for {instrument.family}")
        return builder(instrument)

    def _zone_of(self, instrument: Instrument) -> tuple[int, tuple[float, float]]:
        zone = instrument.zone or instrument.name
        if zone not in wiring.ZONES:
            raise wiring.WiringError(f"{instrument.name}: no zone {zone} in the plant")
        highest = self._maximum_c.get(zone, HIGHEST_SET_POINT_C)
        return wiring.ZONES.index(zone), (LOWEST_SET_POINT_C, highest)

    def _epc3016(self, instrument: Instrument) -> Epc3016:
        index, limits = self._zone_of(instrument)
        controller = Epc3016(self.clock, self.bank, index, limits)
        self._watched.append(controller)
        return controller

    def _e5cc(self, instrument: Instrument) -> E5cc:
        index, limits = self._zone_of(instrument)
        sig = self._plant.sig
        return E5cc(self.clock, self.bank, index, limits, lambda: float(sig.heater_a[index]))

    def _acs380(self, instrument: Instrument) -> Acs380:
        act, name = self._plant.act, instrument.name
        full_scale = next(
            (tag.full_scale for tag in instrument.tags if tag.point == "sp" and tag.full_scale),
            100.0,
        )
        if name in FANS:
            drive = Acs380(self.clock, full_scale, FAN_RAMP_PCT_S, PURGE_PCT)
            self._drives.append((drive, self._fan_output(FANS[name])))
        elif name in WEB_DRIVES:
            attribute = WEB_DRIVES[name]
            drive = Acs380(self.clock, full_scale, WEB_RAMP_M_MIN_S, RUN_OUT_M_MIN)
            self._drives.append((drive, lambda speed: setattr(act, attribute, speed)))
        else:
            raise wiring.WiringError(f"{name}: no motor of that name in the plant")
        return drive

    def _fan_output(self, index: int) -> Callable[[float], None]:
        fan = self._plant.act.fan

        def put(percent: float) -> None:
            fan[index] = percent / 100.0

        return put

    def _atv320(self, instrument: Instrument) -> Atv320:
        if instrument.name not in GEARED:
            raise wiring.WiringError(f"{instrument.name}: no motor of that name in the plant")
        act = self._plant.act
        attribute, ratio = GEARED[instrument.name]
        drive = Atv320(self.clock)
        self._drives.append((drive, lambda rpm: setattr(act, attribute, rpm / ratio)))
        return drive

    def _reglo(self, _: Instrument) -> RegloIcc:
        flow = self._plant.act.coat_flow

        def put(channel: int, ml_min: float) -> None:
            if channel < len(flow):
                flow[channel] = ml_min

        # Before anything is powered the plant's standing flows are taken over, not reset.
        self._pump = RegloIcc(self.clock, put)
        return self._pump

    def _confocal(self, _: Instrument) -> Confocal2400:
        sig = self._plant.sig
        self._scanner = Confocal2400(self.clock, lambda: (sig.scan_um, sig.scan_error))
        return self._scanner

    def _optris(self, instrument: Instrument) -> OptrisCt:
        sig, index = self._plant.sig, instrument.unit - 1
        return OptrisCt(lambda: float(sig.film_c[index]), 1000 + instrument.unit)

    def _pnozmulti(self, _: Instrument) -> PnozMulti:
        act, sig = self._plant.act, self._plant.sig

        def release(safety: Safety) -> None:
            act.heat_released, act.feed_released = safety.heat, safety.feed
            act.web_released, act.exhaust_latched = safety.web, safety.exhaust

        self._safety = PnozMulti(self.clock, lambda: sig.safety, release)
        self._watched.append(self._safety)
        return self._safety

    def _ek9000(self, instrument: Instrument) -> Ek9000:
        bolts = wiring.terminals(instrument, "ao")
        outputs = wiring.terminals(instrument, "do")
        coupler = Ek9000(
            self.clock,
            wiring.input_image(instrument, self._plant.sig),
            bolts[-1][0] + 1 if bolts else 0,
            outputs[-1][0] + 1 if outputs else 0,
            self._output_sink(bolts, outputs),
        )
        self._watched.append(coupler)
        return coupler

    def _output_sink(
        self, bolts: Sequence[tuple[int, TagSpec]], outputs: Sequence[tuple[int, TagSpec]]
    ) -> Callable[[Sequence[int], int], None]:
        act = self._plant.act
        span = (bolts[0][1].span or bolts[0][1].range) if bolts else (0.0, 1.0)
        switches = {number: self._switch(tag) for number, tag in outputs}
        standing = self._standing(outputs)

        def put(words: Sequence[int], bits: int) -> None:
            nonlocal standing
            if words:
                bolt_targets(words, span, act.bolt_um)
            changed, standing = bits ^ standing, bits
            while changed:
                lowest = changed & -changed
                switches.get(lowest.bit_length() - 1, _not_connected)(bool(bits & lowest))
                changed ^= lowest

        return put

    def _switch(self, tag: TagSpec) -> Callable[[bool], None]:
        if tag.name == wiring.PUMP_SUPPLY:
            return self._supply_pump
        put = wiring.switch(self._plant.act, tag)
        if put is None:
            raise wiring.WiringError(f"{tag.name}: no switch of that name in the plant")
        return put

    def _supply_pump(self, on: bool) -> None:
        if self._pump is not None:
            self._pump.power(on)

    def _wire_buses(self) -> None:
        for bus in self._line.bus:
            there = [one for one in self._line.instrument if one.bus == bus.name]
            devices = {one.unit: self.instruments[one.name] for one in there}
            if not devices:
                continue
            first = next(iter(devices.values()))
            if isinstance(first, Confocal2400):
                self.endpoints[bus.name] = first.commands
                self.streams[bus.name] = first.stream
            elif isinstance(first, RegloIcc):
                self.endpoints[bus.name] = first
            elif isinstance(first, OptrisCt):
                heads = {u: d for u, d in devices.items() if isinstance(d, OptrisCt)}
                self.endpoints[bus.name] = OptrisBus(heads)
            elif isinstance(first, ModbusDevice):
                units = {u: d for u, d in devices.items() if isinstance(d, ModbusDevice)}
                shared = bus.kind == "modbus_rtu"
                self.endpoints[bus.name] = (
                    RtuEndpoint(units) if shared else MbapEndpoint(first, next(iter(units)))
                )

    # --- a line that already runs ------------------------------------------------------------

    def _adopt(self) -> None:
        """Take over what the plant already does, so that nothing jumps at the first step."""
        act, sig = self._plant.act, self._plant.sig
        for instrument in self._line.instrument:
            device = self.instruments[instrument.name]
            if isinstance(device, TemperatureController) and act.duty[device.index] > 0.0:
                device.preset(
                    float(round(float(sig.tc[device.index]))), float(act.duty[device.index])
                )
            elif isinstance(device, Acs380):
                self._adopt_drive(instrument.name, device)
            elif isinstance(device, Atv320):
                attribute, ratio = GEARED[instrument.name]
                rpm = float(getattr(act, attribute)) * ratio
                if rpm:
                    device.preset(rpm)
            elif isinstance(device, Ek9000):
                self._adopt_outputs(instrument, device)
        if self._pump is not None:
            for channel in range(len(act.coat_flow)):
                if act.coat_flow[channel] > 0.0:
                    self._pump.preset(channel, float(act.coat_flow[channel]))
        self._adopt_safety()

    def _adopt_safety(self) -> None:
        """The safety controller has been on for long, and has released what stands on."""
        if self._safety is not None:
            if self._plant.act.main_contactor:
                self._safety.preset()
            self._safety.step()

    def _adopt_drive(self, name: str, drive: Acs380) -> None:
        act = self._plant.act
        fan = FANS.get(name)
        speed = (
            float(getattr(act, WEB_DRIVES[name])) if fan is None else 100.0 * float(act.fan[fan])
        )
        if speed:
            drive.preset(speed)

    def _adopt_outputs(self, instrument: Instrument, coupler: Ek9000) -> None:
        outputs = wiring.terminals(instrument, "do")
        bits = self._standing(outputs)
        if bits:
            words = (outputs[-1][0] + 16) // 16
            coupler.preset_digital([(bits >> (16 * n)) & 0xFFFF for n in range(words)])

    def _standing(self, outputs: Sequence[tuple[int, TagSpec]]) -> int:
        """Return the digital outputs the plant already stands by."""
        act, bits = self._plant.act, 0
        for number, tag in outputs:
            supplied = tag.name == wiring.PUMP_SUPPLY and bool((act.coat_flow > 0.0).any())
            bits |= (supplied or wiring.switched_on(act, tag)) << number
        return bits


def _not_connected(_: bool) -> None:
    """A terminal without a wire."""
