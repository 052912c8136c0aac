"""A runner on a fake line, and phases that try it: what the tests of the procedure share."""

from __future__ import annotations

from typing import ClassVar

from config.models import PhaseUse, Role, UnitProcedure
from controller.conditions import compile_condition
from controller.events import Actor
from controller.procedure.journal import MemoryJournal
from controller.procedure.phase import Params, Phase
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command
from controller.procedure.steps import (
    Accumulate,
    Ask,
    Log,
    Move,
    Put,
    Ramp,
    Until,
    Wait,
)
from tests.fake_line import FakeLine, core25

OPERATOR = Actor("kim", Role.OPERATOR)
ENGINEER = Actor("lee", Role.ENGINEER)
VIEWER = Actor("guest", Role.VIEWER)


class Ramping(Phase):
    use: ClassVar[str] = "ramping"
    steps: ClassVar[tuple[str, ...]] = ("up", "rest")

    class Parameters(Params):
        """A target."""

        target: float = 2.0

    params: Parameters

    def up(self, ctx):
        yield Ramp((Move("SIC-210.SP", self.params.target, 6.0),), "up")

    def rest(self, ctx):
        yield Wait(10.0, "rest")

    def holding(self, ctx):
        yield Log("own holding")
        yield Wait(2.0, "hold settles")

    def restarting(self, ctx):
        yield Log("own restarting")

    def stopping(self, ctx):
        yield Log("own stopping")


class Waiting(Phase):
    use: ClassVar[str] = "waiting"
    steps: ClassVar[tuple[str, ...]] = ("pressure",)

    def pressure(self, ctx):
        yield Until(
            lambda c: c.value("PIT-110.PV") > 1.0,
            lambda c: f"die pressure {c.text('PIT-110.PV')} MPa",
            timeout_s=30.0,
            for_s=5.0,
        )


class Asking(Phase):
    use: ClassVar[str] = "asking"
    steps: ClassVar[tuple[str, ...]] = ("question", "write")

    def question(self, ctx):
        answer = yield Ask("go", "Go on?", Role.ENGINEER, ("yes", "no"))
        yield Log(f"answered {answer}")

    def write(self, ctx):
        yield Put("XV-111.CMD", 1.0, "open")
        yield Put("SIC-110.SP", 99.0, "too fast a pump")


class Soaking(Phase):
    use: ClassVar[str] = "soaking"
    steps: ClassVar[tuple[str, ...]] = ("before", "soak")

    def before(self, ctx):
        yield Wait(1.0, "before")

    def soak(self, ctx):
        yield Accumulate(
            "soak_s",
            lambda c: 1.0 if abs(c.value("TIC-508.PV") - 480.0) < 5.0 else None,
            20.0, "soak", 1000.0,
        )  # fmt: skip


class Purging(Phase):
    use: ClassVar[str] = "purging"
    steps: ClassVar[tuple[str, ...]] = ("purge",)
    volatile: ClassVar[tuple[str, ...]] = ("volumes",)

    def purge(self, ctx):
        yield Accumulate(
            "volumes", lambda c: c.value("FT-508.PV") / 100.0, 10.0, "purge", 1000.0,
            gap_resets=True,
        )  # fmt: skip


class Endless(Phase):
    use: ClassVar[str] = "endless"
    steps: ClassVar[tuple[str, ...]] = ("spin",)

    def spin(self, ctx):
        while True:
            yield Log("again")


class Setting(Phase):
    """A phase that writes one output."""

    use: ClassVar[str] = "setting"
    steps: ClassVar[tuple[str, ...]] = ("put",)

    def put(self, ctx):
        yield Put("SIC-210.SP", 1.0, "set")


class SlowToStop(Phase):
    """A phase that comes to rest before the controlled stop."""

    use: ClassVar[str] = "slow_to_stop"
    steps: ClassVar[tuple[str, ...]] = ("run",)

    def run(self, ctx):
        yield Wait(1000.0, "runs")

    def stopping(self, ctx):
        yield Wait(4.0, "comes to rest")


REGISTRY = {
    p.use: p for p in (Ramping, Waiting, Asking, Soaking, Purging, Endless, Setting, SlowToStop)
}
STOP = (UnitProcedure(name="stop", phase=(PhaseUse(use="asking", name="end"),)),)


class Bench:
    """A runner on a fake line, scanned at 1 s."""

    def __init__(self, *uses, journal=None, refuse=(), stop_units=()):
        self.plant = FakeLine()
        self.refuse = set(refuse)
        self.puts = []
        self.forced = []
        unit = UnitProcedure(name="u", phase=tuple(uses))
        recipe = core25().model_copy(update={"unit": (unit,)})
        self.journal = journal or MemoryJournal()
        table = self.plant.table

        def put(tag, value, reason, now_ns):
            if tag in self.refuse:
                return ["blocked by IL3"]
            low, high = next(
                t.write.range for i in self.plant.line.instrument for t in i.tags if t.name == tag
            )
            if not low <= value <= high:
                return ["out of range"]
            self.puts.append((tag, value))
            table.request[table.index(tag)] = value
            self.plant.asked[tag] = value
            return []

        def force(tag, value, reason, now_ns):
            self.forced.append((tag, value))
            return []

        class Switches:
            def switch(self, name, on, now_ns):
                pass

        self.runner = Runner(
            self.plant.line, recipe, table, Doors(put, force, Switches()), self.journal, REGISTRY,
            lambda c: compile_condition(c, table), stop_units,
        )  # fmt: skip
        self.events = []
        self.scan(1)

    def scan(self, count=1):
        for _ in range(count):
            snapshot = self.plant.step(1.0)
            self.events += self.runner.step(snapshot, self.plant.now_ns, 1.0)

    def start(self):
        assert self.runner.command(Command.START, "test", OPERATOR) == ""

    def logs(self):
        return [e.cause for e in self.events if e.verb == "log"]

    def request(self, tag):
        return float(self.plant.table.request[self.plant.table.index(tag)])


def started(*uses: PhaseUse, **more: object) -> Bench:
    bench = Bench(*uses, **more)
    bench.start()
    bench.scan(2)
    return bench
