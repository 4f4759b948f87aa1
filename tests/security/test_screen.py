"""Who a peer is, and that nobody else may call."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rustalk.config.model import Acl, AclRule, Acls, Security, Settings, Sip, SipProfile, Teams, Trunk
from rustalk.security.identity import Identity, Refusal
from rustalk.security.screen import Screen

IN_RANGE = "52.113.7.9"
TEAMS = Identity("teams", "certificate")


@dataclass(frozen=True)
class Certificate:
    """A verified certificate for some names."""

    names: tuple[str, ...]

    def covers(self, name: str) -> bool:
        """Compare exactly."""
        return name in self.names


MICROSOFT = Certificate(("sip.pstnhub.microsoft.com",))
STRANGER = Certificate(("sbc.attacker.example",))


def screen(unknown: str = "reject", **changes: Trunk) -> Screen:
    """Return a screen with Teams on its own profile and two trunks beside it."""
    carrier = Trunk(id="carrier", host="sip.carrier.example", networks=("198.51.100.0/24",))
    office = Trunk(id="office", host="192.0.2.7:5070", profile="inside")
    return Screen(
        Settings(
            sip=Sip(unknown_sources="drop" if unknown == "drop" else "reject"),
            sip_profiles=(SipProfile(id="outside", protocols=("tls",)), SipProfile(id="inside", acl="open")),
            teams=Teams(enabled=True, profile="outside"),
            trunks=tuple(({"carrier": carrier, "office": office} | changes).values()),
            acls=Acls(
                acls=(Acl(name="open", default_policy="allow", rules=(AclRule(cidr="203.0.113.66", action="deny"),)),)
            ),
        )
    )


def refused(answer: Identity | Refusal) -> str:
    """Return the reason of a refusal."""
    assert isinstance(answer, Refusal), answer
    return answer.reason


def test_teams_is_a_certificate_of_its_profile_and_an_address_in_range() -> None:
    """NET-06: any address in the networks, whatever the names resolve to."""
    assert screen().identify(IN_RANGE, "outside", MICROSOFT) == TEAMS
    assert screen().identify("52.123.255.255", "outside", MICROSOFT) == TEAMS


@pytest.mark.parametrize(
    ("address", "certificate", "reason"),
    [
        (IN_RANGE, None, "teams-certificate-missing"),
        (IN_RANGE, STRANGER, "teams-certificate-name"),
        ("203.0.113.5", MICROSOFT, "teams-network"),
        ("203.0.113.5", STRANGER, "teams-certificate-name"),
        ("203.0.113.5", None, "unknown-source"),
        ("52.116.0.0", MICROSOFT, "teams-network"),
    ],
)
def test_one_proof_alone_is_not_teams(address: str, certificate: Certificate | None, reason: str) -> None:
    """A25: anyone can rent a machine in Microsoft's networks, and anyone can copy an address."""
    assert refused(screen().identify(address, "outside", certificate)) == reason


def test_teams_is_not_known_on_another_profile() -> None:
    """Only the profile of Teams verifies certificates against Microsoft's roots."""
    assert refused(screen().identify(IN_RANGE, "inside", MICROSOFT)) == "unknown-source"


def test_a_trunk_is_known_by_its_networks_and_by_a_host_that_is_an_address() -> None:
    """The address is all that a carrier over UDP has."""
    assert screen().identify("198.51.100.9", "inside") == Identity("carrier", "address")
    assert screen().identify("192.0.2.7", "inside") == Identity("office", "address")
    assert refused(screen().identify("192.0.2.8", "inside")) == "unknown-source"


def test_a_trunk_is_known_by_what_its_name_resolves_to_now() -> None:
    """A new answer replaces the old one, and the networks stay."""
    asked = screen()
    asked.resolved("carrier", ["203.0.113.20", "2001:db8::20", "fe80::1%eth0", "no address"])
    assert asked.identify("2001:db8::20", "inside") == Identity("carrier", "address")
    asked.resolved("carrier", ["203.0.113.21"])
    assert refused(asked.identify("203.0.113.20", "inside")) == "unknown-source"
    assert asked.identify("198.51.100.9", "inside") == Identity("carrier", "address")


