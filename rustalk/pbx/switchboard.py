"""Who is called: the dialplan gives destinations, and here they become targets that a call can ring.

What a destination cannot take goes on: an extension forwards, a group flows over, the next of a set is tried. Each such
step is a hop, and a call that comes back to where it has been, or goes on without end, ends with a reason of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rustalk.call.events import Refused
from rustalk.call.fork import Fork, Ring
from rustalk.call.switchboard import Asked, Placed, nothing
from rustalk.call.target import Target
from rustalk.config.model import TEAMS, Destination, Extension, RingGroup, Settings
from rustalk.ua.reasons import REASONS
from rustalk.ua.subject import Diverted, Subject

from .dialplan import Dialplan
from .directory import EXTENSION, calling_extension
from .forwarding import Forward, forwarded, outcome_of, redirected
from .grants import Grants
from .hops import Hops
from .peers import Peers
from .place import place
from .query import Decision, Query
from .ring_group import Stage, Turns, rings

__all__ = ["Goal", "Switchboard"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a call pursues: the ``destination`` it is at, and those of the same set that are ``left`` to be tried.

    ``query`` and ``made`` are what the dialplan was asked and said; ``granted`` names the limits that count the call
    already, once however often it goes on. ``then`` is the call as it was before an overflow or a forward led away from
    a set in which something was left: that comes when nobody takes it here.
    """

    destination: Destination
    left: tuple[Destination, ...]
    hops: Hops
    query: Query
    made: Decision
    granted: frozenset[str] = frozenset()
    then: tuple[Subject, Goal] | None = None

    def after(self, subject: Subject) -> tuple[Subject, Goal] | None:
        """What comes when nobody takes the call where it is led from here."""
        return (subject, self) if self.left else self.then


