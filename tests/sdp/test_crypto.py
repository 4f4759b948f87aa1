"""What a=crypto lines mean and which of them counts."""

from __future__ import annotations

import pytest

from rustalk.sdp.crypto import Crypto, Key, answered, offered, read
from rustalk.sdp.parse import parse

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
LINE = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
AES_80, AES_32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"


@pytest.mark.parametrize(
    ("rest", "key"),
    [
        ("", Key(KEY)),
        ("|2^31", Key(KEY, 2**31)),
        ("|1048576", Key(KEY, 1048576)),
        ("|2^31|1:1", Key(KEY, 2**31, 1, 1)),
        ("|1:4", Key(KEY, None, 1, 4)),
    ],
)
def test_a_key_is_read_with_and_without_lifetime_and_mki(rest: str, key: Key) -> None:
    """MED-02, MED-03: the forms that Teams sends and takes."""
    assert read((LINE + rest).encode()) == Crypto(1, AES_80, (key,))


def test_tag_0_several_keys_and_session_parameters_are_read() -> None:
    """MED-03: tag 0 occurs."""
    line = read(f"a=crypto:0 {AES_32} inline:{KEY}|2^20|1:4;inline:{KEY}|2^20|2:4 FEC_ORDER=FEC_SRTP WSH=60".encode())
    assert line is not None
    assert (line.tag, line.suite, [key.mki for key in line.keys]) == (0, AES_32, [1, 2])
    assert line.parameters == ("FEC_ORDER=FEC_SRTP", "WSH=60")


@pytest.mark.parametrize(
    "line",
    [
        "a=crypto:",
        "a=crypto:1",
        LINE + "|",
        LINE + "|2^31|1",
        LINE + ";",
        LINE.replace(":1 ", ":+1 "),
        "a=cryptoo:1 A inline:A",
    ],
)
def test_a_line_that_breaks_rfc_4568_is_passed_over(line: str) -> None:
    assert read(line.encode()) is None


def test_no_repr_shows_a_key() -> None:
    """MED-02: keys are secrets, also in tracebacks and logs."""
    session = parse(f"v=0\r\nm=audio 1 RTP/SAVP 0\r\n{LINE}\r\n".encode())
    assert session.media[0].cryptos[0].keys[0].material == KEY
    assert KEY not in repr(session) + repr(session.media[0].cryptos)


def test_the_80_bit_suite_without_mki_is_taken_from_an_offer() -> None:
    """MED-03: _32 may come first, and _80 twice, once with an MKI."""
    short = Crypto(1, AES_32, (Key(KEY),))
    with_mki = Crypto(2, AES_80, (Key(KEY, 2**31, 1, 1),))
    plain = Crypto(3, AES_80, (Key(KEY, 2**31),))
    assert offered([short, with_mki, plain]) is plain
    assert offered([short, with_mki]) is with_mki
    assert offered([short]) is None


def test_of_two_lines_in_an_answer_the_one_with_our_tag_counts() -> None:
    """MED-03: else the first without MKI."""
    with_mki = Crypto(2, AES_80, (Key(KEY, 2**31, 1, 1),))
    plain = Crypto(3, AES_80, (Key(KEY, 2**31),))
    assert answered([with_mki, plain], {2}) is with_mki
    assert answered([with_mki, plain], {9}) is plain
    assert answered([with_mki], {9}) is None
