"""Checks of the ranges that a line file gives to people of a role, inside the writable range."""

from __future__ import annotations

from config.models import Role, Span, WriteSpec
from config.positions import Path
from config.problems import Category
from config.source import Source

_ROLES = tuple(Role)


def check_role_ranges(source: Source, path: Path, write: WriteSpec, unit: str) -> None:
    """Report ranges of roles that are empty, too wide, for nobody, or without the safe value.

    Args:
        source: the line file.
        path: of the tag's ``write`` table.
        write: the table; its own range is in order.
        unit: of the tag.
    """
    around = write.range
    for role, span in ((Role.ENGINEER, write.by_role.engineer),
                       (Role.OPERATOR, write.by_role.operator)):  # fmt: skip
        if span is None:
            continue
        at: Path = (*path, "by_role", str(role))
        if _ROLES.index(role) < _ROLES.index(write.role):
            source.report(
                Category.CONTRADICTION, at, f"{role} may not write this tag", f"role = {write.role}"
            )
        elif span[0] >= span[1]:
            source.report(Category.CONTRADICTION, at, "the lower end is not below the upper")
        elif not _inside(span, around):
            source.report(
                Category.RANGE,
                at,
                "wider than the range of the role above",
                f"within {around[0]:g} to {around[1]:g} {unit}",
            )
        elif not span[0] <= write.safe <= span[1]:
            source.report(
                Category.CONTRADICTION,
                at,
                "the safe value cannot be written",
                f"a range with {write.safe:g} {unit}",
            )
        else:
            around = span


def _inside(span: Span, around: Span) -> bool:
    return around[0] <= span[0] and span[1] <= around[1]
