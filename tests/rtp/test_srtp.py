"""SRTP with keys of a=crypto lines (RFC 4568, RFC 3711)."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from rustalk.rtp.packet import Packet
from rustalk.rtp.rtcp import ReceiverReport
from rustalk.rtp.srtp import (
    KEY_SIZES,
    ROLLOVERS,
    SOURCES,
    KeyMaterial,
    ProtectionError,
    Receiver,
    Sender,
    UnusableKeyError,
    parse_key,
)

SUITE = "AES_CM_128_HMAC_SHA1_80"
SHORT = "AES_CM_128_HMAC_SHA1_32"
SECRET = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6")
INLINE = "inline:" + b64encode(SECRET).decode()
# libsrtp's own vector for this key
PLAIN = bytes.fromhex("800f1234 decafbad cafebabe" + "ab" * 16)
PROTECTED = bytes.fromhex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb")


GCM = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM")
# libsrtp's own vector of AEAD_AES_128_GCM, whose master key and salt are 00..0f and a0..ab
GCM_SECRET = bytes(range(16)) + bytes(range(0xA0, 0xAC))
GCM_PROTECTED = bytes.fromhex(
    "800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392"
)


def derived(secret: bytes, label: int, size: int) -> bytes:
    """A session key or salt (RFC 3711 section 4.3.1) from a master key with a salt of 96 bits (RFC 7714 section 11)."""
    key, salt = secret[:-12], bytearray(secret[-12:] + bytes(4))
    salt[7] ^= label
    return Cipher(AES(key), CTR(bytes(salt))).encryptor().update(bytes(size))


def sealed(secret: bytes, packet: bytes) -> bytes:
    """The SRTP packet of RFC 7714 section 8, rollover counter 0, without libsrtp."""
    key, salt = derived(secret, 0, len(secret) - 12), derived(secret, 2, 12)
    place = bytes(2) + packet[8:12] + bytes(4) + packet[2:4]
    nonce = bytes(one ^ other for one, other in zip(place, salt, strict=True))
    return packet[:12] + AESGCM(key).encrypt(nonce, packet[12:], packet[:12])


def test_a_packet_is_protected_as_in_the_published_vector() -> None:
    assert Sender(parse_key(SUITE, INLINE)).protect(PLAIN) == PROTECTED


def test_the_published_vector_verifies() -> None:
    assert Receiver(parse_key(SUITE, INLINE)).verify(PROTECTED) == PLAIN


def test_a_packet_is_protected_with_gcm_as_in_the_published_vector() -> None:
    assert Sender(KeyMaterial(GCM[0], GCM_SECRET)).protect(PLAIN) == GCM_PROTECTED
    assert Receiver(KeyMaterial(GCM[0], GCM_SECRET)).verify(GCM_PROTECTED) == PLAIN


@pytest.mark.parametrize("suite", GCM)
def test_gcm_is_what_the_rfc_says(suite: str) -> None:
    """RFC 7714 sections 8 and 11, computed a second time by other means."""
    secret = bytes(range(KEY_SIZES[suite]))
    assert Sender(KeyMaterial(suite, secret)).protect(PLAIN) == sealed(secret, PLAIN)
    assert Receiver(KeyMaterial(suite, secret)).verify(sealed(secret, PLAIN)) == PLAIN


@pytest.mark.parametrize("suite", GCM)
def test_gcm_protects_reports_too(suite: str) -> None:
    key = parse_key(suite, KeyMaterial(suite, bytes(KEY_SIZES[suite])).inline())
    report = ReceiverReport(5).build()
    assert Receiver(key).verify_control(Sender(key).protect_control(report)) == report


@pytest.mark.parametrize(("suite", "tag"), [(SUITE, 10), (SHORT, 4)])
def test_the_suite_sets_the_length_of_the_tag(suite: str, tag: int) -> None:
    """MED-03: both suites that Teams offers; RTCP keeps the long tag in either."""
    sender, receiver = Sender(KeyMaterial(suite, SECRET)), Receiver(KeyMaterial(suite, SECRET))
    report = ReceiverReport(5).build()
    assert len(sender.protect(PLAIN)) == len(PLAIN) + tag
    assert receiver.verify_control(sender.protect_control(report)) == report


def test_the_roll_over_counter_is_kept_by_both_ends() -> None:
    """MED-05: the sequence number wraps at 65536 packets and audio goes on."""
    sender, receiver = Sender(KeyMaterial(SUITE, SECRET)), Receiver(KeyMaterial(SUITE, SECRET))
    packets = [Packet(0, number, number * 160, 7, b"x").build() for number in range(65530, 65542)]
    assert [receiver.verify(sender.protect(packet)) for packet in packets] == packets


@pytest.mark.parametrize("parameter", [INLINE, INLINE + "|2^31", INLINE.replace("inline", "INLINE") + "|1048576"])
def test_the_key_is_read_with_and_without_a_lifetime(parameter: str) -> None:
    """MED-02: ``inline:`` and 40 characters, with or without a lifetime."""
    key = parse_key(SUITE, parameter)
    assert (key.secret, key.inline()) == (SECRET, INLINE)


@pytest.mark.parametrize(
    ("suite", "parameter", "cause"),
    [
        ("AES_256_CM_HMAC_SHA1_80", INLINE, "is not one of"),
        (SUITE, INLINE + "|2^31|1:1", "MKI"),
        (SUITE, INLINE + "|1:4", "MKI"),
        (GCM[0], INLINE, "has 30 bytes, 28 are needed"),
        (GCM[1], INLINE, "has 30 bytes, 44 are needed"),
        (SUITE, "prompt:" + INLINE, "must be inline"),
        (SUITE, "inline:????", "not base64"),
        (SUITE, "inline:\u00e9", "not base64"),
        (SUITE, "inline:" + b64encode(SECRET[:16]).decode(), "has 16 bytes"),
    ],
)
def test_an_unusable_key_is_refused_without_being_shown(suite: str, parameter: str, cause: str) -> None:
    """MED-03: a line with MKI is for the answerer to pass over."""
    with pytest.raises(UnusableKeyError, match=cause) as caught:
        parse_key(suite, parameter)
    assert INLINE[7:20] not in str(caught.value)


def test_a_key_is_not_in_its_repr() -> None:
    key = parse_key(SUITE, INLINE)
    assert "secret" not in repr(key)
    assert repr(SECRET) not in repr(key)


def test_a_changed_packet_is_refused() -> None:
    changed = PROTECTED[:-1] + bytes([PROTECTED[-1] ^ 1])
    with pytest.raises(ProtectionError, match="authentication failure"):
        Receiver(KeyMaterial(SUITE, SECRET)).verify(changed)


def test_a_replayed_packet_is_refused() -> None:
    receiver = Receiver(KeyMaterial(SUITE, SECRET))
    receiver.verify(PROTECTED)
    with pytest.raises(ProtectionError, match="replay"):
        receiver.verify(PROTECTED)


def test_a_changed_control_packet_is_refused() -> None:
    with pytest.raises(ProtectionError, match="SRTCP packet refused"):
        Receiver(KeyMaterial(SUITE, SECRET)).verify_control(bytes(40))


def test_what_cannot_be_protected_is_refused() -> None:
    sender = Sender(KeyMaterial(SUITE, SECRET))
    for protect in (sender.protect, sender.protect_control):
        with pytest.raises(ProtectionError, match="not protected"):
            protect(bytes(2000))


@pytest.mark.parametrize("key", [KeyMaterial(SUITE, SECRET[:29]), KeyMaterial("NULL", SECRET)])
def test_a_key_that_does_not_fit_its_suite_serves_nobody(key: KeyMaterial) -> None:
    for end in (Sender, Receiver):
        with pytest.raises(UnusableKeyError, match="bytes of key for crypto suite") as caught:
            end(key)
        assert SECRET[:29].hex() not in str(caught.value)


def sources(count: int) -> list[bytes]:
    return [Packet(0, 1, 160, ssrc, b"x").build() for ssrc in range(count)]


def test_a_key_serves_many_sources_but_not_without_bound() -> None:
    """Memory would grow with each; those that came first go on."""
    sender, receiver = Sender(KeyMaterial(SUITE, SECRET)), Receiver(KeyMaterial(SUITE, SECRET))
    assert [receiver.verify(sender.protect(packet)) for packet in sources(SOURCES)] == sources(SOURCES)
    beyond = sources(SOURCES + 1)[-1]
    for refused in (
        lambda: sender.protect(beyond),
        lambda: receiver.verify(Sender(KeyMaterial(SUITE, SECRET)).protect(beyond)),
    ):
        with pytest.raises(ProtectionError, match="more than 256 sources"):
            refused()
    following = Packet(0, 2, 320, 0, b"x").build()
    assert receiver.verify(sender.protect(following)) == following


def veteran(rollovers: int, suite: str = SUITE) -> tuple[KeyMaterial, Sender]:
    """A key, and who has been sending with it until its counter had this value and its numbers were past the middle."""
    key = KeyMaterial(suite, bytes(KEY_SIZES[suite]))
    sender = Sender(key)
    last = (rollovers << 16) + 0x9000
    for place in (*range(0, last, 0x7000), last):
        sender.protect(Packet(0, place & 0xFFFF, 1, 7, b"past").build())
    return key, sender


@pytest.mark.parametrize("suite", [SUITE, "AEAD_AES_256_GCM"])
@pytest.mark.parametrize(("rollovers", "told"), [(1, 0), (1, 1), (2, 1), (3, 1), (3, 4), (60, 60)])
def test_a_source_that_has_been_sending_is_taken_up(suite: str, rollovers: int, told: int) -> None:
    """MED-05: after minutes of pass-through; a packet tells no rollover counter, and about how many is known."""
    key, sender = veteran(rollovers, suite)
    receiver = Receiver(key)
    receiver.miss(7, told)
    packets = [Packet(0, 0xF000 + number & 0xFFFF, 2, 7, b"now").build() for number in range(0, 0x2000, 0x400)]
    assert [receiver.verify(sender.protect(packet)) for packet in packets] == packets


def test_a_source_with_a_new_key_begins_at_zero_all_the_same() -> None:
    key = KeyMaterial(SUITE, bytes(30))
    receiver = Receiver(key)
    receiver.miss(7, 5)
    packet = Packet(0, 40000, 1, 7, b"first").build()
    assert receiver.verify(Sender(key).protect(packet)) == packet


def test_what_is_taken_up_cannot_be_replayed_or_forged() -> None:
    key, sender = veteran(2)
    receiver = Receiver(key)
    receiver.miss(7, 2)
    came = sender.protect(Packet(0, 0xF000, 2, 7, b"now").build())
    for bad in (came[:-1] + bytes([came[-1] ^ 1]), b"", came[:11]):
        with pytest.raises(ProtectionError):
            receiver.verify(bad)
    receiver.verify(came)
    with pytest.raises(ProtectionError):
        receiver.verify(came)


@pytest.mark.parametrize(("source", "rollovers"), [(8, 2), (7, ROLLOVERS + 1)])
def test_nobody_else_is_taken_up_and_nothing_after_too_long(source: int, rollovers: int) -> None:
    key, sender = veteran(2)
    receiver = Receiver(key)
    receiver.miss(source, rollovers)
    with pytest.raises(ProtectionError):
        receiver.verify(sender.protect(Packet(0, 0xF000, 2, 7, b"now").build()))
