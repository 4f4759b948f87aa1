"""What Teams refuses, as tables: each rule names its row of the document, the answer it gets, and the test for it.

A rule without a status only notes the violation; the call goes on, as it does at Microsoft. The one rule that is no
fault is the 422 of a short session interval: the protocol's normal way to settle it (HDR-16).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Generic, TypeVar

from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.crypto import PREFERRED
from rustalk.sdp.model import Direction
from rustalk.sip.headers import NameAddr
from rustalk.sip.message import Field, Message, Request, Response
from rustalk.sip.uri import Uri

from .description import Facts, facts
from .link import covers
from .multipart import description
from .style import TEAMS_ALLOW

__all__ = [
    "DESCRIPTION_RULES",
    "REQUEST_RULES",
    "RESPONSE_RULES",
    "Described",
    "Replied",
    "Rule",
    "Seen",
    "Violation",
    "check_description",
    "check_request",
    "check_response",
]

Subject = TypeVar("Subject")

ALLOWED = frozenset(TEAMS_ALLOW.split(","))
MIN_SE = 300


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of the document: its row, what is wrong, where it was seen, and the status it is answered with.

    ``status`` 0: noted only. ``fault`` False: refused, yet nobody's mistake.
    """

    row: str
    cause: str
    where: str
    status: int = 0
    fields: tuple[Field, ...] = ()
    fault: bool = True

    def __str__(self) -> str:
        answer = f", answered {self.status}" if self.status else ""
        return f"{self.row}: {self.cause} ({self.where}{answer})"


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """A rule of the document: ``broken`` says whether the subject breaks it."""

    row: str
    status: int
    cause: str
    broken: Callable[[Subject], bool]
    fields: tuple[Field, ...] = ()
    fault: bool = True

    def violation(self, where: str) -> Violation:
        """The breach of this rule at this place."""
        return Violation(self.row, self.cause, where, self.status, self.fields, self.fault)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in.

    ``names``: those of the sender's certificate; ``entrance``: the host name that was dialled, '' on a connection that
    we opened; ``inside``: the host of our Record-Route. ``target`` and ``route``: our Contact URI and Record-Route in
    the dialog the request belongs to; '' outside a dialog. ``referred``: the Request-URI was in a Refer-To of ours.
    """

    request: Request
    names: tuple[str, ...]
    entrance: str
    inside: str
    target: str = ""
    route: str = ""
    referred: bool = False

    @property
    def initial(self) -> bool:
        """Whether this is an INVITE that begins a call."""
        return self.request.method == "INVITE" and not self.request.to.tag

    @property
    def dials(self) -> bool:
        """Whether this is an INVITE to a number, not to the target of a REFER, which stays as it is."""
        return self.initial and not self.referred

    @property
    def contact(self) -> Uri | None:
        """The URI of the first Contact."""
        contact = self.request.contact
        return contact.uri if contact else None


@dataclass(frozen=True, slots=True)
class Replied:
    """A response to one of our INVITEs."""

    response: Response
    invite: Request


@dataclass(frozen=True, slots=True)
class Described:
    """A session description of the SBC, and where the first one of the dialog put the media.

    ``found`` is None when the text could not be read or has no audio. ``answer``: it answers an offer of ours. ``ice``:
    whether ICE stands there: "none" where the trunk has no media bypass or our offer had none, else "must" or "may".
    """

    found: Facts | None
    first_place: tuple[str, int] | None = None
    answer: bool = False
    ice: str = "none"

    @property
    def key(self) -> KeyMaterial | None:
        """The key that counts."""
        return self.found.key if self.found else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _names_sips(message: Message) -> bool:
    values = [value for name in ("From", "To", "Contact", "Record-Route", "Route") for value in message.all(name)]
    uri = message.uri if isinstance(message, Request) else ""
    return uri.lower().startswith("sips:") or any("sips:" in value.lower() for value in values)


def _hosts(message: Message, name: str) -> Iterator[str]:
    return (address.uri.host for address in message.addresses(name))


def _has_address(name: str) -> Callable[[Message], bool]:
    return lambda message: any(_is_address(host) for host in _hosts(message, name))


_contact_has_address = _has_address("Contact")
_route_has_address = _has_address("Record-Route")


def _needs_contact(seen: Seen) -> bool:
    return seen.request.method in ("INVITE", "OPTIONS") and seen.contact is None


def _empty_user(seen: Seen) -> bool:
    values = [seen.request.get("Contact") or "", seen.request.get("From") or "", seen.request.uri]
    return any("sip:@" in value.lower() for value in values)


def _foreign_contact(seen: Seen) -> bool:
    return seen.contact is not None and not covers(seen.names, seen.contact.host)


def _options_to_other(seen: Seen) -> bool:
    request = seen.request
    if request.method != "OPTIONS":
        return False
    return {request.target.host.lower(), request.to.uri.host.lower()} != {seen.entrance}


def _forwards(seen: Seen) -> bool:
    return seen.request.method == "OPTIONS" and seen.request.max_forwards not in (68, 69, 70)


def _options_route(seen: Seen) -> bool:
    return seen.request.method == "OPTIONS" and seen.request.get("Record-Route") is not None


def _from_number(seen: Seen) -> bool:
    user = seen.request.from_.uri.user or ""
    return seen.initial and not user.startswith("+") and user.lower() != "anonymous"


def _from_host(seen: Seen) -> bool:
    contact = seen.contact
    sender = seen.request.from_.uri
    anonymous = sender.host.lower() == "anonymous.invalid"
    return seen.initial and contact is not None and not anonymous and sender.host.lower() != contact.host.lower()


def _short_interval(seen: Seen) -> bool:
    seconds = seen.request.number("Session-Expires") if seen.request.method == "INVITE" else None
    return seconds is not None and seconds < MIN_SE


def _in_dialog(seen: Seen) -> bool:
    return bool(seen.target) and bool(seen.request.to.tag) and seen.request.method != "CANCEL"


def _other_target(seen: Seen) -> bool:
    return _in_dialog(seen) and seen.request.uri != seen.target


def _other_route(seen: Seen) -> bool:
    if not _in_dialog(seen):
        return False
    routes = seen.request.addresses("Route")
    return not routes or routes[0].address != NameAddr.parse(seen.route).address


def _other_hop(seen: Seen) -> bool:
    return _in_dialog(seen) and seen.entrance != seen.inside


def _lacks_product(seen: Seen) -> bool:
    return seen.request.method in ("INVITE", "OPTIONS") and not seen.request.get("User-Agent")


_R: type[Rule[Seen]] = Rule
REQUEST_RULES: tuple[Rule[Seen], ...] = (
    _R("HDR-09", 405, "the method is not one that Teams allows",
       lambda seen: seen.request.method not in ALLOWED, (("Allow", TEAMS_ALLOW),)),
    _R("OPT-09", 400, "sips: must not be used anywhere", lambda seen: _names_sips(seen.request)),
    _R("HDR-09", 420, "100rel must not be required",
       lambda seen: "100rel" in seen.request.tokens("Require"), (("Unsupported", "100rel"),)),
    _R("HDR-10", 403, "Replaces from an SBC is rejected", lambda seen: seen.request.get("Replaces") is not None),
    _R("OPT-06", 403, "a user part stands empty before @", _empty_user),
    _R("OPT-06", 403, "Contact is missing", _needs_contact),
    _R("OPT-07", 403, "Contact holds an IP address", lambda seen: _contact_has_address(seen.request)),
    _R("HDR-07", 403, "Record-Route holds an IP address", lambda seen: _route_has_address(seen.request)),
    _R("HDR-01", 403, "the Contact host is not in the certificate", _foreign_contact),
    _R("OPT-09", 403, "Request-URI and To must name the proxy that is pinged", _options_to_other),
    _R("OPT-09", 0, "Max-Forwards must be 68 to 70", _forwards),
    _R("OPT-08", 0, "OPTIONS should carry no Record-Route", _options_route),
    _R("HDR-04", 404, "the number in the Request-URI must begin with +",
       lambda seen: seen.dials and not (seen.request.target.user or "").startswith("+")),
    _R("HDR-04", 404, "the Request-URI must name the proxy",
       lambda seen: seen.dials and seen.request.target.host.lower() != seen.entrance),
    _R("HDR-04", 0, "the Request-URI lacks user=phone",
       lambda seen: seen.dials and seen.request.target.param("user") != "phone"),
    _R("HDR-05", 0, "the number in From must begin with +", _from_number),
    _R("HDR-05", 0, "the host in From must be the SBC's name", _from_host),
    _R("HDR-15", 0, "User-Agent is missing", _lacks_product),
    _R("HDR-16", 422, "a session interval below 300 s", _short_interval, (("Min-SE", str(MIN_SE)),), fault=False),
    _R("HDR-08", 0, "the Request-URI must be our Contact, byte for byte", _other_target),
    _R("HDR-08", 0, "Route must be our Record-Route", _other_route),
    _R("HDR-08", 0, "a request of a dialog must go to the host in our Record-Route", _other_hop),
)  # fmt: skip


def _reads(test: Callable[[Facts], bool]) -> Callable[[Described], bool]:
    """A test that only a readable description can fail."""
    return lambda described: described.found is not None and test(described.found)


def _image(found: Facts) -> bool:
    return any(media.kind != "audio" and media.port for media in found.session.media)


def _moved(described: Described) -> bool:
    found, first = described.found, described.first_place
    return found is not None and first is not None and found.place != first


def _ice(found: Facts) -> bool:
    return any(line.startswith((b"a=candidate", b"a=ice-")) for line in (*found.session.lines, *found.audio.lines))


def _no_lite(described: Described) -> bool:
    """Whether ICE is described otherwise than as ICE-lite with exactly one candidate, a host's for RTP (ICE-01)."""
    found = described.found
    if found is None or described.ice == "none" or (described.ice == "may" and not _ice(found)):
        return False
    ice = found.ice
    if ice is None or not ice.lite or len(found.lines("a=candidate:")) != 1 or len(ice.candidates) != 1:
        return True
    one = ice.candidates[0]
    return (one.component, one.transport, one.kind, (one.address, one.port)) != (1, "UDP", "host", found.place)


