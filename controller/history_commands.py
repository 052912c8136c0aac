"""``filmline history`` as people have it: of the record, and of lots and rolls made from it."""

from __future__ import annotations

from controller.historian.commands import history_app
from controller.materials.commands import history_lots
from controller.report.rolls_command import rolls

__all__ = ["history_app"]

history_app.command("lots")(history_lots)
history_app.command("rolls")(rolls)
