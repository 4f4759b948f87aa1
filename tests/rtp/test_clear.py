"""Telling RTCP from SRTCP."""

from __future__ import annotations

import pytest

from rustalk.rtp.clear import is_clear
from rustalk.rtp.rtcp import Goodbye, ReceiverReport, ReportBlock, SenderReport, SourceDescription, build_compound
from rustalk.rtp.srtp import KEY_SIZES, KeyMaterial, Sender

COMPOUNDS = [
    ReceiverReport(7).build(),
    SenderReport(7, 1, 2, 3, 4, (ReportBlock(8),)).build(),
    build_compound([SenderReport(7, 1, 2, 3, 4), SourceDescription(((7, ((1, b"name"),)),)), Goodbye((7,))]),
]


@pytest.mark.parametrize("compound", COMPOUNDS)
def test_plain_rtcp_is_clear(compound: bytes) -> None:
    assert is_clear(compound)


@pytest.mark.parametrize("suite", KEY_SIZES)
@pytest.mark.parametrize("compound", COMPOUNDS)
def test_srtcp_is_not(suite: str, compound: bytes) -> None:
    sender = Sender(KeyMaterial(suite, bytes(range(KEY_SIZES[suite]))))
    assert not any(is_clear(sender.protect_control(compound)) for _ in range(100))


@pytest.mark.parametrize("datagram", [b"", b"\x80", COMPOUNDS[0][:-1], COMPOUNDS[0] + b"\0", b"\x00" * 8])
def test_neither_is_what_is_cut_or_something_else(datagram: bytes) -> None:
    assert not is_clear(datagram)
