"""Which header fields cross, and how they look then: the table `headers` of a trunk.

A field that nothing speaks for does not cross, since it may tell one network about the other. What a rule makes is
checked like anything else that goes on the wire: a value of several lines or of more than 4096 characters stays behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rustalk.config.header_rule import OWN_NAMES, HeaderRule
from rustalk.sip.message import Field

__all__ = ["HeaderPolicy", "asked_for"]

_LONGEST = 4096
_MOST = 32
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OWN = frozenset(name.lower() for name in OWN_NAMES)


class HeaderPolicy:
    """The rules of one trunk in one direction. Names count without regard to case.

    ``names`` are those that rules are about; ``wanted`` those of them that cross because a rule says so, and
    ``passing`` the names that these have afterwards; all in lower case.
    """

    __slots__ = ("_rules", "names", "passing", "wanted")

    def __init__(self, rules: Iterable[HeaderRule], direction: str) -> None:
        self._rules = tuple((rule.name.lower(), rule) for rule in rules if rule.direction == direction)
        self.names = frozenset(name for name, _ in self._rules)
        passing = [(name, rule) for name, rule in self._rules if rule.action != "drop"]
        self.wanted = frozenset(name for name, _ in passing)
        self.passing = frozenset(rule.value.lower() if rule.action == "rename" else name for name, rule in passing)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def apply(self, fields: Sequence[Field]) -> list[Field]:
        """The fields after every rule in its order; those that may not stand on a line of their own are left out."""
        made = list(fields)
        for name, rule in self._rules:
            made = _carried_out(rule, name, made)
        return [field for field in made if _is_fit(*field)][:_MOST]


def _carried_out(rule: HeaderRule, name: str, fields: list[Field]) -> list[Field]:
    match rule.action:
        case "drop":
            return [field for field in fields if field[0].lower() != name]
        case "set":
            return [*(field for field in fields if field[0].lower() != name), (rule.name, rule.value)]
        case "rename":
            return [(rule.value, value) if key.lower() == name else (key, value) for key, value in fields]
        case "map":
            return [(key, rule.mapped(value)) if key.lower() == name else (key, value) for key, value in fields]
        case _:
            return fields


def _is_fit(name: str, value: str) -> bool:
    lower = name.lower()
    if lower in _OWN or lower.startswith("content-"):
        return False
    return len(value) <= _LONGEST and _CONTROL.search(value) is None


def asked_for(rules: Iterable[HeaderRule]) -> frozenset[str]:
    """The names, in lower case, that rules on what goes out want although no rule on what came in lets them cross."""
    return frozenset(
        rule.name.lower() for rule in rules if rule.direction == "out" and rule.action in ("keep", "rename", "map")
    )
