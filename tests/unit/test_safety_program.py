"""The simulated safety controller's program: what it releases, and that nothing comes alone."""

from simulators.instruments import safety_program as sp
from simulators.twin import actuators as io

GOOD = 1 << sp.ESTOP_OK | 1 << sp.GUARDS_OK | 1 << sp.NO_FIRE | 1 << sp.GAS_OK
FLOW = 1 << sp.FLOW_PROVEN
PURGE = FLOW | 1 << sp.PURGE_SPEED
HEAT, FEED, WEB, FANS = (1 << bit for bit in (sp.HEAT_ON, sp.FEED_ON, sp.WEB_ON, sp.FANS_ON))


class Host:
    """A program and a host that may die."""

    def __init__(self, running=False):
        self.program = sp.SafetyProgram()
        if running:
            self.program.preset()
        self.alive, self.count, self.tick = True, 0, 0

    def run(self, seconds, contacts=GOOD):
        for _ in range(round(seconds * 10)):
            self.tick += 1
            if self.alive and self.tick % 4 == 0:
                self.count = (self.count + 4) & 0xFF
            safety = self.program.step(self.tick / 10, contacts, self.alive, self.count)
        return safety


def test_terminals_are_wired_in_the_order_of_the_plant():
    names = (
        "ESTOP_OK",
        "GUARDS_OK",
        "NO_FIRE",
        "GAS_OK",
        "HEAT_ON",
        "FEED_ON",
        "WEB_ON",
        "FANS_ON",
    )
    for name in names:
        assert getattr(sp, name) == getattr(io, f"SAFETY_{name}")
    assert (sp.FLOW_PROVEN, sp.PURGE_SPEED) == (io.SAFETY_FLOW, io.SAFETY_PURGE)


def test_heat_waits_for_the_whole_purge_and_feed_for_the_host():
    host = Host()
    host.alive = False
    assert host.run(1.0) == sp.Safety(heat=False, feed=False, web=True, exhaust=False)
    host.alive = True
    assert host.run(5.0).feed
    assert not host.run(sp.PURGE_S - 0.1, GOOD | PURGE).heat
    assert host.run(0.1, GOOD | PURGE).heat
    assert host.run(60.0, GOOD | FLOW).heat, "proven flow is enough from then on"


def test_a_gap_in_the_flow_begins_the_purge_anew():
    host = Host()
    host.run(80.0, GOOD | PURGE)
    host.run(0.1, GOOD)
    assert not host.run(80.0, GOOD | PURGE).heat
    assert host.run(6.1, GOOD | PURGE).heat


def test_lost_flow_takes_heat_and_what_feeds_after_a_second():
    host = Host(running=True)
    assert host.run(5.0, GOOD | FLOW | HEAT | FEED).heat
    assert host.run(0.9, GOOD | HEAT | FEED).heat
    safety = host.run(0.1, GOOD | HEAT | FEED)
    assert (safety.heat, safety.feed) == (False, False)
    safety = host.run(10.0, GOOD | FLOW)
    assert (safety.heat, safety.feed) == (False, False), "the flow alone brings nothing back"
    safety = host.run(sp.PURGE_S, GOOD | PURGE)
    assert (safety.heat, safety.feed) == (True, True)


def test_each_contact_takes_what_it_must():
    for bit, web in ((sp.ESTOP_OK, False), (sp.GUARDS_OK, False), (sp.GAS_OK, True)):
        host = Host(running=True)
        contacts = (GOOD | FLOW) & ~(1 << bit)
        assert host.run(1.0, contacts) == sp.Safety(heat=False, feed=False, web=web, exhaust=False)


def test_a_lost_host_latches_the_exhaust_and_motion_runs_on_for_its_time():
    host = Host(running=True)
    on = GOOD | FLOW | HEAT | FEED | WEB | FANS
    assert host.run(5.0, on) == sp.Safety(heat=True, feed=True, web=True, exhaust=False)
    host.alive = False
    assert host.run(0.1, on) == sp.Safety(heat=False, feed=False, web=True, exhaust=True)
    assert host.run(sp.RUN_ON_S - 0.2, on).web
    assert not host.run(0.2, on).web


def test_a_counter_that_stands_is_a_lost_host_though_its_bit_is_set():
    program = sp.SafetyProgram()
    program.preset()
    program.step(0.1, GOOD | FLOW, True, 7)
    assert program.step(2.0, GOOD | FLOW, True, 7).heat
    safety = program.step(2.2, GOOD | FLOW, True, 7)
    assert (safety.heat, safety.feed, safety.exhaust) == (False, False, True)


def test_the_return_of_the_host_starts_nothing():
    host = Host(running=True)
    on = GOOD | FLOW | HEAT | FEED | WEB
    host.run(5.0, on)
    host.alive = False
    host.run(sp.RUN_ON_S + 1.0, on)
    host.alive = True
    assert host.run(10.0, on) == sp.Safety(heat=False, feed=False, web=False, exhaust=True)
    safety = host.run(1.0, on & ~(HEAT | FEED))
    assert (safety.heat, safety.feed, safety.web) == (True, True, False)
    assert host.run(0.1, GOOD | FLOW).web
    assert host.run(0.1, GOOD | FLOW).exhaust
    assert not host.run(0.1, GOOD | FLOW | FANS).exhaust


def test_fire_is_not_fanned():
    host = Host(running=True)
    host.run(1.0, GOOD | FLOW)
    host.alive = False
    host.run(1.0, GOOD | FLOW)
    assert not host.run(0.1, (GOOD | FLOW) & ~(1 << sp.NO_FIRE)).exhaust