def test_a_trunk_is_known_by_its_certificate_from_any_address() -> None:
    """Over TLS the name counts; tls_verify_name replaces the host's."""
    asked = screen()
    assert asked.identify("203.0.113.9", "inside", Certificate(("sip.carrier.example",))) == Identity(
        "carrier", "certificate"
    )
    named = screen(carrier=Trunk(id="carrier", host="sip.carrier.example", tls_verify_name="edge.carrier.example"))
    assert refused(named.identify("203.0.113.9", "inside", Certificate(("sip.carrier.example",)))) == "unknown-source"


def test_a_trunk_that_names_a_profile_is_known_there_alone() -> None:
    """An address inside is nobody outside."""
    assert refused(screen().identify("192.0.2.7", "outside")) == "unknown-source"


def test_a_trunk_that_names_the_profile_comes_before_one_that_does_not() -> None:
    """Two trunks may share an address."""
    shared = Trunk(id="office", host="198.51.100.9", profile="inside")
    asked = screen(office=shared)
    assert asked.identify("198.51.100.9", "inside") == Identity("office", "address")
    assert asked.identify("198.51.100.9", "outside") == Identity("carrier", "address")


def test_a_trunk_that_is_not_enabled_is_nobody() -> None:
    """Switching a trunk off also stops its calls to us."""
    off = Trunk(id="office", host="192.0.2.7", enabled=False)
    assert refused(screen(office=off).identify("192.0.2.7", "inside")) == "unknown-source"


def test_an_access_list_comes_before_everything() -> None:
    """Nothing of a denied address is read, and an unknown profile admits nobody."""
    asked = screen()
    assert asked.admits("192.0.2.7", "inside")
    assert not asked.admits("203.0.113.66", "inside")
    assert not asked.admits("192.0.2.7", "nowhere")
    assert refused(asked.identify("203.0.113.66", "inside")) == "acl"
    assert refused(asked.identify("192.0.2.7", "nowhere")) == "unknown-profile"


def test_an_unknown_peer_gets_silence_where_that_is_configured() -> None:
    """sip.unknown_sources: drop."""
    answers = [screen(unknown).identify("203.0.113.5", "inside") for unknown in ("reject", "drop")]
    assert [answer.silent for answer in answers if isinstance(answer, Refusal)] == [False, True]


def test_without_teams_its_certificate_opens_nothing() -> None:
    """A switch without Teams has no Teams peers."""
    asked = Screen(Settings())
    assert refused(asked.identify(IN_RANGE, "default-tls", MICROSOFT)) == "unknown-source"


def test_an_address_alone_tells_who_may_be_a_trunk() -> None:
    """A13: those that cannot be one share few connections; which one it is, and whether it is, comes later."""
    known = screen()
    assert known.knows(IN_RANGE, "outside")
    assert known.knows("198.51.100.7", "inside")
    assert not known.knows("203.0.113.1", "inside")
    assert not known.knows(IN_RANGE, "inside")


def test_security_says_what_unknown_sources_get_before_sip_does() -> None:
    """security.unknown_sources over sip.unknown_sources."""

    def is_silent(security: Security) -> bool:
        answer = Screen(Settings(sip=Sip(unknown_sources="drop"), security=security)).identify("203.0.113.5", "default")
        return isinstance(answer, Refusal) and answer.silent

    assert is_silent(Security())
    assert not is_silent(Security(unknown_sources="403"))


GUARDED = Acl(name="guarded", default_policy="allow", rules=(AclRule(cidr="198.51.100.66", action="deny"),))
CARRIER = Trunk(id="carrier", host="sip.carrier.example", networks=("198.51.100.0/24",), acl="guarded")


def guarded(*trunks: Trunk) -> Screen:
    """Return a screen with one profile and some trunks."""
    return Screen(Settings(sip_profiles=(SipProfile(id="inside"),), trunks=trunks, acls=Acls(acls=(GUARDED,))))


def test_a_trunk_is_refused_from_where_its_access_list_denies() -> None:
    """By address and by certificate alike; elsewhere it calls (negative control)."""
    asked, shown = guarded(CARRIER), Certificate(("sip.carrier.example",))
    assert asked.identify("198.51.100.65", "inside") == Identity("carrier", "address")
    assert refused(asked.identify("198.51.100.66", "inside")) == "acl"
    assert refused(asked.identify("198.51.100.66", "inside", shown)) == "acl"
    assert asked.identify("203.0.113.1", "inside", shown) == Identity("carrier", "certificate")
    assert not asked.knows("198.51.100.66", "inside")
    assert not asked.standing("198.51.100.66").protected


