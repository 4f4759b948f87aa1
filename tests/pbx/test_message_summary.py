"""Messages that wait, as a phone is told of them (RFC 3842)."""

from __future__ import annotations

from rustalk.config.extension import Extension
from rustalk.pbx.message_summary import MessageSummary, no_messages
from rustalk.sip.grammar import TOKEN


def summary(**counts: tuple[int, int, int, int]) -> MessageSummary:
    """Counts by name of the number."""
    return MessageSummary(lambda number: counts.get(f"n{number}", no_messages(number)), lambda: "pbx.example.com")


def test_what_waits_is_told() -> None:
    """Section 5.2, line by line."""
    messages = summary(n1001=(2, 8, 1, 0))
    assert messages.document("1001", messages.state("1001"), None, 0).decode().splitlines() == [
        "Messages-Waiting: yes",
        "Message-Account: sip:1001@pbx.example.com",
        "Voice-Message: 2/8 (1/0)",
    ]


def test_old_messages_do_not_wait() -> None:
    """The lamp is off when all have been heard, and where nothing is recorded."""
    for counts in ((0, 5, 0, 1), (0, 0, 0, 0)):
        assert b"Messages-Waiting: no\r\n" in summary().document("1001", counts, None, 0)
    assert summary().state("1001") == (0, 0, 0, 0)


def test_each_line_is_a_field() -> None:
    """A number cannot make another one."""
    lines = summary().document("10\r\nEvil: 1", (0, 0, 0, 0), None, 0).decode().splitlines()
    assert len(lines) == 3
    assert all(TOKEN.fullmatch(line.partition(":")[0]) for line in lines)


def test_everybody_has_a_mailbox_of_their_own() -> None:
    """Another one's is nobody's business."""
    alice = Extension(extension="1001")
    assert summary().refusal(alice, "1001") == ""
    assert summary().refusal(alice, "1002") == "other_account"
