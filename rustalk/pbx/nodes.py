"""Calls between the nodes of a cluster: out to the phones that others hold, and in for those that are registered here.

A call that another node passes on rings the phones that it names and goes nowhere else: no forward, no group and no
third node, so that nothing goes round. It is known by its passport (see `rustalk.pbx.passport`) and by the address that
the database has of the node; whatever shows no passport is treated as a stranger's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from twisted.logger import Logger

from rustalk.call.calls import Calls
from rustalk.call.events import Refused
from rustalk.call.switchboard import Asked, Placed, Switchboard, nothing
from rustalk.call.target import Target
from rustalk.config import formats
from rustalk.config.model import Manners, Settings, SipProfile
from rustalk.interfaces import IFlow
from rustalk.media.session import MediaSide
from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Request
from rustalk.store.nodes import Node, Nodes
from rustalk.transport.layer import Transport
from rustalk.transport.resolve import Resolver
from rustalk.ua.dialogs import Dialogs, Usage
from rustalk.ua.endpoint import ServerTransaction, Surface, Verdict
from rustalk.ua.route import Router
from rustalk.ua.subject import Subject

from .bindings import Binding
from .neighbour import MANNERS, NODE, Beyond, Neighbour, is_of_cluster
from .passport import FIELD, Passports, read_passport
from .phone import Phone

__all__ = ["Doorway", "Local", "Neighbours", "Ways", "meeting_place", "own_place"]

log = Logger()


@dataclass(frozen=True, slots=True)
class Ways:
    """What leads to other nodes. ``media_on`` says how media are treated on a profile."""

    transport: Transport
    resolver: Resolver
    media_on: Callable[[str, Manners], MediaSide]


def meeting_place(settings: Settings) -> SipProfile | None:
    """The SIP profile over which nodes call each other: the first with TCP or else UDP, and never that of Teams."""
    teams = settings.teams_profile
    open_ = [each for each in settings.profiles if teams is None or each.id != teams.id]
    for protocol in ("tcp", "udp"):
        for profile in open_:
            if protocol in profile.protocols:
                return profile
    return None


def own_place(id: str, profile: SipProfile | None, port: int) -> Node:
    """Where this node is called by the others. A profile on all addresses leaves it to the database to know ours."""
    if profile is None:
        return Node(id)
    address = "" if formats.is_wildcard(profile.bind_address) else profile.bind_address
    transport = "TCP" if "tcp" in profile.protocols else "UDP"
    return Node(id, address, port, transport, ip_address(profile.bind_address).version)


class Neighbours(Mapping[str, Neighbour]):
    """The other nodes as peers, by "node:" and their id. One that is dead is still there for the calls it has."""

    def __init__(self, nodes: Nodes, settings: Settings, ways: Ways, *, passports: Passports) -> None:
        self.nodes = nodes
        self._ways = ways
        self._passports = passports
        self._known: dict[str, Neighbour] = {}
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Go by these settings from now on."""
        profile = meeting_place(settings)
        self._settings = settings
        self._profile = profile.id if profile is not None else ""

    def __getitem__(self, id: str) -> Neighbour:
        known = self._known.get(id)
        node = self.nodes.find(id.removeprefix(NODE)) if is_of_cluster(id) else None
        if node is None or (known is not None and known.node == node and known.profile == self._profile):
            return self._known[id]
        made = self._known[id] = self._made(node)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def _made(self, node: Node) -> Neighbour:
        profile = self._profile
        router = Router(
            self._ways.transport,
            self._ways.resolver,
            profile=profile,
            protocol=node.transport,
            families=(ip_address(node.address).version,),
            tls=None,
            timeout=self._settings.transport.connect_timeout,
        )
        return Neighbour(
            node,
            nodes=self.nodes,
            profile=profile,
            transport=self._ways.transport,
            router=router,
            passports=self._passports,
            media=lambda: self._ways.media_on(profile, MANNERS),
            domain=lambda: self._settings.sip.domain,
            timeout=self._settings.transport.connect_timeout,
        )

    def passes(self, node: str) -> bool:
        """Whether a node takes calls for its phones now, and this one has a way to it."""
        return bool(self._profile) and self.nodes.find(node) is not None

    def beyond(self, phone: Phone, bindings: Sequence[Binding], within: float | None) -> list[Target]:
        """Targets for phones of an extension that other nodes hold, one a node."""
        by_node: dict[str, list[Binding]] = {}
        for binding in bindings:
            by_node.setdefault(binding.node, []).append(binding)
        number = phone.extension.extension
        return [
            Beyond(self[NODE + node], number, held, limit=phone.limit, within=within) for node, held in by_node.items()
        ]

    def sender(self, request: Request, flow: IFlow) -> str:
        """The peer that an INVITE comes from, by its passport and its address; '' where it is of no node."""
        field = request.get(FIELD)
        if field is None or request.method != "INVITE":
            return ""
        passport = self._passports.check(
            field, caller=request.from_.uri.number, called=request.target.number, call_id=request.call_id
        )
        node = self.nodes.find(passport.node) if passport is not None else None
        if node is not None and node.address == flow.peer[0]:
            return NODE + node.id
        if passport is not None and node is None:
            self.nodes.heard("")  # it has just come, or we have
        elif self.nodes.is_at(flow.peer[0]):
            log.warn(
                "An INVITE from the node at {address} shows no valid passport: do the clocks of the nodes agree, and "
                "is this the address that the node has in the database?",
                address=flow.peer[0],
            )
        return ""

    def is_from(self, usage: Usage, flow: IFlow) -> bool:
        """Whether a request of a dialog with a node comes from where that node is."""
        known = self._known.get(usage.trunk)
        return known is not None and known.node.address == flow.peer[0]