def test_another_trunk_may_be_at_an_address_that_the_first_is_denied() -> None:
    """Two trunks of one carrier."""
    other = Trunk(id="other", host="198.51.100.66")
    assert guarded(CARRIER, other).identify("198.51.100.66", "inside") == Identity("other", "address")


def test_other_settings_hold_at_once() -> None:
    """A trunk, a list and a profile that come and go while the switch runs."""
    asked = guarded(CARRIER)
    before = asked.version
    closed = SipProfile(id="inside", acl="localhost")
    asked.use(Settings(sip_profiles=(closed, SipProfile(id="second")), trunks=(), acls=Acls()))
    assert not asked.admits("198.51.100.65", "inside")
    assert refused(asked.identify("198.51.100.65", "second")) == "unknown-source"
    assert asked.version != before


def test_what_names_resolve_to_outlives_a_change_of_something_else() -> None:
    """But not one of the hosts: the new one may be elsewhere."""
    asked = guarded(CARRIER)
    asked.resolved("carrier", ["203.0.113.20"])
    sections = {"sip_profiles": (SipProfile(id="inside"),), "acls": Acls(acls=(GUARDED,))}
    asked.use(Settings(**sections, trunks=(CARRIER, Trunk(id="new", host="192.0.2.9"))))
    assert asked.identify("203.0.113.20", "inside") == Identity("carrier", "address")
    asked.use(Settings(**sections, trunks=(Trunk(id="carrier", host="other.example"),)))
    assert refused(asked.identify("203.0.113.20", "inside")) == "unknown-source"


def test_settings_that_change_nothing_here_cost_nothing() -> None:
    """20,000 extensions are changed one by one; who remembers answers may go on."""
    asked = guarded(CARRIER)
    before = asked.version
    profiles = (SipProfile(id="inside"),)
    asked.use(Settings(sip_profiles=profiles, trunks=(CARRIER,), acls=Acls(acls=(GUARDED,))))
    assert asked.version == before


def test_names_that_resolve_to_the_same_cost_nothing() -> None:
    """They are asked for each minute."""
    asked = guarded(CARRIER)
    asked.resolved("carrier", ["203.0.113.20", "203.0.113.21"])
    before = asked.version
    asked.resolved("carrier", ["203.0.113.21", "203.0.113.20"])
    assert asked.version == before


def test_the_standing_of_an_address_tells_all_profiles_at_once() -> None:
    """What the guard asks once for each address."""
    asked = screen()
    carrier, stranger = asked.standing("198.51.100.9"), asked.standing("203.0.113.66")
    assert (carrier.admitted, carrier.known) == ({"inside", "outside"}, {"inside", "outside"})
    assert carrier.protected
    assert (stranger.admitted, stranger.known, stranger.protected) == ({"outside"}, frozenset(), False)
    assert asked.standing("192.0.2.7").known == {"inside"}
    assert asked.standing("no address").admitted == frozenset()


def test_teams_is_protected_only_where_there_is_teams() -> None:
    """Its networks are nobody's without it."""
    assert screen().standing(IN_RANGE).protected
    assert not Screen(Settings()).standing(IN_RANGE).protected


def test_a_trunk_that_has_shown_its_certificate_is_known_where_it_calls_from() -> None:
    """Its address is in no list; what is true of trunks by address is true of it now."""
    asked = screen()
    assert not asked.knows("203.0.113.9", "inside")
    version = asked.version
    asked.identify("203.0.113.9", "inside", Certificate(("sip.carrier.example",)))
    asked.identify("203.0.113.8", "inside", STRANGER)
    assert asked.knows("203.0.113.9", "inside")
    assert asked.standing("203.0.113.9").known == {"inside"}
    assert not asked.knows("203.0.113.8", "inside")
    assert asked.version == version + 1


def test_addresses_of_certificates_are_bounded() -> None:
    """A6: a trunk that comes from everywhere cannot grow our memory."""
    asked, shown = screen(), Certificate(("sip.carrier.example",))
    for n in range(1100):
        asked.identify(f"203.0.{n >> 8}.{n & 255}", "inside", shown)
    assert not asked.knows("203.0.0.0", "inside")
    assert asked.knows("203.0.4.75", "inside")
