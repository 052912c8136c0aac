"""The verbs about the control token, and what pictures show of it."""

from __future__ import annotations

from controller.events import Actor
from controller.operating.authority import Authority
from controller.operating.reply import Reply, done
from controller.operating.words import Args, Refused, text


class Control:
    """Take, release and keep.

    Args:
        authority: the token of the line.
    """

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def take(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Take control of the line, from its holder if it has one."""
        before = self._authority.holder(now_ns)
        refused = self._authority.take(actor, text(args, "reason"), now_ns)
        if refused:
            raise Refused(refused)
        taken = "" if before is None or before.name == actor.name else f", taken from {before.name}"
        reply = done(f"{actor.name} has control{taken}", control=self.shown(now_ns))
        return reply.about("", None if before is None else before.name, actor.name)

    def release(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Give control up; the line goes on as it is."""
        _ = args
        refused = self._authority.release(actor, now_ns)
        if refused:
            raise Refused(refused)
        return done("nobody has control now; the line goes on as it is").about("", actor.name)

    def keep(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Renew one's own lease, as a live page does; never claims or takes."""
        _ = args
        kept = self._authority.keep(actor, now_ns)
        return done(kept=kept, control=self.shown(now_ns))

    def shown(self, now_ns: int) -> dict[str, object] | None:
        """Who has control, for pictures; None when nobody has."""
        held = self._authority.holder(now_ns)
        if held is None:
            return None
        return {
            "by": held.name,
            "role": str(held.role),
            "since_s": round((now_ns - held.since_ns) / 1e9, 1),
            "left_s": round((held.until_ns - now_ns) / 1e9, 1),
        }

    def taken_over(self, now_ns: int) -> dict[str, object] | None:
        """The last take-over while it is shown; None when there is none."""
        found = self._authority.taken(now_ns)
        if found is None:
            return None
        ago_s = round((now_ns - found.ns) / 1e9, 1)
        return {"by": found.by, "of": found.of, "reason": found.reason, "ago_s": ago_s}