class Switchboard:
    """Answers what calls ask. ``now`` gives the moment with its time zone, ``address`` makes a target of a SIP URI."""

    def __init__(
        self,
        plan: Dialplan,
        grants: Grants,
        *,
        peers: Peers,
        address: Callable[[str], Target | None],
        now: Callable[[], datetime],
    ) -> None:
        self.plan = plan
        self._grants = grants
        self._peers = peers
        self._address = address
        self._now = now
        self._turns = Turns()

    def use(self, settings: Settings) -> None:
        """Decide by these settings from now on; calls in progress stay where they are."""
        self.plan = Dialplan(settings, below=self.plan.below, before=self.plan)
        self._grants.use(settings)
        self._turns.keep(group.id for group in settings.ring_groups)

    def tenant(self, subject: Subject, source: str) -> str | None:
        """Whose call from Teams it is; None for other sources, and for a name that is not ours."""
        return self.plan.tenants.for_host(subject) if source == TEAMS else None

    def is_emergency(self, subject: Subject, source: str) -> bool:
        """Whether the dialplan takes a call for one for help; nothing is counted."""
        made = self.plan.decide(
            Query(
                source, subject.caller, subject.called, self._now(), subject.tenant, is_emergency=subject.is_emergency
            )
        )
        return isinstance(made, Decision) and made.is_emergency

    def place(self, subject: Subject, source: str, header: Asked = nothing) -> Placed:
        """Where a call goes now."""
        return self._dialled(subject, source, Hops(), header=header)

    def onward(self, placed: Placed, source: str, refusal: Refused) -> Placed | None:
        """Where a call goes that nobody there has taken."""
        goal = placed.goal
        if not isinstance(goal, Goal):
            return None
        status = refusal.status or (REASONS[refusal.cause].status if refusal.cause in REASONS else 0)
        following = self._flowed(placed.subject, goal, status, refusal.cause)
        rest = goal.after(placed.subject)
        while rest is not None and (following is None or not following.targets):
            subject, before = rest
            before = replace(before, hops=goal.hops, granted=before.granted | goal.granted)
            later = self._pursued(subject, before.left, before)
            following = later if later.targets or following is None else following
            rest = before.then
        if following is None:
            return None
        return replace(following, route=following.route or placed.route, media=following.media or placed.media)

    def asker(self, peer: str, source: str) -> str:
        """An extension that sends a call elsewhere dials on by itself; what a trunk says stays the caller's wish."""
        return peer if calling_extension(peer) else source

    def picks_up(self, source: str, peer: str) -> bool:
        """The same peer may, and whoever is in a ring group with it."""
        return source == peer or self.plan.directory.are_mates(calling_extension(source), calling_extension(peer))

    def _flowed(self, subject: Subject, goal: Goal, status: int, code: str) -> Placed | None:
        """The forward of an extension, or the overflow of a group."""
        destination = goal.destination
        if destination.type == "Extension":
            extension = self.plan.directory.extension(destination.value)
            forward = forwarded(extension, outcome_of(status, code)) if extension is not None else None
            return self._forwarded(subject, extension, forward, goal) if extension and forward else None
        if destination.type == "RingGroup":
            group = self.plan.directory.group(destination.value)
            if group is not None and group.overflow is not None:
                return self._flowing(subject, group.overflow, goal)
        return None

    def _flowing(self, subject: Subject, overflow: Destination, goal: Goal) -> Placed:
        return self._pursued(subject, (overflow,), replace(goal, left=(), then=goal.after(subject)))

    # The dialplan.

    def _dialled(
        self,
        subject: Subject,
        asker: str,
        hops: Hops,
        granted: frozenset[str] = frozenset(),
        header: Asked = nothing,
        then: tuple[Subject, Goal] | None = None,
    ) -> Placed:
        """Where a number leads that ``asker`` dials: who calls, or an extension that forwards a call."""
        found = place(self.plan, subject, asker, self._now(), header)
        route = found.route.id if found.route is not None else ""
        if found.decision is None or found.query is None:
            return Placed(found.subject, code=found.code, status=found.status, route=route)
        made = found.decision
        goal = Goal(made.destinations[0], (), hops, found.query, made, granted, then)
        return replace(self._pursued(found.subject, made.destinations, goal), route=route, media=made.media)

    # Destinations.

    def _pursued(self, subject: Subject, destinations: Sequence[Destination], goal: Goal) -> Placed:
        """The first of these destinations that can be called; without one the reason of the first."""
        refusal: Placed | None = None
        for at, destination in enumerate(destinations):
            placed = self._at(subject, replace(goal, destination=destination, left=tuple(destinations[at + 1 :])))
            if placed.targets:
                return placed
            refusal = refusal or placed
        return refusal or Placed(subject, code="no_target")

    def _at(self, subject: Subject, goal: Goal) -> Placed:
        """A destination, once the limits of everyone concerned have let the call pass."""
        destination = goal.destination
        way = goal.hops if destination.type == "Trunk" else goal.hops.to(destination.type, destination.value)
        if isinstance(way, str):
            return Placed(subject, code=way)
        taken = self._grants.admit(self.plan, goal.query, goal.made, destination, goal.granted)
        if isinstance(taken, str):
            return Placed(subject, code=taken)
        placed = self._reached(subject, replace(goal, hops=way, granted=taken.names))
        if placed.targets:
            return replace(placed, grants=(*taken.grants, *placed.grants))
        for grant in taken.grants:
            grant.release()
        return placed

    def _reached(self, subject: Subject, goal: Goal) -> Placed:
        destination = goal.destination
        match destination.type:
            case "Trunk":
                return self._at_trunk(subject, goal)
            case "Extension":
                return self._at_extension(subject, goal)
            case "RingGroup":
                return self._at_group(subject, goal)
            case "Custom":
                return self._at_address(subject, goal)
            case "Voicemail":
                return Placed(subject, code="voicemail_unavailable")
            case "Queue":
                return Placed(subject, code="queue_unavailable")
            case "Hangup":
                status = int(destination.value) if destination.value else 0
                return Placed(subject, code="route_hangup", status=status)

    def _at_trunk(self, subject: Subject, goal: Goal) -> Placed:
        """A trunk, and those that stand right behind it: a host of the next one is tried like one more of the first."""
        trunks = [goal.destination]
        left = goal.left
        while left and left[0].type == "Trunk":
            trunks.append(left[0])
            left = left[1:]
        targets = [target for each in trunks for target in self._hosts(each.value)]
        return Placed(subject, targets, code="" if targets else "no_target", goal=replace(goal, left=left))

    def _hosts(self, trunk: str) -> Sequence[Target]:
        found = self._peers.get(trunk)
        return found.targets() if found is not None else ()

    def _at_address(self, subject: Subject, goal: Goal) -> Placed:
        uri = goal.destination.value
        target = self._address(uri)
        if target is None:
            return Placed(subject, code="no_target")
        return Placed(replace(subject, uri=uri), (target,), goal=goal)

    def _at_extension(self, subject: Subject, goal: Goal) -> Placed:
        extension = self.plan.directory.extension(goal.destination.value)
        if extension is None or not extension.enabled:
            return Placed(subject, code="extension_disabled")
        before = redirected(extension)
        if isinstance(before, Forward):
            return self._forwarded(subject, extension, before, goal)
        if before is not None:
            return Placed(subject, code=before)
        targets = self._rung(extension)
        if targets:
            return Placed(subject, targets, goal=goal)
        forward = forwarded(extension, "unreachable")
        if forward is not None:
            return self._forwarded(subject, extension, forward, goal)
        return Placed(subject, code="extension_offline")

    def _rung(self, extension: Extension) -> Sequence[Target]:
        """The phones of an extension, for as long as they ring before the call is forwarded."""
        phone = self._peers.phone(extension.extension)
        forwarding = extension.call_forwarding
        within = forwarding.no_answer_seconds if forwarding.no_answer else None
        return phone.targets(within) if phone is not None else ()

    def _forwarded(self, subject: Subject, extension: Extension, forward: Forward, goal: Goal) -> Placed:
        """The call, dialled on by the extension."""
        if not forward.number:
            box = Destination(type="Voicemail", value=extension.extension)
            return self._flowing(subject, box, goal)
        left = Diverted(subject.called, forward.cause)
        told = replace(subject.told, history=(*subject.told.history, left))
        onward = replace(subject, called=forward.number, uri="", told=told)
        asker = EXTENSION + extension.extension
        return self._dialled(onward, asker, goal.hops, goal.granted, then=goal.after(subject))

    def _at_group(self, subject: Subject, goal: Goal) -> Placed:
        group = self.plan.directory.group(goal.destination.value)
        if group is None:
            return Placed(subject, code="no_target")
        targets = [target for stage in self._stages(group) for target in self._together(stage)]
        if targets:
            return Placed(subject, targets, goal=goal)
        if group.enabled and group.overflow is not None:
            return self._flowing(subject, group.overflow, goal)
        return Placed(subject, code="group_empty")

    def _stages(self, group: RingGroup) -> tuple[Stage, ...]:
        return rings(
            group,
            find=self.plan.directory.extension,
            is_there=lambda number: bool(self._phones(number)),
            is_busy=self._peers.is_busy,
            turns=self._turns,
        )

    def _together(self, stage: Stage) -> Iterable[Target]:
        """The members of one stage as a fork of all their phones."""
        forked = [Ring(target, ring.delay) for ring in stage.members for target in self._phones(ring.extension)[:1]]
        return [Fork(forked, within=stage.seconds, is_group=True)] if forked else []

    def _phones(self, number: str) -> Sequence[Target]:
        phone = self._peers.phone(number)
        return phone.targets() if phone is not None else ()
