"""docs/state-machines.md: the tables of the code as diagrams and lists.

The transactions are read from their tables. The other machines are asked: they are driven through every input in every
state that can be reached, and what they answer is written down.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rustalk.sdp.offer_answer import Carrier, LocalOfferError, OfferAnswer, RemoteOfferError
from rustalk.sdp.offer_answer import State as Offer
from rustalk.sip.timers import Timers
from rustalk.sip.transaction.client import Client
from rustalk.sip.transaction.invite_client import InviteClient
from rustalk.sip.transaction.invite_server import InviteServer
from rustalk.sip.transaction.machine import Machine, State
from rustalk.sip.transaction.server import Server
from rustalk.trunk.health import Health
from rustalk.trunk.health import State as Belief

__all__ = ["page"]

_HEAD = """\
# State machines

<!-- Written by `python -m docs.generate` from the code; change the tables there instead. -->

Each diagram shows every transition that the code makes. The list below a transaction names the action of each cell,
which is a method of that name in the same file. What the network sends and no cell takes is ignored and counted; what
we ask for and no cell allows raises LocalProtocolError.

## Transactions

On TCP and TLS a timer of 0 seconds is not started: where a state would only wait for copies (timers D, I, J and K), the
transaction ends at once.
"""

_HEALTH = """
## Health of a gateway

`rustalk/trunk/health.py`. A gateway is one host of a trunk; each of the three Teams proxies is one. An OPTIONS answered
with 2xx, or a call that was answered, counts as answered. Silence, a failed connection, another answer to OPTIONS, or a
503 to INVITE counts as failed. A gateway that is down is still asked, and is called after all others (OPT-04, OPT-13).
"""

_OFFER = """
## Offer and answer

`rustalk/sdp/offer_answer.py`, RFC 3264 with the pairs of RFC 6337 table 1. The diagram shows which side a dialog waits
for; the list shows what closes an offer. A description at another moment is a repetition, or breaks the order: then
the peer's request gets 491 (two offers crossed) or 500. Calls do not need this table yet: without PRACK and without
late offers, `rustalk/ua/session.py` gets by with one open offer at a time.
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One transition."""

    start: str
    end: str
    label: str


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _timers()]
    for machine in (InviteClient, Client, InviteServer, Server):
        parts += [_transaction(machine)]
    parts += [_HEALTH, _diagram(_health()), _OFFER, _diagram(_offers()), _answers()]
    return "\n".join(parts)


def _timers() -> str:
    timers = Timers()
    rows = ["| timer | UDP, seconds | TCP and TLS, seconds |", "|---|---|---|"]
    rows += [
        f"| {letter} | {timers.unreliable[letter]:g} | {timers.reliable[letter]:g} |" for letter in timers.reliable
    ]
    return "\n".join(rows) + "\n"


def _transaction(machine: type[Machine]) -> str:
    module = sys.modules[machine.__module__]
    title, _, source = (module.__doc__ or "").splitlines()[0].partition(":")
    path = machine.__module__.replace(".", "/")
    arrows, rows = [], ["| state | input | next state | action |", "|---|---|---|---|"]
    for state, cells in machine.table.items():
        for arrow, (after, action) in cells.items():
            arrows.append(Arrow(_node(state), _node(after), _input(arrow)))
            rows.append(f"| {state} | {_input(arrow)} | {after} | {_words(action.__name__)} |")
    return (
        f"### {title.removeprefix('The ')[:1].upper()}{title.removeprefix('The ')[1:]}\n\n"
        f"`{path}.py`,{source}\n\n{_diagram(arrows)}\n" + "\n".join(rows) + "\n"
    )


def _node(state: State) -> str:
    return "[*]" if state in (State.INITIAL, State.TERMINATED) else str(state)


def _input(arrow: str) -> str:
    return f"timer {arrow}" if len(arrow) == 1 else str(arrow)


def _words(name: str) -> str:
    return name.strip("_").replace("_", " ")


def _diagram(arrows: Iterable[Arrow]) -> str:
    """A Mermaid diagram; arrows between the same two states share a line."""
    labels: dict[tuple[str, str], list[str]] = {}
    for arrow in arrows:
        known = labels.setdefault((arrow.start, arrow.end), [])
        if arrow.label not in known:
            known.append(arrow.label)
    lines = [f"    {start} --> {end} : {', '.join(texts)}" for (start, end), texts in labels.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```\n"])


def _health() -> Iterator[Arrow]:
    """Drive a gateway's health through each input, with as many failures before it as make a difference."""
    yield Arrow("[*]", Belief.UNKNOWN, "start")
    most = next(count for count in range(1, 100) if _belief(Belief.UNKNOWN, count) is Belief.DOWN)
    for before, failures in ((Belief.UNKNOWN, 0), (Belief.UP, 0), *((None, count) for count in range(1, most + 1))):
        state = before or _belief(Belief.UP, failures)
        yield Arrow(state, Belief.UP, "answered")
        after = _belief(before or Belief.UP, failures + 1)
        turned = after is not state and after is Belief.DOWN
        yield Arrow(state, after, f"failed {failures + 1} times in a row" if turned else "failed")


