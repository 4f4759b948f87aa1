"""docs/reasons.md: why calls are refused and end, from the registry."""

from __future__ import annotations

from rustalk.ua.reasons import REASONS

__all__ = ["page"]

_HEAD = """\
# Reasons

<!-- Written by `python -m docs.generate` from rustalk/ua/reasons.py; change that instead. -->

Every call that is refused or ends has one code from this list. The same code stands in the log, in the Reason header
of what the peer gets (`SIP;cause=404;text="no_route: no route matched"`), in `reason` of the API, and in `refused` of
`/api/v1/stats`. The status is what a caller gets whose call was not answered; where none stands, it is what the other
side said, or the call had been answered.

| code | status | what happened | look at |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [f"| `{r.code}` | {r.status or ''} | {r.text} | {_code(r.advice)} |" for r in REASONS.values()]
    return _HEAD + "\n".join(rows) + "\n"


def _code(advice: str) -> str:
    """Configuration keys as code, words as words."""
    return f"`{advice}`" if "." in advice and " " not in advice else advice
