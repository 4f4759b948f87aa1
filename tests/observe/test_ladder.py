"""Ladders."""

from __future__ import annotations

from rustalk.observe.ladder import Step, draw_ladder

CALL = (
    Step(10.0, 0, False, "192.0.2.7:5060", "INVITE sip:+1555@example.com (SDP)"),
    Step(10.001, 0, True, "192.0.2.7:5060", "100 Trying to INVITE"),
    Step(10.003, 1, True, "52.114.0.1:5061", "INVITE sip:+1555@sip.pstnhub.microsoft.com (SDP)"),
    Step(11.5, 1, False, "52.114.0.1:5061", "200 OK to INVITE (SDP)"),
)

PICTURE = """\
                carrier                               RusTalk                                teams
            192.0.2.7:5060                                                              52.114.0.1:5061
    0.000          |-------- INVITE +1555 (SDP) -------->|                                     |
    0.001          |<------- 100 Trying to INVITE -------|                                     |
    0.003          |                                     |-------- INVITE +1555 (SDP) -------->|
    1.500          |                                     |<------ 200 OK to INVITE (SDP) ------|
"""


def test_a_call_is_drawn_with_both_legs_beside_the_switch() -> None:
    assert draw_ladder(CALL, {0: "carrier", 1: "teams"}) == PICTURE


def test_legs_without_a_name_are_numbered() -> None:
    heading = draw_ladder(CALL).splitlines()[0]
    assert heading.split() == ["leg", "1", "RusTalk", "leg", "2"]


def test_a_further_leg_stands_to_the_right() -> None:
    again = Step(12.0, 2, True, "52.114.0.2:5061", "INVITE")
    row = draw_ladder([*CALL, again]).splitlines()[-1]
    assert row.startswith("    2.000          |                                     |---")
    assert row.endswith("--- INVITE --------------------------------->|")


def test_without_the_callers_leg_the_switch_stands_left() -> None:
    assert draw_ladder(CALL[2:]).splitlines()[0].split() == ["RusTalk", "leg", "2"]


def test_every_row_is_as_wide_as_the_picture() -> None:
    rows = draw_ladder(CALL).splitlines()[2:]
    assert len({len(row) for row in rows}) == 1


def test_a_long_message_is_cut_and_cannot_steer_the_terminal() -> None:
    """A30: the ladder neutralises what the peer wrote, in labels, peers and names."""
    evil = Step(0.0, 0, False, "\x1b[2J", "\x1b]0;x\x07" + "y" * 500)
    picture = draw_ladder([evil], {0: "\x1b[31m"})
    assert "\x1b" not in picture
    assert "\x07" not in picture
    assert "…" in picture


def test_a_long_target_is_shortened_to_its_user_or_host() -> None:
    target = "ACK sip:api-du-a-uswe2.pstnhub.microsoft.com:443;transport=tls;x-i=1"
    assert "- ACK api-du-a-uswe2.pstnhub" in draw_ladder([Step(0.0, 1, True, "52.114.0.1:5061", target)])


def test_an_empty_trace_says_so() -> None:
    assert "No messages" in draw_ladder([])
