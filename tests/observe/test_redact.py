"""Secrets never leave the trace (A40): a canary is planted in every place and must not come out."""

from __future__ import annotations

import pytest

from rustalk.observe.redact import redact

CANARY = b"CANARY5ecret"

PLACES = {
    "authorization": b'Authorization: Digest username="bob", realm="r", response="%b"',
    "proxy authorization": b'Proxy-Authorization: Digest username="bob", response="%b"',
    "any case": b'pRoXy-AUTHORIZATION: Digest response="%b"',
    "blanks before the colon": b'Authorization \t : Digest response="%b"',
    "folded": b'Authorization: Digest username="bob",\r\n\tnonce="x",\r\n  response="%b"',
    "a line that ends in a lone line feed": b'Subject: x\nAuthorization: Digest response="%b"',
    "basic": b"Authorization: Basic %b",
    "authentication info": b'Authentication-Info: rspauth="%b"',
    "crypto": b"\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%b|2^20|1:4",
    "crypto of two keys": b"\r\na=crypto:1 F8_128_HMAC_SHA1_80 inline:xx;inline:%b|2^20 UNENCRYPTED_SRTCP",
    "crypto in capitals": b"\r\nA=CRYPTO:1 AES_CM_128_HMAC_SHA1_32 INLINE:%b",
    "ice password": b"\r\na=ice-pwd:%b",
    "mikey": b"\r\na=key-mgmt:mikey %b",
    "sdp key": b"\r\nk=base64:%b",
    "password in a uri": b"Contact: <sip:bob:%b@192.0.2.1>",
    "password in a secure uri": b"Refer-To: <SIPS:bob:%b@example.com;transport=tls>",
    "header of a uri": b"Refer-To: <sip:bob@example.com?Authorization=Digest%%20%b&Replaces=1>",
    "password parameter": b"X-Login: user=bob; password=%b",
    "quoted password": b'X-Login: pwd="x", passwd="a %b"',
    "dialled digits": b"\r\nSignal=%b\r\nDuration=160",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_canary_does_not_come_out(place: str) -> None:
    message = b"INVITE sip:a@b SIP/2.0\r\n" + PLACES[place] % CANARY + b"\r\nSubject: kept\r\n\r\n"
    shown = redact(message)
    assert CANARY not in shown
    assert b"***" in shown
    assert shown.endswith(b"Subject: kept\r\n\r\n")


def test_a_message_without_secrets_stays_octet_for_octet() -> None:
    message = (
        b"INVITE sip:+1555@sbc.example.com:5061;transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1"
        b"\r\nTo: <sip:+1555@sbc.example.com>\r\nContact: <sip:api-du@sip.pstnhub.microsoft.com:443;x-i=1;x-c=2:3@4>"
        b'\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80\r\n\xff\x00'
    )
    assert redact(message) == message


def test_the_lifetime_and_the_suite_of_a_key_stay_readable() -> None:
    assert redact(b"a=crypto:1 AES inline:KEY|2^20|1:4") == b"a=crypto:1 AES inline:***|2^20|1:4"


def test_an_evil_message_is_redacted_in_linear_steps() -> None:
    """A18: 64 kB made to provoke backtracking come back at all."""
    for evil in (b"sip:" * 16384, b"password" * 8192, b"a:" * 32768, b"Authorization:\r\n " * 4096, b"inline: " * 8192):
        assert len(redact(evil)) <= len(evil) + 65536
