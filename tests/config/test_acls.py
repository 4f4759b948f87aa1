"""The section of the access lists."""

from __future__ import annotations

from rustalk.config.acls import Acls


def test_the_lists_of_rustalk_are_there_by_default() -> None:
    """With their priorities 10, 20, 30 and their policies."""
    rfc1918, localhost, allow_all = Acls().acls
    assert [(rule.cidr, rule.priority) for rule in rfc1918.rules] == [
        ("10.0.0.0/8", 10),
        ("172.16.0.0/12", 20),
        ("192.168.0.0/16", 30),
    ]
    assert [rule.cidr for rule in localhost.rules] == ["127.0.0.0/8", "::1/128"]
    assert (rfc1918.default_policy, localhost.default_policy) == ("deny", "deny")
    assert (allow_all.default_policy, allow_all.enabled, allow_all.rules) == ("allow", False, ())
