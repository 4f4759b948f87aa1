"""Another node as a peer of calls: a phone that is registered there is rung by it, on our behalf.

Who calls crosses in the words of a trusted trunk (number, name, privacy, history), beside a passport that says which
phones are to ring. Forwards, groups and limits stay with the node that the call came to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred, fail

from rustalk.call.target import Limit, Target
from rustalk.config.model import Manners
from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Request
from rustalk.sip.uri import Uri, format_host
from rustalk.store.nodes import Node, Nodes
from rustalk.transport.errors import TransportError
from rustalk.transport.layer import Transport
from rustalk.trunk.dialect import Dialect
from rustalk.trunk.number import as_user
from rustalk.ua.inspect import ALLOW
from rustalk.ua.outgoing import Invitation
from rustalk.ua.route import Path, Routed, Router
from rustalk.ua.subject import Subject

from .bindings import Binding
from .passport import FIELD, Passports, read_passport
from .peers import Busy

__all__ = ["MANNERS", "NODE", "Beyond", "Neighbour", "is_of_cluster"]

NODE = "node:"
"""What stands before the id of a node where a call comes from it or goes to it, as an id of a peer."""

MANNERS = Manners(trusted=True, identity="pai", history="history-info", srtp="preferred")
"""How nodes speak to each other."""

_KEPT, _EXTRA = "X-RusTalk-Kept", "X-RusTalk-Extra"
"""Name the fields that the caller's trunk lets cross to anybody: all of them, and those that nobody else speaks for."""

_PATIENCE = 5.0
_DECLINED = 600


def is_of_cluster(peer: str) -> bool:
    """Whether a peer is a node."""
    return peer.startswith(NODE)


