"""By whom a call was forwarded, in History-Info and in Diversion."""

from __future__ import annotations

import pytest

from rustalk.trunk.history import diversions, history_infos, read_history
from rustalk.ua.subject import Diverted

TEAMS = (
    "<sip:+15551230001@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%2C%20now%22"
    ">;index=1,<sip:+15551230002@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D486>;index=1.1, "
    "<sip:+15551230003@sip.pstnhub.microsoft.com:5061;user=phone>;index=1.2"
)
BUSY = Diverted("+15551230002", 486, "user-busy")
ALWAYS = Diverted("+15551230001", 302, "unconditional")


def values(fields: list[tuple[str, str]]) -> list[str]:
    """The values of header fields."""
    return [value for _, value in fields]


def test_several_numbers_in_one_list() -> None:
    """HDR-13: commas inside escaped URIs do not separate."""
    assert read_history([("History-Info", TEAMS)]) == (
        Diverted("+15551230001", 302, index="1"),
        Diverted("+15551230002", 486, index="1.1"),
        Diverted("+15551230003", 0, index="1.2"),
    )


def test_the_cause_may_stand_with_the_next_number() -> None:
    """RFC 4458, as RFC 7044 uses it."""
    value = "<sip:+1@a.example>;index=1, <sip:+2@a.example;cause=408>;index=1.1;mp=1"
    first, second = read_history([("History-Info", value)])
    assert (first.cause, second.cause) == (408, 0)


def test_diversion_names_the_newest_first() -> None:
    """RFC 5806 section 4."""
    fields = [
        ("Diversion", "<sip:+15551230002@x.example>;reason=user-busy;counter=1;privacy=off"),
        ("Diversion", '"Bob" <tel:+15551230001>;reason="unconditional"'),
    ]
    assert read_history(fields) == (ALWAYS, BUSY)


def test_diversion_becomes_history_info() -> None:
    """RFC 7544 section 5.2: the number that the call is for now comes last."""
    assert values(history_infos((ALWAYS, BUSY), "+15551230003", "sbc.example", hiding=False)) == [
        "<sip:+15551230001@sbc.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1",
        "<sip:+15551230002@sbc.example;user=phone?Reason=SIP%3Bcause%3D486>;index=1.1",
        "<sip:+15551230003@sbc.example;user=phone>;index=1.1.1",
    ]


def test_history_info_becomes_diversion() -> None:
    """RFC 7544 section 5.1: the last number left nothing; no host of the other network is told."""
    history = read_history([("History-Info", TEAMS)])
    assert values(diversions(history, "192.0.2.10", hiding=True)) == [
        "<sip:+15551230002@192.0.2.10;user=phone>;reason=user-busy;privacy=off;counter=1",
        "<sip:+15551230001@192.0.2.10;user=phone>;reason=unconditional;privacy=off;counter=1",
    ]


@pytest.mark.parametrize("cause", [302, 404, 408, 480, 486, 503])
def test_a_cause_comes_back_as_it_was(cause: int) -> None:
    """Through Diversion and back."""
    history = (Diverted("+1", cause),)
    (again,) = read_history(diversions(history, "a.example", hiding=False))
    assert (again.number, again.cause) == ("+1", cause)


@pytest.mark.parametrize(("reason", "cause"), [("do-not-disturb", 404), ("away", 404), ("out-of-service", 404)])
def test_a_word_of_diversion_that_has_no_cause(reason: str, cause: int) -> None:
    """It is kept for the next Diversion."""
    (told,) = read_history([("Diversion", f"<sip:+1@a.example>;reason={reason}")])
    assert (told.cause, told.reason) == (cause, reason)
    assert f"reason={reason};" in diversions((told,), "b.example", hiding=False)[0][1]


def test_history_info_comes_back_with_its_indexes() -> None:
    """The places are not counted anew."""
    history = read_history([("History-Info", TEAMS)])
    written = history_infos(history, "+15551230003", "sbc.example", hiding=False)
    assert read_history(written) == history


def test_a_number_that_wants_privacy() -> None:
    """RFC 7044 section 10.1: it stays in the circle of trust."""
    (hidden,) = read_history([("Diversion", "<sip:+1@a.example>;reason=no-answer;privacy=full")])
    assert "Privacy=history" in history_infos((hidden,), "+2", "b.example", hiding=False)[0][1]
    told = values(history_infos((hidden,), "+2", "b.example", hiding=True) + diversions((hidden,), "b", hiding=True))
    assert "+1" not in "".join(told)
    (read,) = read_history([("History-Info", "<sip:+1@a?Privacy=history&Reason=SIP%3bcause%3d302>;index=1")])
    assert (read.is_hidden, read.cause) == (True, 302)


def test_nobody_forwarded_the_call() -> None:
    """Then nothing is written."""
    assert read_history([]) == ()
    assert history_infos((), "+1", "a.example", hiding=False) == diversions((), "a.example", hiding=False) == []


@pytest.mark.parametrize(
    "value", ["", ",", "<", "<sip:@>", '<sip:+1@a>;index="', "sip:+1@a?Reason=%FF%00", "<sip:a@b?Reason=SIP;cause=9>"]
)
def test_what_cannot_be_read_is_left_out(value: str) -> None:
    """A courtesy never refuses a call, and never breaks out of its line."""
    history = read_history([("History-Info", value), ("Diversion", value)])
    for _, written in history_infos(history, "+1", "b.example", hiding=False):
        assert "\r" not in written
        assert written.startswith("<sip:")


def test_at_most_twenty_numbers() -> None:
    """A peer cannot make the next INVITE long."""
    many = ",".join(f"<sip:{each}@a.example>;index=1.{each}" for each in range(500))
    assert len(read_history([("History-Info", many), ("History-Info", many)])) == 20