_D: type[Rule[Described]] = Rule
DESCRIPTION_RULES: tuple[Rule[Described], ...] = (
    _D("MED-01", 488, "there is no audio in the session description, or it cannot be read", lambda d: d.found is None),
    _D("MED-01", 488, "the profile must be RTP/SAVP", _reads(lambda found: found.audio.proto != "RTP/SAVP")),
    _D("HLD-02", 488, "c=0.0.0.0 is not supported",
       _reads(lambda found: found.audio.connection is None or found.audio.connection.unspecified)),
    _D("HLD-01", 488, "sendonly and recvonly are not understood, hold is inactive",
       _reads(lambda found: found.audio.direction in (Direction.SENDONLY, Direction.RECVONLY))),
    _D("MED-02", 488, f"no usable a=crypto line of {PREFERRED}",
       lambda described: described.found is not None and (described.key is None or described.key.suite != PREFERRED)),
    _D("MED-04", 488, "the tag of a=crypto in the answer is not one that was offered",
       lambda described: described.answer and described.found is not None and described.found.tag != 1),
    _D("MED-15", 488, "only audio can be used", _reads(_image)),
    _D("MED-14", 0, "ICE lines on a trunk without media bypass, or where our offer had none",
       lambda described: described.found is not None and described.ice == "none" and _ice(described.found)),
    _D("ICE-01", 0, "with media bypass: a=ice-lite for the session, fragment and password, and one host candidate",
       _no_lite),
    _D("HLD-04", 488, "address or port of the media changed within the dialog", _moved),
)  # fmt: skip


