"""Access lists."""

from __future__ import annotations

import pytest

from rustalk.config.model import Acl, AclRule, Acls
from rustalk.security.acl import AccessList, access_list

BY_NAME = {acl.name: AccessList(acl) for acl in Acls().acls}


def rule(cidr: str, action: str, priority: int) -> AclRule:
    """Return a rule."""
    return AclRule(cidr=cidr, action="allow" if action == "allow" else "deny", priority=priority)


@pytest.mark.parametrize(
    ("name", "address", "allowed"),
    [
        ("rfc1918", "10.1.2.3", True),
        ("rfc1918", "172.31.255.255", True),
        ("rfc1918", "172.32.0.0", False),
        ("rfc1918", "192.168.0.1", True),
        ("rfc1918", "8.8.8.8", False),
        ("localhost", "127.0.0.9", True),
        ("localhost", "::1", True),
        ("localhost", "::ffff:127.0.0.1", True),
        ("localhost", "192.0.2.1", False),
        ("allow_all", "192.0.2.1", True),
        ("teams", "52.112.0.1", True),
        ("teams", "::ffff:52.123.255.255", True),
        ("teams", "52.127.64.9", True),
        ("teams", "52.116.0.0", False),
    ],
)
def test_the_lists_of_rustalk_answer_as_they_read(name: str, address: str, allowed: bool) -> None:
    """The lists that every configuration has."""
    assert BY_NAME[name].allows(address) is allowed


def test_priority_decides_and_not_the_order_in_the_file() -> None:
    """RusTalk did not sort the rules of a file, so its file order won."""
    rules = (rule("192.0.2.0/24", "allow", 10), rule("192.0.2.5/32", "deny", 5))
    access = AccessList(Acl(name="a", rules=rules))
    assert not access.allows("192.0.2.5")
    assert access.allows("192.0.2.6")


def test_rules_of_equal_priority_keep_their_order() -> None:
    """The first that fits decides."""
    rules = (rule("192.0.2.0/24", "allow", 10), rule("192.0.2.5/32", "deny", 10))
    assert AccessList(Acl(name="a", rules=rules)).allows("192.0.2.5")


def test_a_list_that_is_not_enabled_answers_its_default() -> None:
    """As in RusTalk; the loader warns where a profile uses one."""
    rules = (rule("192.0.2.0/24", "allow", 10),)
    assert not AccessList(Acl(name="a", rules=rules, enabled=False)).allows("192.0.2.5")


def test_what_is_no_address_is_not_allowed() -> None:
    """Not even by a list that allows everyone."""
    assert not BY_NAME["allow_all"].allows("localhost")


def test_a_list_is_found_by_its_name() -> None:
    """No name is no list, which admits everybody; a name that nothing has lets nobody in."""
    assert access_list(Acls(), "") is None
    office, nothing = access_list(Acls(), "rfc1918"), access_list(Acls(), "gone")
    assert office is not None
    assert office.allows("10.1.2.3")
    assert nothing is not None
    assert not nothing.allows("10.1.2.3")