class Doorway:
    """The surface of the endpoint: what comes from nodes is answered here, the rest by ``inner``."""

    def __init__(self, inner: Surface, neighbours: Neighbours, dialogs: Dialogs, calls: Calls) -> None:
        self._inner = inner
        self._neighbours = neighbours
        self._dialogs = dialogs
        self._calls = calls

    def screen(self, flow: IFlow, request: Request | None) -> Verdict:
        """Whether a request is looked at: one of a node is."""
        if request is not None and self._is_of_node(request, flow):
            return "admit"
        return self._inner.screen(flow, request)

    def _is_of_node(self, request: Request, flow: IFlow) -> bool:
        try:
            if request.method == "CANCEL":  # it does nothing but end what it names by a branch that nobody guesses
                return self._neighbours.nodes.is_at(flow.peer[0])
            return self._usage(request, flow) is not None or bool(self._neighbours.sender(request, flow))
        except RemoteProtocolError:
            return False

    def _usage(self, request: Request, flow: IFlow) -> Usage | None:
        """The dialog with a node that a request is of."""
        usage = self._dialogs.find(request) if request.method == "ACK" or request.to.tag else None
        found = usage is not None and is_of_cluster(usage.trunk) and self._neighbours.is_from(usage, flow)
        return usage if found else None

    def request_received(self, transaction: ServerTransaction) -> None:
        """A new request."""
        request, flow = transaction.request, transaction.flow
        usage = self._usage(request, flow)
        if usage is not None:
            usage.request_received(transaction)
            return
        peer = "" if request.to.tag else self._neighbours.sender(request, flow)
        if peer:
            self._calls.invite_received(transaction, peer)
        else:
            self._inner.request_received(transaction)

    def ack_received(self, request: Request, flow: IFlow) -> None:
        """An ACK to a 2xx."""
        usage = self._usage(request, flow)
        if usage is not None:
            usage.ack_received(request)
        else:
            self._inner.ack_received(request, flow)

    def flow_lost(self, flow: IFlow, reason: str) -> None:
        """A connection is gone."""
        self._inner.flow_lost(flow, reason)


class Local:
    """The switchboard of calls: those of nodes ring phones of this one, the rest is for ``inner`` to place."""

    def __init__(self, inner: Switchboard, phone: Callable[[str], Phone | None]) -> None:
        self._inner = inner
        self._phone = phone

    def tenant(self, subject: Subject, source: str) -> str | None:
        """Whose call it is: a node does not say."""
        return self._inner.tenant(subject, source)

    def is_emergency(self, subject: Subject, source: str) -> bool:
        """Whether a call is one for help; such a call does not come from a node."""
        return not is_of_cluster(source) and self._inner.is_emergency(subject, source)

    def place(self, subject: Subject, source: str, header: Asked = nothing) -> Placed:
        """Where a call goes now."""
        if not is_of_cluster(source):
            return self._inner.place(subject, source, header)
        passport = read_passport(header(FIELD) or "")
        phone = self._phone(subject.called)
        target = phone.chosen(passport.phones) if phone is not None and passport is not None else None
        return Placed(subject, (target,)) if target is not None else Placed(subject, code="extension_offline")

    def onward(self, placed: Placed, source: str, refusal: Refused) -> Placed | None:
        """Where a call goes that nobody has taken; that of a node goes back to it."""
        return None if is_of_cluster(source) and placed.goal is None else self._inner.onward(placed, source, refusal)

    def asker(self, peer: str, source: str) -> str:
        """In whose name a call goes on after a 3xx."""
        return self._inner.asker(peer, source)

    def picks_up(self, source: str, peer: str) -> bool:
        """Whether a peer may answer a call that rings at another one."""
        return self._inner.picks_up(source, peer)
