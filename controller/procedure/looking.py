"""Which tags a step looks at: found by letting its functions look through a context that notes."""

from __future__ import annotations

from collections.abc import Callable

from controller.procedure.context import Context
from controller.procedure.steps import Accumulate, Ask, Log, Put, Ramp, Step, Stop, Switch, Until


class Looking(Context):
    """The same view as a context, which notes what is looked at.

    Attributes:
        looked: tags in the order in which they were first looked at.
    """

    __slots__ = ("looked",)

    def __init__(self, ctx: Context) -> None:
        for name in Context.__slots__:
            setattr(self, name, getattr(ctx, name))
        self.looked: dict[str, None] = {}

    def value(self, tag: str) -> float:
        """Value of a tag; NaN unless its quality is GOOD."""
        self.looked[tag] = None
        return super().value(tag)

    def request(self, tag: str) -> float:
        """Last accepted request of a tag."""
        self.looked[tag] = None
        return super().request(tag)


def looked_at(item: Step, ctx: Context) -> tuple[str, ...]:
    """Tags on which it depends whether a step goes on; nothing moves by asking."""
    looking = Looking(ctx)
    for look in _looks(item):
        look(looking)
    return tuple(looking.looked)


def _looks(item: Step) -> list[Callable[[Context], object]]:
    """The functions of a step that look at the plant, its text among them."""
    if isinstance(item, Put | Ask | Log | Stop | Switch):
        return []
    found: list[Callable[[Context], object] | None] = []
    if isinstance(item, Until):
        found = [item.test, item.guard]
    elif isinstance(item, Accumulate):
        found = [item.rate]
    elif isinstance(item, Ramp):
        found = [item.holdback]
    if not isinstance(item.text, str):
        found.append(item.text)
    return [look for look in found if look is not None]
