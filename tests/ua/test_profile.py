"""How we name ourselves."""

from __future__ import annotations

from rustalk.ua.profile import Profile
from tests.ua.ends import SBC, Ends


def test_a_name_and_the_listening_port(ends: Ends) -> None:
    """Not the port that a connection happens to leave from."""
    profile = Profile("inside", "sbc.example.com", {"UDP": 5080})
    assert profile.authority(ends.flow) == "sbc.example.com:5080"
    assert profile.contact(ends.flow, "bob") == "<sip:bob@sbc.example.com:5080>"


def test_without_a_name_the_local_address(ends: Ends) -> None:
    """For listeners on all addresses; no empty user before an at sign."""
    assert Profile("inside", "").contact(ends.flow) == f"<sip:{SBC}:5060>"


def test_an_ipv6_address_stands_in_brackets(ends: Ends) -> None:
    """RFC 3261 section 25.1."""
    assert Profile("inside", "2001:db8::1").authority(ends.flow) == "[2001:db8::1]:5060"


def test_a_stream_is_named(ends: Ends) -> None:
    """The transport parameter stands inside the brackets."""
    ends.network.open(ends.peer, "TCP", ("198.51.100.7", 5060))
    found = []
    ends.transport.flow("inside", "TCP", "198.51.100.7", 5060).addCallback(found.append)
    ends.run()
    assert Profile("inside", "sbc", {"TCP": 5060}).contact(found[0]) == "<sip:sbc:5060;transport=tcp>"
