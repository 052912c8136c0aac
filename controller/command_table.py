"""Every command of ``filmline`` in the order and the groups in which the help lists them.

The line of each is the first one of its own help; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from controller.lazy_group import Entry

_SHIFT: Final = "controller.operating.commands"
_LOOK: Final = "controller.operating.look_commands"
_ALARMS: Final = "controller.operating.alarm_commands"
_NUMBERS: Final = {"ignore_unknown_options": True}  # -3 is a value, not an option
OFFERED: Final = ""
"""Target of a command that the simulators offer, where they are installed."""

TABLE: Final[Mapping[str, tuple[Entry, ...]]] = MappingProxyType({
    "Begin": (
        Entry("demo", OFFERED, "Produce a 100 m roll on the simulated line, with a report."),
    ),
    "Prove": (
        Entry("check", "controller.check_command:check",
              "Check line and recipe files; predict what a recipe does."),
        Entry("dry-run", OFFERED, "Run a recipe on the simulated line, as fast as can be."),
    ),
    "Materials": (
        Entry("lot", "controller.materials.commands:lot_app", "Keep the lots on the floor."),
    ),
    "Run": (
        Entry("run", "controller.run_commands:run", "Run a line: the live service."),
        Entry("simulate", OFFERED, "Serve the simulated line on real ports until Ctrl-C."),
        Entry("hands", OFFERED, "Do on the simulated plant what hands do on a real one."),
        Entry("operate", OFFERED, "Operate a simulated line by a script, not a person."),
    ),
    "Look": (
        Entry("status", f"{_LOOK}:status", "Show the line now, once."),
        Entry("watch", f"{_LOOK}:watch", "Watch the line live until Ctrl-C."),
        Entry("read", f"{_LOOK}:read", "Read tags by name."),
        Entry("why-not", "controller.operating.why_command:why_not",
              "Tell everything that stands in the way, with live values.", _NUMBERS),
    ),
    "Command": (
        Entry("take", f"{_SHIFT}:take", "Take control of the line."),
        Entry("release", f"{_SHIFT}:release", "Give control up; the line goes on as it is."),
        Entry("start", f"{_SHIFT}:start", "Start the recipe."),
        Entry("hold", f"{_SHIFT}:hold", "Hold the procedure where it is."),
        Entry("restart", f"{_SHIFT}:restart", "Go on after a hold."),
        Entry("stop", f"{_SHIFT}:stop", "Stop in order, at once, without asking."),
        Entry("abort", f"{_SHIFT}:abort", "Put every output to its safe value, at once."),
        Entry("answer", f"{_SHIFT}:answer", "Answer a question of the procedure."),
        Entry("note", f"{_SHIFT}:note", "Write into the shift book, which is part of the record."),
    ),
    "Alarms": (
        Entry("alarms", f"{_ALARMS}:alarms_app",
              "Show the alarms now; of a run: alarms history LOT."),
        Entry("ack", f"{_SHIFT}:ack", "Acknowledge alarms: you have seen them."),
        Entry("silence", f"{_ALARMS}:silence", "Silence the horn; the beacon and the alarms stay."),
        Entry("shelve", f"{_ALARMS}:shelve", "Hide an alarm for a time; it comes back by itself."),
        Entry("unshelve", f"{_ALARMS}:unshelve", "Bring a shelved alarm back before its time."),
        Entry("out-of-service", f"{_ALARMS}:out_of_service",
              "Take an alarm out of service until it is put back."),
    ),
    "By hand": (
        Entry("manual", f"{_SHIFT}:manual", "Take a unit to manual."),
        Entry("set", f"{_SHIFT}:set_tag", "Set a tag of a unit that is in manual.", _NUMBERS),
        Entry("auto", f"{_SHIFT}:auto", "Give a unit back to recipe and loops."),
        Entry("do", f"{_SHIFT}:do", "Do an operation beside the recipe, or list them."),
    ),
    "Protection": (
        Entry("reset", f"{_SHIFT}:reset",
              "Reset latched trips or the procedure; starts nothing."),
        Entry("rearm", f"{_SHIFT}:rearm",
              "Put shed outputs back in service, at their safe values."),
        Entry("bypass", f"{_SHIFT}:bypass", "Ignore one interlock row for some minutes."),
    ),
    "Afterwards": (
        Entry("history", "controller.history_commands:history_app", "Ask the record of a run."),
        Entry("report", "controller.report.commands:report",
              "Write the report of a lot again from its record."),
        Entry("verify", "controller.historian.verify_command:verify",
              "Prove that nothing of a record was changed."),
        Entry("mirror", "controller.outlets.commands:mirror_app",
              "Mirror the record of a run into other servers."),
    ),
    "People": (
        Entry("user", "controller.users.commands:user_app",
              "People of the user book: names, roles, passwords."),
    ),
})  # fmt: skip
