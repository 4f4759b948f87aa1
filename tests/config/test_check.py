"""Rules over the whole of the settings."""

from __future__ import annotations

import pytest

from rustalk.config.model import Settings
from tests.config.findings import TEAMS, TRUNK, paths, warned


def test_names_are_given_once() -> None:
    """An id that two things have would make every reference a guess."""
    profiles = [{"id": "p", "bind_port": 1}, {"id": "p", "bind_port": 2}]
    acls = {"acls": [{"name": "a"}, {"name": "a"}]}
    found = paths(sip_profiles=profiles, trunks=[TRUNK, TRUNK], acls=acls)
    assert found == ["$.acls.acls[1].name", "$.sip_profiles[1].id", "$.trunks[1].id"]


def test_no_trunk_is_called_teams() -> None:
    """That name is the Teams trunk, and "extensions" are the phones of the house."""
    assert paths(trunks=[TRUNK | {"id": "teams"}]) == ["$.trunks[0].id"]
    assert paths(trunks=[TRUNK | {"id": "extensions"}]) == ["$.trunks[0].id"]


def test_nobody_is_recognised_by_the_whole_internet() -> None:
    """A trunk open to every address would be an open relay."""
    assert paths(trunks=[TRUNK | {"networks": ["0.0.0.0/0"]}]) == ["$.trunks[0].networks[0]"]
    assert paths(teams=TEAMS | {"networks": ["::/0"]}) == ["$.teams.networks[0]"]


def test_two_profiles_do_not_take_one_port() -> None:
    """UDP and TCP may share a number, TCP and TLS may not."""
    profiles = [{"id": "a", "bind_port": 5060}, {"id": "b", "bind_port": 5060, "protocols": ["udp"]}]
    assert paths(sip_profiles=profiles) == ["$.sip_profiles[1].bind_port"]
    assert paths(sip_profiles=[{"id": "a", "protocols": ["tcp", "tls"]}]) == ["$.sip_profiles[0].bind_port"]
    assert paths(transport={"tls_port": 5060}) == ["$.transport.tls_port"]


def test_a_switch_that_hears_nothing_is_warned_of() -> None:
    """All profiles off is allowed while one prepares a file."""
    assert warned(sip_profiles=[{"id": "a", "enabled": False}]) == ["$.sip_profiles"]


def test_listeners_that_profiles_replace_are_warned_of() -> None:
    """RusTalk's keys next to profiles have no effect."""
    found = warned(sip_profiles=[{"id": "a"}], server={"bind_port": 5080}, transport={"protocols": ["udp"]})
    assert found == ["$.server.bind_port", "$.transport.protocols"]


def test_an_acl_that_is_named_exists() -> None:
    """On a profile, a trunk and the API; one that is off is worth a word, as it answers its default policy."""
    assert paths(trunks=[TRUNK | {"acl": "offce"}], api={"acl": "offce"}) == ["$.api.acl", "$.trunks[0].acl"]
    assert warned(trunks=[TRUNK | {"acl": "teams"}]) == []
    assert paths(sip_profiles=[{"id": "a", "acl": "offce"}]) == ["$.sip_profiles[0].acl"]
    assert warned(sip_profiles=[{"id": "a", "acl": "allow_all"}]) == ["$.sip_profiles[0].acl"]


def test_a_certificate_comes_with_its_key_everywhere() -> None:
    """Half a pair is a mistake."""
    assert paths(transport={"tls_cert": "c"}) == ["$.transport.tls_key"]
    assert paths(trunks=[TRUNK | {"tls_key": "k"}]) == ["$.trunks[0].tls_cert"]
    assert paths(sip_profiles=[{"id": "a", "tls_cert": "c"}]) == ["$.sip_profiles[0].tls_key"]


def test_a_trunk_has_a_profile_that_speaks_its_protocol() -> None:
    """Named or found."""
    assert paths(trunks=[TRUNK | {"profile": "nowhere"}]) == ["$.trunks[0].profile"]
    assert paths(trunks=[TRUNK | {"profile": "default", "protocol": "tls"}]) == ["$.trunks[0].protocol"]
    assert paths(trunks=[TRUNK], transport={"protocols": ["tcp"]}) == ["$.trunks[0].protocol"]


