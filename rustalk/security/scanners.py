"""The tools that look for open switches, by the name that they give themselves.

Whoever means harm can choose another name; those who do not bother are the most of what arrives at port 5060. The names
are those that the signatures of public intrusion detection rules and the defaults of the tools themselves agree on.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["SCANNERS", "scanner"]

SCANNERS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sundayddr",
    "sipcli",
    "sip-scan",
    "sipscan",
    "siparmyknife",
    "vaxsipuseragent",
    "vaxipuseragent",
    "iwar/",
    "pplsip",
)
"""What the name of a tool contains, in small letters."""

_LOOKED_AT = 128
_REMEMBERED = 1024


def scanner(user_agent: str) -> str:
    """Return which of `SCANNERS` a User-Agent is, '' for any other."""
    return _found(user_agent[:_LOOKED_AT])


@lru_cache(_REMEMBERED)
def _found(user_agent: str) -> str:
    name = user_agent.lower()
    return next((each for each in SCANNERS if each in name), "")