def _same_routes(replied: Replied) -> bool:
    return replied.response.items("Record-Route") == replied.invite.items("Record-Route")


def _builds_dialog(replied: Replied) -> bool:
    return 100 < replied.response.status < 300


_A: type[Rule[Replied]] = Rule
RESPONSE_RULES: tuple[Rule[Replied], ...] = (
    _A("HDR-07", 0, "the response has no Contact",
       lambda replied: 200 <= replied.response.status < 300 and replied.response.contact is None),
    _A("HDR-07", 0, "the Contact of the response holds an IP address",
       lambda replied: _builds_dialog(replied) and _contact_has_address(replied.response)),
    _A("HDR-07", 0, "Record-Route holds an IP address", lambda replied: _route_has_address(replied.response)),
    _A("HDR-08", 0, "Record-Route was not given back unchanged",
       lambda replied: 200 <= replied.response.status < 300 and not _same_routes(replied)),
    _A("HDR-07", 0, "the response has no To tag",
       lambda replied: _builds_dialog(replied) and not replied.response.to.tag),
    _A("OPT-09", 0, "sips: must not be used anywhere", lambda replied: _names_sips(replied.response)),
    _A("XFR-08", 0, "Teams has no support for 3xx", lambda replied: 300 <= replied.response.status < 400),
    _A("HDR-09", 0, "100rel must not be required", lambda replied: "100rel" in replied.response.tokens("Require")),
    _A("HDR-11", 0, "the 200 has no session description",
       lambda replied: 200 <= replied.response.status < 300 and not replied.response.body),
)  # fmt: skip


def check_request(seen: Seen, first_place: tuple[str, int] | None = None, ice: str = "none") -> list[Violation]:
    """Every rule that a request breaks, up to the first that gets it refused; an offer is looked at as well."""
    request = seen.request
    where = f"{request.method} {request.uri}, Call-ID {request.call_id}"
    found = _breaches(REQUEST_RULES, seen, where)
    if request.method != "INVITE" or any(one.status for one in found):
        return found
    if not request.body:
        return [*found, Violation("HDR-11", "an INVITE without a session description", where, 488)]
    return found + check_description(Described(facts(description(request)), first_place, ice=ice), where)


def check_description(described: Described, where: str) -> list[Violation]:
    """Every rule that a session description breaks, up to the first that gets it refused."""
    return _breaches(DESCRIPTION_RULES, described, where)


def check_response(response: Response, invite: Request) -> list[Violation]:
    """Every rule that a response to our INVITE breaks."""
    where = f"{response.status} to INVITE, Call-ID {response.call_id}"
    return _breaches(RESPONSE_RULES, Replied(response, invite), where)


def _breaches(rules: tuple[Rule[Subject], ...], subject: Subject, where: str) -> list[Violation]:
    found: list[Violation] = []
    for rule in rules:
        if rule.broken(subject):
            found.append(rule.violation(where))
            if rule.status:
                break
    return found
