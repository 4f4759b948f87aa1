"""Session descriptions of the simulator, and what it reads in those of others."""

from __future__ import annotations

from typing import cast

import pytest

from rustalk.rtp.srtp import KeyMaterial
from rustalk.sdp.model import Direction
from rustalk.simulator.description import carrier_sdp, facts, mirrored, renumbered, teams_sdp, written
from rustalk.simulator.media import SUITE, SrtpEnd
from rustalk.simulator.sound import Describe


class End:
    """The face of an SRTP end, without its sockets."""

    address, port, rtcp_port = "192.0.2.1", 49152, 49153
    key = KeyMaterial(SUITE, bytes(30))
    plain = False
    ice = None

    def crypto(self, tag: int) -> str:
        return f"{tag} {SUITE} {self.key.inline()}|2^31"


END = cast(SrtpEnd, End())


class End6(End):
    """One on IPv6."""

    address = "2001:db8::1"


@pytest.mark.parametrize("write", [teams_sdp, carrier_sdp])
def test_the_ip_version_is_that_of_the_address(write: Describe) -> None:
    """RFC 8866 section 5.7."""
    body = write(cast(SrtpEnd, End6()))
    assert b"\r\nc=IN IP6 2001:db8::1\r\n" in body
    found = facts(body)
    assert found is not None
    assert found.place == ("2001:db8::1", 49152)


@pytest.mark.parametrize("write", [teams_sdp, carrier_sdp])
def test_what_is_written_is_read_again(write: object) -> None:
    """MED-02."""
    body = teams_sdp(END) if write is teams_sdp else carrier_sdp(END)
    found = facts(body)
    assert found is not None
    assert (found.place, found.audio.proto, found.audio.direction) == (
        ("192.0.2.1", 49152),
        "RTP/SAVP",
        Direction.SENDRECV,
    )
    flow = found.flow()
    assert flow is not None
    assert (flow.rtcp_port, flow.inbound) == (49153, END.key)


def test_teams_names_127_0_0_1_as_origin_and_the_real_address_in_c() -> None:
    """MED-13."""
    text = teams_sdp(END, version=3).decode()
    assert "o=- 49152 3 IN IP4 127.0.0.1\r\n" in text
    assert text.count("c=IN IP4 192.0.2.1\r\n") == 2
    assert "b=CT:10000000\r\n" in text
    assert 900 < len(text) < 1150


def test_the_same_version_gives_the_same_bytes() -> None:
    """HDR-17."""
    assert teams_sdp(END, version=2) == teams_sdp(END, version=2)


def test_of_several_keys_the_plain_80_bit_one_counts() -> None:
    """MED-03."""
    key = END.key.inline()
    lines = (
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 {key}\r\na=crypto:3 {SUITE} {key}|2^31|1:1\r\na=crypto:4 {SUITE} {key}\r\n"
    )
    found = facts(carrier_sdp(END).replace(b"a=crypto", b"a=x") + lines.encode())
    assert found is not None
    assert found.tag == 4


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"v=0\r\nm=audio 0 RTP/SAVP 0\r\n", b"v=0\r\nm=video 9 RTP/SAVP 0\r\n"]
)
def test_a_body_without_audio_in_use_has_no_facts(body: bytes) -> None:
    assert facts(body) is None


def test_a_direction_is_answered_by_its_mirror() -> None:
    pairs = {one: mirrored(one) for one in Direction}
    assert pairs[Direction.SENDONLY] is Direction.RECVONLY
    assert pairs[Direction.RECVONLY] is Direction.SENDONLY
    assert pairs[Direction.INACTIVE] is Direction.INACTIVE


def test_rtcp_shares_the_port_only_where_both_say_so() -> None:
    """MED-10: RFC 5761 section 5.1.1."""
    muxed = facts(written(carrier_sdp, lambda text: f"{text}a=rtcp-mux\r\n")(END))
    assert muxed is not None
    for mux, port in ((True, 49152), (False, 49153)):
        flow = muxed.flow(mux=mux)
        assert flow is not None
        assert flow.rtcp_port == port


def test_a_payload_type_is_renumbered_everywhere_and_nothing_else_is() -> None:
    """MED-07."""
    usual, found = facts(carrier_sdp(END)), facts(written(carrier_sdp, renumbered(101, 96))(END))
    assert usual is not None
    assert found is not None
    assert found.audio.formats == ("0", "8", "96")
    assert found.payload_type("telephone-event/8000") == 96
    assert (found.place, found.key, found.encodings) == (usual.place, usual.key, usual.encodings)