def _belief(start: Belief, failures: int) -> Belief:
    """What is believed after this many failures in a row."""
    health = Health(lambda: 0.0, lambda before, after, why: None)
    if start is Belief.UP:
        health.answered("")
    for _ in range(failures):
        health.failed("")
    return health.state


_Message = tuple[Carrier, bool, bool]
"""What carries it, whether it has a description, whether we send it."""

_MESSAGES = tuple((carrier, body, ours) for carrier in Carrier for body in (True, False) for ours in (True, False))


def _reached() -> dict[Offer, list[tuple[_Message, ...]]]:
    """For each state the shortest ways into it, one for each message that can open it."""
    ways: dict[Offer, list[tuple[_Message, ...]]] = {Offer.STABLE: [()]}
    waiting: list[tuple[_Message, ...]] = [()]
    while waiting:
        way = waiting.pop(0)
        for message in _MESSAGES:
            dialog = _after(way)
            before = dialog.state
            _pass(dialog, message)
            known = ways.setdefault(dialog.state, [])
            new = dialog.state is not before and dialog.state is not Offer.STABLE
            if new and all(message != other[-1] for other in known):
                known.append((*way, message))
                waiting.append((*way, message))
    return ways


def _after(way: Iterable[_Message]) -> OfferAnswer:
    dialog = OfferAnswer()
    for message in way:
        _pass(dialog, message)
    return dialog


def _pass(dialog: OfferAnswer, message: _Message) -> str:
    """Let a message pass; what it means, or '' for what is out of order or means nothing."""
    carrier, body, ours = message
    try:
        meaning = (dialog.sent if ours else dialog.received)(carrier, body=body)
    except (LocalOfferError, RemoteOfferError):
        return ""
    return meaning.name.lower() if meaning is not None else ""


def _offers() -> Iterator[Arrow]:
    yield Arrow("[*]", _name(Offer.STABLE), "dialog")
    for state, ways in _reached().items():
        for way in ways:
            for message in _MESSAGES:
                dialog = _after(way)
                _pass(dialog, message)
                if dialog.state is not state:
                    carrier, body, ours = message
                    what = "an offer" if dialog.state in (Offer.OFFERED_LOCAL, Offer.OFFERED_REMOTE) else "an answer"
                    what = what if body else f"{_message(carrier)} without a description"
                    yield Arrow(_name(state), _name(dialog.state), f"{'we send' if ours else 'we get'} {what}")


def _answers() -> str:
    rows = ["| the offer came in | the answer may come in | means |", "|---|---|---|"]
    for carrier in Carrier:
        for way in (way for way in _reached()[Offer.OFFERED_LOCAL] if way[-1][0] is carrier):
            for reply in Carrier:
                meaning = _pass(_after(way), (reply, True, False))
                if meaning in ("answer", "preview"):
                    rows.append(f"| {_message(carrier)} | {_message(reply)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _name(state: Offer) -> str:
    return state.name.lower()


def _message(carrier: Carrier) -> str:
    return {
        Carrier.PROVISIONAL: "1xx to INVITE",
        Carrier.RELIABLE: "reliable 1xx to INVITE",
        Carrier.ANSWERED: "2xx to INVITE",
        Carrier.PRACKED: "2xx to PRACK",
        Carrier.UPDATED: "2xx to UPDATE",
    }.get(carrier, carrier.name)
