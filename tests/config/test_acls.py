"""The section of the access lists."""

from __future__ import annotations

from rustalk.config.acls import Acl, Acls
from rustalk.config.cloud import CLOUDS, NETWORKS_VERSION


def test_the_lists_of_rustalk_are_there_by_default() -> None:
    """With their priorities 10, 20, 30 and their policies."""
    rfc1918, localhost, allow_all, _ = Acls().acls
    assert [(rule.cidr, rule.priority) for rule in rfc1918.rules] == [
        ("10.0.0.0/8", 10),
        ("172.16.0.0/12", 20),
        ("192.168.0.0/16", 30),
    ]
    assert [rule.cidr for rule in localhost.rules] == ["127.0.0.0/8", "::1/128"]
    assert (rfc1918.default_policy, localhost.default_policy) == ("deny", "deny")
    assert (allow_all.default_policy, allow_all.enabled, allow_all.rules) == ("allow", False, ())


def test_the_list_of_teams_has_the_networks_of_all_clouds_and_their_date() -> None:
    """NET-05: what Microsoft calls from, and nothing else."""
    teams = Acls().acls[-1]
    assert (teams.name, teams.version, teams.default_policy) == ("teams", NETWORKS_VERSION, "deny")
    assert {rule.cidr for rule in teams.rules} == {network for cloud in CLOUDS.values() for network in cloud.networks}


def test_the_standard_lists_follow_those_of_a_file() -> None:
    """A profile can name `teams` whatever else the file defines, and a file can define its own `localhost`."""
    own = Acls(acls=(Acl(name="office"), Acl(name="localhost", default_policy="allow"))).completed()
    assert [acl.name for acl in own.acls] == ["office", "localhost", "rfc1918", "allow_all", "teams"]
    assert own.acls[1].default_policy == "allow"
