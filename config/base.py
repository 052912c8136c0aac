"""Basis of the configuration models: the frozen base and conditions."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Span = tuple[float, float]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_.\-]*$")]


class Model(BaseModel):
    """Base of all configuration: frozen, strict, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True,
        defer_build=True,  # a model inside another is built with it, and not for itself as well
    )  # fmt: skip


class Condition(Model):
    """A structured condition over tags; three-valued: bad quality is neither true nor false.

    Exactly one of ``all``, ``any``, ``not`` or ``tag`` is set. With ``tag`` exactly one test:
    ``above``/``below``/``equals`` a number, ``above_tag``/``below_tag`` (compared with
    ``factor * other + offset``), ``rising_above`` (EU per second), or ``not_good`` = true.
    ``for_s``: the test must hold this long without a gap.
    """

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = Field(default=None, alias="not")
    tag: str | None = None
    above: float | None = None
    below: float | None = None
    equals: float | None = None
    above_tag: str | None = None
    below_tag: str | None = None
    factor: float = 1.0
    offset: float = 0.0
    rising_above: float | None = None
    not_good: bool | None = None
    for_s: float = Field(default=0.0, ge=0.0)