class Neighbour:
    """One other node, Trunk-shaped. ``profile`` is the SIP profile over which the nodes call each other."""

    allow = ALLOW
    early_media = "first"
    ring_within: float | None = None
    internal_address = ""
    refer = "handle"
    redirects = "follow"
    takes_info = True
    takes_refer = takes_redirects = False

    def __init__(
        self,
        node: Node,
        *,
        nodes: Nodes,
        profile: str,
        transport: Transport,
        router: Router,
        passports: Passports,
        media: Callable[[], MediaSide],
        domain: Callable[[], str],
        timeout: float,
    ) -> None:
        self.id = NODE + node.id
        self.node = node
        self.limit: Limit = Busy()
        self._nodes = nodes
        self.profile = profile
        self._transport = transport
        self._router = router
        self._passports = passports
        self._media = media
        self._domain = domain
        self._timeout = timeout
        self._dialect = Dialect(MANNERS)

    @property
    def media(self) -> MediaSide:
        """How media between nodes are treated."""
        return self._media()

    def media_over(self, flow: IFlow) -> MediaSide:
        """The same over every flow."""
        return self._media()

    def subject(self, request: Request) -> Subject:
        """Who calls whom, as the other node has understood it."""
        subject = self._dialect.reader.subject(request)
        passport = read_passport(request.get(FIELD) or "")
        kept, named = (tuple(sorted(request.tokens(name))) for name in (_KEPT, _EXTRA))
        if kept:
            extra = tuple(field for field in request.fields if field[0] in named)
            subject = replace(subject, told=replace(subject.told, kept=kept, extra=extra))
        if passport is None:
            return replace(subject, is_trusted=False)
        return replace(subject, is_trusted=passport.is_trusted, part_of=passport.call)

    def contact(self, flow: IFlow, user: str, tenant: str = "") -> str:
        """Where this node is called by the others."""
        own = self._nodes.own
        transport = "" if own.transport == "UDP" else f";transport={own.transport.lower()}"
        return f"<sip:{as_user(user)}@{format_host(own.address or flow.local[0])}:{own.port}{transport}>"

    def inward(self, number: str) -> str:
        """The nodes have the same numbers."""
        return number

    def answers_at(self, uri: Uri) -> bool:
        """Never: whom somebody there transfers a call to is called from there."""
        return False

    def host_of(self, tenant: str) -> str:
        """Its calls are not told apart by a name of ours."""
        return ""

    def path(self, flow: IFlow) -> Path:
        """Where requests of a dialog go that began on this flow."""
        return Routed(self._router, flow)

    def targets(self) -> Sequence[Target]:
        """None: a node is called for its phones only."""
        return ()

    def reach(self) -> Deferred[IFlow]:
        """A flow to the node; fails with TransportError."""
        node = self._nodes.find(self.node.id)
        if node is None:
            return fail(TransportError("lost", f"node {self.node.id} does not live"))
        return self._transport.flow(self.profile, node.transport, node.address, node.port, timeout=self._timeout)

    def doubt(self, why: str) -> None:
        """The node has not taken a call: its phones are out of reach until it is heard again."""
        self._nodes.doubt(self.node.id, f"it takes no call, {why}")

    def invitation(
        self, number: str, bindings: Sequence[Binding], subject: Subject, body: bytes, flow: IFlow
    ) -> Invitation:
        """The INVITE for phones of an extension, all of them registered at this node."""
        domain = format_host(self._domain())
        writer = self._dialect.writer
        caller = writer.caller(subject, domain)
        fields: list[Field] = list(writer.fields(subject, domain))
        for field, names in ((_KEPT, subject.told.kept), (_EXTRA, {name for name, _ in subject.told.extra})):
            if names:
                fields.append((field, ", ".join(sorted(names))))
        passport = self._passports.issue(
            self.node.id,
            [name_of(each) for each in bindings],
            trusted=subject.is_trusted,
            caller=NameAddr.parse(caller.from_).uri.number,
            called=number,
            call=subject.part_of or subject.call,
        )
        return Invitation(
            uri=f"sip:{as_user(number)}@{format_host(flow.peer[0])}:{flow.peer[1]}",
            from_=caller.from_,
            to=f"<sip:{as_user(number)}@{domain}>",
            contact=self.contact(flow, caller.user),
            body=body,
            enclosed=writer.enclose(subject, body),
            fields=(*fields, (FIELD, passport)),
            max_forwards=subject.max_forwards,
            patience=_PATIENCE,
        )


class Beyond:
    """A target that is some phones of an extension at another node, which ring together."""

    __slots__ = ("_bindings", "_neighbour", "_number", "limit", "within")

    def __init__(
        self, neighbour: Neighbour, number: str, bindings: Sequence[Binding], *, limit: Limit, within: float | None
    ) -> None:
        self._neighbour = neighbour
        self._number = number
        self._bindings = tuple(bindings)
        self.limit = limit
        self.within = within

    @property
    def trunk(self) -> str:
        """The id of the node as a peer."""
        return self._neighbour.id

    @property
    def media(self) -> MediaSide:
        """How media between nodes are treated."""
        return self._neighbour.media

    def reach(self) -> Deferred[IFlow]:
        """A flow to the node."""
        return self._neighbour.reach()

    def path(self, flow: IFlow) -> Path:
        """Where later requests go."""
        return self._neighbour.path(flow)

    def invite(self, subject: Subject, body: bytes, flow: IFlow) -> Invitation:
        """The INVITE for the phones."""
        return self._neighbour.invitation(self._number, self._bindings, subject, body, flow)

    def worked(self) -> None:
        """The node answered, for itself or for a phone."""

    def failed(self, why: str) -> None:
        """The node did not answer."""
        self._neighbour.doubt(why)

    def moves_on(self, status: int, progressed: bool) -> bool:
        """Whether other phones of the extension are tried: not when somebody has declined."""
        return status < _DECLINED


def name_of(binding: Binding) -> str:
    """What a passport calls a phone: the end of the id of its binding."""
    return binding.id.rpartition("-")[2]
