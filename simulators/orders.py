"""What a dry run's operator does by the clock: ``--command "change_roll at_m=40@1h20m"``.

Commands to the procedure (``hold``, ``restart``...), a reset of a trip (``reset trip=WB-311``)
and every operation beside the recipe, given as ``operator:simulated``. What is refused is an
event of the record with its reasons, as it would be for a person.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from config.models import Role
from controller.app import Kernel
from controller.events import Event
from controller.procedure.states import Command
from simulators.faults import BadOption, seconds
from simulators.operator import person

REASON: Final = "scripted"
OPERATIONS: Final = (
    "pause_coating",
    "resume_coating",
    "change_roll",
    "rethread",
    "change_recipe",
    "clean",
)
_WRITTEN: Final = re.compile(
    r"^(?P<name>[a-z_]+)(?P<args>(?: +[a-z_]+=[^ @]+)*)@(?P<time>[0-9hms.]+)$"
)


@dataclass(frozen=True)
class Order:
    """One command: its name, arguments and line seconds."""

    name: str
    args: dict[str, str]
    at_s: float

    @property
    def text(self) -> str:
        """As it was written, without the time."""
        return " ".join((self.name, *(f"{key}={value}" for key, value in self.args.items())))


def parse_command(text: str) -> Order:
    """Read ``NAME[ key=value...]@TIME``.

    Raises:
        BadOption: with what is allowed.
    """
    known = (*(str(command) for command in Command), *OPERATIONS)
    found = _WRITTEN.match(text.strip())
    if not found or found["name"] not in known:
        raise BadOption(
            f'command {text!r}: write it as "NAME key=value@TIME", such as '
            f'"change_roll at_m=40@1h20m"; known are {", ".join(known)}'
        )
    args = dict(pair.split("=", 1) for pair in found["args"].split())
    return Order(found["name"], args, seconds(found["time"]))


@dataclass
class Orders:
    """Gives each order in its time.

    Attributes:
        told: what became of each.
    """

    kernel: Kernel
    orders: Sequence[Order]
    told: list[str] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        self.orders = sorted(self.orders, key=lambda order: order.at_s)

    @property
    def waiting(self) -> bool:
        """Whether something is still to be given, or goes on beside the recipe."""
        return self._next < len(self.orders) or bool(self.kernel.runner.side.name)

    @property
    def due_s(self) -> float:
        """When the next order is to be given; infinite after the last."""
        return self.orders[self._next].at_s if self._next < len(self.orders) else math.inf

    def step(self, now_s: float, now_ns: int) -> None:
        """Give what is due."""
        while self._next < len(self.orders) and self.orders[self._next].at_s <= now_s:
            order = self.orders[self._next]
            self._next += 1
            refused = self._give(order, now_ns)
            self.told.append(f"{order.text}: {'; '.join(refused) if refused else 'taken'}")
            if refused:
                who = person(Role.OPERATOR).name
                cause = "; ".join(refused)
                event = Event(now_ns, "operator", "refused", order.name, None, None, cause, who)
                self.kernel.record((event,))

    def _give(self, order: Order, now_ns: int) -> list[str]:
        kernel, operator = self.kernel, person(Role.OPERATOR)
        if order.name == Command.RESET and "trip" in order.args:
            engineer = person(Role.ENGINEER)
            decision = kernel.interlocks.reset(order.args["trip"], engineer, REASON, now_ns)
            return [str(reason) for reason in decision.reasons]
        if order.name in OPERATIONS:
            return kernel.operations.do(order.name, order.args, REASON, operator, now_ns)
        why = kernel.runner.command(Command(order.name), REASON, operator)
        return [why] if why else []
