"""The section of Teams."""

from __future__ import annotations

from rustalk.config.teams import Teams


def test_proxies_have_the_port_of_teams_unless_they_name_one() -> None:
    """NET-01: port 5061."""
    assert Teams().proxies[0] == ("sip.pstnhub.microsoft.com", 5061)
    assert Teams(sip_proxies=("127.0.0.2:15061",)).proxies == (("127.0.0.2", 15061),)


def test_the_defaults_are_what_microsoft_asks_for() -> None:
    """NET-01, NET-05, OPT-02: three proxies in order, both networks, a ping a minute, and off until it is set up."""
    teams = Teams()
    assert [host for host, _ in teams.proxies] == [f"sip{n}.pstnhub.microsoft.com" for n in ("", "2", "3")]
    assert teams.networks == ("52.112.0.0/14", "52.120.0.0/14")
    assert (teams.options_ping_enabled, teams.options_ping_interval, teams.enabled) == (True, 60.0, False)
