"""Datagrams and streams."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustalk.sip.errors import RemoteProtocolError
from rustalk.sip.message import Message, Request, Response
from rustalk.sip.parse import FramingError, Limits, StreamParser, parse_datagram
from tests.fakes.messages import LIMITS, make_request, parse, request_wire, wire

TEAMS = Path(__file__).parent.parent / "data" / "teams"

OPTIONS = request_wire("OPTIONS")
FIELDS = OPTIONS.partition(b"\r\n")[2].partition(b"Content-Length")[0]


def refused(data: bytes, limits: Limits = LIMITS) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_datagram(data, limits)
    return caught.value


def cut(data: bytes, *places: int) -> list[bytes]:
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]


def fed(*chunks: bytes, limits: Limits = LIMITS) -> list[Message | RemoteProtocolError]:
    parser = StreamParser(limits)
    return [message for chunk in chunks for message in parser.feed(chunk)]


def shapes(messages: list[Message | RemoteProtocolError]) -> list[tuple[object, ...]]:
    return [
        (m.start_line, m.fields, m.body) if isinstance(m, Message) else (type(m), m.status, m.reason) for m in messages
    ]


# Datagrams.


def test_a_request_and_a_response() -> None:
    assert isinstance(parse(OPTIONS), Request)
    response = parse(b"SIP/2.0 200 OK\r\n" + FIELDS + b"\r\n")
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (200, "OK")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b" \t\r\n"])
def test_a_keep_alive_is_no_message(data: bytes) -> None:
    assert parse_datagram(data, LIMITS) is None


def test_line_ends_before_a_message_are_ignored() -> None:
    assert parse(b"\r\n\r\n" + OPTIONS).raw == OPTIONS


def test_a_message_keeps_its_raw_bytes() -> None:
    assert parse(OPTIONS).raw == OPTIONS


def test_octets_behind_the_length_do_not_belong_to_a_datagram() -> None:
    data = b"OPTIONS sip:h SIP/2.0\r\n" + FIELDS + b"Content-Length: 3\r\n\r\nabcdef"
    assert parse(data).body == b"abc"


def test_a_datagram_without_a_length_is_all_body() -> None:
    assert parse(b"OPTIONS sip:h SIP/2.0\r\n" + FIELDS + b"\r\nabcdef").body == b"abcdef"


def test_a_length_beyond_the_datagram_is_refused() -> None:
    error = refused(b"OPTIONS sip:h SIP/2.0\r\n" + FIELDS + b"Content-Length: 7\r\n\r\nabcdef")
    assert (error.status, error.method) == (400, "OPTIONS")
    assert dict(error.fields)["Call-ID"] == "3848276298220188511@atlanta.example.com"


def test_compact_names_and_any_case_are_understood() -> None:
    data = wire(
        "BYE sip:h SIP/2.0",
        "v: SIP/2.0/UDP h",
        "F:<sip:a@h>;tag=1",
        "t:<sip:h>",
        "I : 1",
        "CSEQ: 1 BYE",
        "l: 2",
        body=b"ab",
    )
    assert [name for name, _ in parse(data).fields] == ["Via", "From", "To", "Call-ID", "CSeq"]


def test_a_folded_field_is_one_line() -> None:
    assert make_request("OPTIONS", "Subject: a\r\n  b\r\n\tc", "X: y").get("Subject") == "a b c"


def test_a_folded_start_line_is_refused() -> None:
    assert refused(OPTIONS.replace(b" SIP/2.0\r\n", b"\r\n SIP/2.0\r\n", 1)).reason == "the start line is folded"


def test_a_multipart_body_is_kept_byte_for_byte() -> None:
    body = bytes(range(256)) + b"--x\r\n\r\n\r\n\0"
    assert make_request("INVITE", "Content-Type: multipart/mixed;boundary=x", body=body).body == body


def test_uris_and_parameters_are_kept_in_order() -> None:
    uri = "sip:+1@h:5061;user=phone;transport=tls;x=1"
    assert [name for name, _ in make_request(uri=uri).target.params] == ["user", "transport", "x"]


@pytest.mark.parametrize("number", ["0", "255", "070"])
def test_how_far_a_request_may_go(number: str) -> None:
    data = OPTIONS.replace(b"Max-Forwards: 70", f"Max-Forwards: {number}".encode())
    request = parse(data)
    assert isinstance(request, Request)
    assert request.max_forwards == int(number)


def test_a_request_may_not_say_how_far() -> None:
    request = parse(OPTIONS.replace(b"Max-Forwards: 70\r\n", b""))
    assert isinstance(request, Request)
    assert request.max_forwards is None


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b" SIP/2.0\r\n", b" SIP/3.0\r\n", 505),
        (b" SIP/2.0\r\n", b" HTTP/1.1\r\n", 400),
        (b"OPTIONS sip", b"OPTIONS  sip", 400),
        (b"OPTIONS sip", b"\tOPTIONS sip", 400),
        (b"sip:bob@biloxi.example.com SIP", b"<sip:bob@biloxi.example.com> SIP", 400),
        (b"biloxi.example.com SIP", b"biloxi.example.com?Route=x SIP", 400),
        (b"biloxi.example.com SIP", b"biloxi.example.com:0 SIP", 400),
        (b"biloxi.example.com SIP", b"biloxi.example.com:70000 SIP", 400),
        (b"2 OPTIONS", b"2 INVITE", 400),
        (b"2 OPTIONS", b"2 options", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 256", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: -1", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 70\r\nMax-Forwards: 70", 400),
        (b"Max-Forwards: 70", b"Max-Forwards", 400),
        (b"Max-Forwards: 70", b"Max Forwards: 70", 400),
        (b"Max-Forwards: 70", b": 70", 400),
        (b"Call-ID: 3848276298220188511@atlanta.example.com", b"Call-ID:", 400),
        (b"Call-ID: 3848276298220188511@atlanta.example.com\r\n", b"", 400),
        (b"Content-Length: 0\r\n\r\n", b"", 400),
    ],
)
def test_a_broken_request_is_refused_with_a_status(old: bytes, new: bytes, status: int) -> None:
    assert old in OPTIONS
    assert refused(OPTIONS.replace(old, new)).status == status


@pytest.mark.parametrize(
    "start", ["SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 4294967301 x", "SIP/2.0 200", "SIP/2.0  200 OK"]
)
def test_a_broken_status_line_is_refused(start: str) -> None:
    assert refused(start.encode() + b"\r\n" + FIELDS + b"\r\n").status == 400


def test_a_status_line_may_have_no_phrase() -> None:
    response = parse(b"SIP/2.0 100 \r\n" + FIELDS + b"\r\n")
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (100, "Trying")


@settings(max_examples=300)
@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: OPTIONS[:-20] + tail))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    """A15."""
    with suppress(RemoteProtocolError):
        message = parse_datagram(data, LIMITS)
        if message is not None:
            assert shapes([parse(message.to_bytes())]) == shapes([message])


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=80) | st.sampled_from([OPTIONS, OPTIONS[:100], OPTIONS[100:], b"\r\n"]), max_size=8))
def test_any_bytes_on_a_stream_are_messages_or_errors(chunks: list[bytes]) -> None:
    """A15: and a stream never holds more than a message."""
    parser = StreamParser(Limits(message=2000, head=1000))
    for chunk in chunks:
        for found in parser.feed(chunk):
            assert isinstance(found, (Message, RemoteProtocolError))
        assert len(parser._buffer) < 2000 + 80


# Limits (A16): N-1 and N pass, N+1 does not.


@pytest.mark.parametrize(("extra", "fits"), [(-1, True), (0, True), (1, False)])
def test_the_size_of_a_message_is_limited(extra: int, fits: bool) -> None:
    limits = Limits(message=2000)
    head = request_wire("INVITE", body=b"x" * 1000)
    data = request_wire("INVITE", body=b"x" * (2000 - len(head) + 1000 + extra))
    assert len(data) == 2000 + extra
    stream = fed(data, limits=limits)[0]
    if fits:
        assert parse_datagram(data, limits) is not None
        assert isinstance(stream, Request)
    else:
        assert refused(data, limits).status == 513
        assert isinstance(stream, FramingError)
        assert stream.status == 513


@pytest.mark.parametrize(("extra", "fits"), [(-1, True), (0, True), (1, False)])
def test_the_size_of_the_head_is_limited(extra: int, fits: bool) -> None:
    limits = Limits(head=1000)
    room = 1000 - OPTIONS.index(b"\r\n\r\n") - len("\r\nX: ")
    data = request_wire("OPTIONS", "X: " + "x" * (room + extra))
    stream = fed(data, limits=limits)[0]
    if fits:
        assert parse_datagram(data, limits) is not None
        assert isinstance(stream, Request)
    else:
        assert refused(data, limits).status == 513
        assert isinstance(stream, FramingError)


@pytest.mark.parametrize(("count", "fits"), [(19, True), (20, True), (21, False)])
def test_the_number_of_fields_is_limited(count: int, fits: bool) -> None:
    data = request_wire("OPTIONS", *["X: y"] * (count - 7))
    if fits:
        assert parse_datagram(data, Limits(fields=20)) is not None
    else:
        assert refused(data, Limits(fields=20)).reason == "too many header fields"


@pytest.mark.parametrize(("length", "fits"), [(99, True), (100, True), (101, False)])
def test_the_length_of_a_field_is_limited(length: int, fits: bool) -> None:
    data = request_wire("OPTIONS", "Subject: " + "y" * length)
    if fits:
        assert parse_datagram(data, Limits(field=100)) is not None
    else:
        error = refused(data, Limits(field=100))
        assert (error.status, error.reason) == (513, "the header field Subject is too long")


@pytest.mark.parametrize(("length", "fits"), [(99, True), (100, True), (101, False)])
def test_the_length_of_the_request_uri_is_limited(length: int, fits: bool) -> None:
    data = request_wire("OPTIONS", uri="sip:" + "h" * (length - 4))
    if fits:
        assert parse_datagram(data, Limits(uri=100)) is not None
    else:
        assert refused(data, Limits(uri=100)).status == 414


@pytest.mark.parametrize("count", [1, 1000, 10_000])
def test_many_vias_are_a_message_or_too_many(count: int) -> None:
    """A16: a thousand Vias."""
    data = request_wire("OPTIONS", *["v: SIP/2.0/UDP h"] * count)
    if count == 1:
        assert len(parse(data).vias) == 2
    else:
        assert refused(data).status == 513


# Streams.


def test_messages_that_arrive_together_come_out_one_by_one() -> None:
    """A12."""
    first, second = request_wire("INVITE", body=b"v=0\r\n"), OPTIONS
    assert shapes(fed(first + second + first)) == shapes([parse(first), parse(second), parse(first)])


@pytest.mark.parametrize("name", ["invite", "options", "options-200", "refer", "bye"])
def test_a_message_cut_at_any_byte_comes_out_the_same(name: str) -> None:
    """A12, HDR-21: it comes in several reads."""
    data = (TEAMS / f"{name}.sip").read_bytes()
    whole = shapes([parse(data)] * 2)
    for place in range(1, len(data)):
        assert shapes(fed(*cut(data + data, place, len(data) + place))) == whole


def test_a_message_that_arrives_byte_by_byte_comes_out_the_same() -> None:
    """A12, A13."""
    data = (TEAMS / "invite.sip").read_bytes()
    assert shapes(fed(*(bytes((byte,)) for byte in data))) == shapes([parse(data)])


@pytest.mark.parametrize("size", [8 * 1024, 64 * 1024])
def test_a_large_body_cut_at_any_of_many_places_comes_out_the_same(size: int) -> None:
    """HDR-21: 8 kB and 64 kB bodies."""
    limits = Limits(message=70_000)
    data = request_wire("INVITE", body=b"a=candidate:1\r\n" * (size // 15))
    for place in [*range(1, 500), *range(500, len(data), 997), len(data) - 1]:
        (message,) = fed(*cut(data, place), limits=limits)
        assert isinstance(message, Request)
        assert message.raw == data


def test_keep_alives_between_messages_are_counted() -> None:
    parser = StreamParser(LIMITS)
    found = parser.feed(b"\r\n\r\n" + OPTIONS + b"\r\n\r\n\r\n\r\n" + OPTIONS + b"\r\n")
    assert ([type(m) for m in found], parser.pings) == ([Request, Request], 3)


@pytest.mark.parametrize("place", range(1, 8))
def test_keep_alives_may_be_cut_anywhere(place: int) -> None:
    parser = StreamParser(LIMITS)
    found = [message for chunk in cut(b"\r\n\r\n\r\n\r\n" + OPTIONS, place) for message in parser.feed(chunk)]
    assert ([type(m) for m in found], parser.pings) == ([Request], 2)


def test_the_answer_to_a_keep_alive_is_skipped() -> None:
    assert [type(m) for m in fed(b"\r\n", OPTIONS, b"\r\n" + OPTIONS)] == [Request, Request]


def test_a_stream_knows_whether_part_of_a_message_waits() -> None:
    parser = StreamParser(LIMITS)
    states = []
    for chunk in (b"\r\n", OPTIONS[:10], OPTIONS[10:-3], OPTIONS[-3:], b"\r\n\r"):
        parser.feed(chunk)
        states.append(parser.partial)
    assert states == [False, True, True, False, False]


def test_a_framed_message_that_is_not_understood_leaves_the_stream_usable() -> None:
    broken = OPTIONS.replace(b"2 OPTIONS", b"2 INVITE")
    found = fed(broken + OPTIONS)
    assert [type(m) for m in found] == [RemoteProtocolError, Request]


@pytest.mark.parametrize(
    "data",
    [
        OPTIONS.replace(b"Content-Length: 0\r\n", b""),
        OPTIONS.replace(b"Content-Length: 0", b"Content-Length: -1"),
        OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 0"),
        OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 4294967296"),
        OPTIONS.replace(b"Max-Forwards: 70", b"Max-Forwards"),
        b"x" * 40_000,
    ],
)
def test_a_stream_that_cannot_be_followed_says_so_and_takes_no_more(data: bytes) -> None:
    """A11, A12: nothing behind the doubtful place is ever taken for a message."""
    parser = StreamParser(LIMITS)
    assert [type(m) for m in parser.feed(data + OPTIONS)] == [FramingError]
    assert (parser.feed(OPTIONS), parser.partial) == ([], False)


def test_a_head_that_never_ends_is_cut_off() -> None:
    """A13."""
    found = fed(*[b"x" * 1000] * 40)
    assert [(type(error), error.status) for error in found if isinstance(error, FramingError)] == [(FramingError, 513)]


def test_a_framing_error_carries_what_is_needed_to_answer() -> None:
    (error,) = fed(OPTIONS.replace(b"Content-Length: 0", b"Content-Length: x"))
    assert isinstance(error, FramingError)
    assert (error.status, error.method, "Via" in dict(error.fields)) == (400, "OPTIONS", True)


def test_a_body_that_looks_like_a_message_is_a_body() -> None:
    """A12."""
    data = request_wire("MESSAGE", body=OPTIONS)
    (message,) = fed(*cut(data, len(data) - 100))
    assert isinstance(message, Request)
    assert message.body == OPTIONS