def test_the_settings_of_a_trunk_fit_together() -> None:
    """A password has a user, a registration has one too, and a port is given once."""
    assert paths(trunks=[TRUNK | {"password": "p"}]) == ["$.trunks[0].username"]
    assert paths(trunks=[TRUNK | {"register": True}]) == ["$.trunks[0].username"]
    assert paths(trunks=[TRUNK | {"host": "192.0.2.7:5070", "port": 5060}]) == ["$.trunks[0].port"]
    assert warned(trunks=[TRUNK | {"tls_verify_name": "a.example"}]) == ["$.trunks[0].tls_verify_name"]


def test_audio_has_an_address_and_ports() -> None:
    """A session description cannot name 0.0.0.0."""
    assert paths(media={"bind_address": "0.0.0.0"}) == ["$.media.bind_address"]
    assert paths(media={"bind_address": "0.0.0.0", "advertised_address": "192.0.2.1"}) == []
    assert paths(media={"ports": [20000, 20002]}) == ["$.media.ports"]
    assert paths(media={"ports": [30000, 20000]}) == ["$.media.ports"]
    assert warned(server={"bind_address": "192.0.2.1"}) == ["$.media.bind_address"]


def test_rtpengine_has_nodes_where_it_is_chosen() -> None:
    """Nodes that nothing uses are worth a word."""
    assert paths(media={"relay": "rtpengine"}) == ["$.media.rtpengine"]
    assert paths(media={"relay": "rtpengine", "rtpengine": [{"host": "192.0.2.9"}]}) == []
    assert warned(media={"relay": "kernel", "rtpengine": [{"host": "192.0.2.9"}]}) == ["$.media.rtpengine"]


def test_audio_of_both_ip_versions() -> None:
    """One address of each; IPv6 SIP with IPv4 audio only is worth a word."""
    assert paths(media={"bind_address_v6": "2001:db8::1"}) == []
    assert paths(media={"bind_address_v6": "192.0.2.1"}) == ["$.media.bind_address_v6"]
    assert paths(media={"bind_address": "::1", "bind_address_v6": "::1"}) == ["$.media.bind_address"]
    assert paths(media={"bind_address_v6": "::"}) == ["$.media.bind_address_v6"]
    assert paths(media={"bind_address_v6": "::", "advertised_address_v6": "2001:db8::1"}) == []
    assert paths(media={"advertised_address_v6": "2001:db8::1"}) == ["$.media.bind_address_v6"]
    assert warned(server={"bind_address": "::1"}) == ["$.media.bind_address_v6"]
    assert warned(server={"bind_address": "::1"}, media={"bind_address_v6": "::1"}) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_api_without_authentication_stays_on_loopback(address: str) -> None:
    """The whole of the switch is in it."""
    off = {"bind_address": address, "auth": "off"}
    assert paths(api=off) == ["$.api.bind_address"]
    assert paths(api=off | {"enabled": False}) == []
    assert warned(api={"bind_address": address}) == ["$.api.bind_address"]


def test_the_api_asks_for_tokens_unless_told_otherwise() -> None:
    """Without authentication everybody on the machine is its administrator."""
    assert Settings().api.auth == "token"
    assert paths(api={"auth": "off"}) == []


def test_names_and_servers_of_dns_are_what_they_should_be() -> None:
    """A server that has to be resolved first cannot resolve."""
    found = paths(dns={"hosts": {"a.example": "b.example", "c.example": 5}, "servers": ["dns.example", "::1"]})
    assert found == ['$.dns.hosts["a.example"]', '$.dns.hosts["c.example"]', "$.dns.servers[0]"]


def test_extensions_can_log_in_somehow() -> None:
    """At least one algorithm, and none offered twice."""
    for algorithms in ([], ["MD5", "MD5"]):
        assert paths(sip={"digest_algorithms": algorithms}) == ["$.sip.digest_algorithms"]
    assert paths(sip={"digest_algorithms": ["MD5"]}) == []


def test_session_intervals_and_failover_codes_make_sense() -> None:
    """RFC 4028, and FO-03: a decision of the callee is not tried elsewhere."""
    found = paths(sip={"session_expires": 100, "min_se": 200, "failover_codes": [503, 486, 603]})
    assert found == ["$.sip.failover_codes[1]", "$.sip.failover_codes[2]", "$.sip.session_expires"]
