"""Every kind of link fault on every bus or every instrument, one after another.

What must hold whatever was done to the links: the owners of the buses live, everything answers
again within a minute, and nothing was switched on by anybody.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.base import Quality
from simulators.faults import LINKS, BadOption, TimedFault, check, parse_fault
from simulators.faults_link import Bench
from simulators.faults_schedule import FaultSchedule
from tests.dry_rig import DryRig, files

WORDS = {"delay": " 400ms", "exception": " 4"}
OF_THE_WIRE = ("drop", "disconnect", "half_open")  # the others of a bus are its instruments'
FOR_S, EVERY_S, FIRST_S = 1.5, 2.5, 10.0


def every_fault() -> list[TimedFault]:
    """Those that mean something, each at its own time."""
    line = files()[0]
    found: list[TimedFault] = []
    for kind in LINKS:
        places = line.bus if kind in OF_THE_WIRE else line.instrument
        for name in (place.name for place in places):
            at_s = FIRST_S + EVERY_S * len(found)
            fault = parse_fault(f"{kind}({name}{WORDS.get(kind, '')})@{at_s:g}s+{FOR_S}s")
            try:
                check([fault], line)
            except BadOption:
                continue
            found.append(fault)
    return found


@pytest.mark.timeout(600)  # ten minutes of line time
def test_all_of_them_leave_a_line_that_answers_and_stands(tmp_path: Path) -> None:
    faults = every_fault()
    assert {fault.name for fault in faults} == set(LINKS)
    with DryRig(tmp_path, start="cold", start_at_s=None) as rig:
        bench = Bench(files()[0], rig.plant, rig.line_up, rig.wire)
        said: list[str] = []
        schedule = FaultSchedule(faults, bench, said.append)
        for fault in faults:
            for second in (fault.at_s, fault.at_s + FOR_S):
                rig.at(second, lambda second=second: schedule.step(second))
        rig.run(faults[-1].at_s + FOR_S)
        assert len(said) == 2 * len(faults)
        rig.run(60.0)
        assert not any(task.done() for task in rig._tasks)
        table = rig.kernel.table
        lost = {
            one.name
            for one in files()[0].instrument
            for tag in one.tags
            if table.quality[table.index(tag.name)] == Quality.BAD_NO_COMMUNICATION
        }
        act = rig.plant.act
        assert not act.contactor.any()
        assert "IL14-SAFETY" in rig.kernel.interlocks.result.active
        assert (
            act.fan == 1.0
        ).all()  # a silent safety controller takes the exhaust to its safe state
        assert (act.belt, act.rails, act.pump_rpm) == (0.0, 0.0, 0.0)
        assert [str(violation) for violation in rig.judge.violations] == []
        assert lost == {"REGLO"}  # without power on a line that stands
