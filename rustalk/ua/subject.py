"""What a call is about."""

from __future__ import annotations

from dataclasses import dataclass

from rustalk.sip.message import Field
from rustalk.sip.multipart import Multipart

__all__ = ["NOTHING", "Diverted", "Party", "Subject", "Told"]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whose identity a trusted trunk asserts (RFC 3325).

    ``number`` is a number or the user name of ``address``; ``address`` is the URI as it came where that is not just a
    number, '' otherwise.
    """

    number: str
    display: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Diverted:
    """One number that the call was for, in the words of neither History-Info nor Diversion.

    ``cause`` is the SIP status by which it left that number (RFC 7544: 302 unconditional, 486 busy, ...), 0 where it
    did not leave; ``reason`` the word of Diversion, '' where History-Info spoke; ``index`` as History-Info counts, ''
    where Diversion spoke; ``is_hidden`` says that the number wants privacy.
    """

    number: str
    cause: int = 0
    reason: str = ""
    index: str = ""
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What an INVITE tells beside who calls whom.

    ``privacy`` holds the tokens of RFC 3323 in lower case, ``history`` the oldest number first. ``kept`` names in lower
    case the fields that the trunk which they came from lets cross to anybody; ``extra`` are those of them that nothing
    else here speaks for, ``spare`` those that only cross to a trunk that asks for them. ``path`` are the SBCs that
    X-MS-MediaPath names, the last one last; ``is_internal`` is what X-MS-UserLocation says, None where it is silent.
    ``enclosed`` is the body with a location in it (RFC 6442).
    """

    asserted: tuple[Party, ...] = ()
    privacy: tuple[str, ...] = ()
    history: tuple[Diverted, ...] = ()
    reason: str = ""
    user_to_user: tuple[str, ...] = ()
    geolocation: tuple[Field, ...] = ()
    kept: tuple[str, ...] = ()
    extra: tuple[Field, ...] = ()
    spare: tuple[Field, ...] = ()
    path: tuple[str, ...] = ()
    is_internal: bool | None = None
    enclosed: Multipart | None = None


NOTHING = Told()
"""Told by nearly every INVITE; one value for all of them."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who calls whom, as it crosses from leg to leg: numbers and a name, and what else may be told to the other side.

    Numbers are as the trunk's own rules made them, so that routes see one form whatever the trunk. ``host`` is that of
    the Request-URI that came from Teams, in lower case, ``tenant`` the id of the tenant whose call it is.
    ``is_trusted`` says whether the trunk that the call came from is; ``is_emergency`` that help is called. ``uri`` is
    the Request-URI where it is not to be made from ``called``: the target of a transfer, by ``referred_by``.
    ``is_secure`` says that whoever is called is so over TLS only, as a ``sips:`` URI wants it. ``call`` is the id of
    the call, ``part_of`` that of the one at another node which it is a part of.
    """

    caller: str
    called: str
    display: str = ""
    max_forwards: int = 70
    host: str = ""
    is_trusted: bool = False
    is_emergency: bool = False
    told: Told = NOTHING
    tenant: str = ""
    uri: str = ""
    referred_by: str = ""
    is_secure: bool = False
    call: str = ""
    part_of: str = ""
