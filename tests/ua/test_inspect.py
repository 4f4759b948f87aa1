"""What a request must satisfy before anybody looks at what it wants."""

from __future__ import annotations

import pytest

from rustalk.ua.inspect import ALLOW, Unfit, description, inspect
from rustalk.ua.reasons import REASONS
from tests.fakes.messages import make_request

SDP = b"v=0\r\n"


@pytest.mark.parametrize(
    ("method", "lines", "parts", "status"),
    [
        ("OPTIONS", [], {}, None),
        ("SUBSCRIBE", [], {}, 405),
        ("OPTIONS", [], {"uri": "mailto:bob@example.com"}, 416),
        ("INVITE", [], {"uri": "tel:+15551230002"}, None),
        ("INVITE", ["Require: teleport"], {}, 420),
        ("INVITE", ["Proxy-Require: foo"], {}, 420),
        ("INVITE", ["Require: timer, replaces, 100rel"], {}, None),
        ("INVITE", ["Content-Type: text/plain"], {"body": b"x"}, 415),
        ("INVITE", [], {"body": b"x"}, 415),
        ("INVITE", ["Content-Type: Application/SDP;charset=utf-8"], {"body": SDP}, None),
        ("INVITE", ["Content-Type: application/sdp", "Content-Encoding: gzip"], {"body": SDP}, 415),
        ("INVITE", ["Content-Type: application/sdp", "Content-Encoding: IDENTITY"], {"body": SDP}, None),
        ("INVITE", ["Accept: text/plain"], {}, 406),
        ("INVITE", ["Accept: text/plain, application/*;q=0.1"], {}, None),
        ("UPDATE", ["Content-Type: text/plain"], {"body": b"x"}, 415),
        ("INFO", ["Content-Type: application/dtmf-relay"], {"body": b"x"}, None),
    ],
)
def test_the_first_fault_in_the_order_of_the_rfc(
    method: str, lines: list[str], parts: dict[str, object], status: int | None
) -> None:
    """RFC 3261 section 8.2: method, scheme, extensions, content."""
    unfit = inspect(make_request(method, *lines, **parts))
    assert (unfit and REASONS[unfit.code].status) == status


def test_a_refusal_says_what_would_do() -> None:
    """405 names the methods, 420 what is unsupported, 415 and 406 the type."""
    assert inspect(make_request("SUBSCRIBE")) == Unfit("bad_method", (("Allow", ALLOW),))
    assert inspect(make_request("INVITE", "Require: a, timer, b")) == Unfit("bad_extension", (("Unsupported", "a, b"),))
    accept = (("Accept", "application/sdp"),)
    assert inspect(make_request("INVITE", "Accept: text/plain")) == Unfit("unacceptable", accept)


def test_a_description_is_a_body_of_its_type() -> None:
    """A body of another type, or none, describes nothing."""
    assert description(make_request("INVITE", "Content-Type: application/sdp", body=SDP)) == SDP
    assert description(make_request("INVITE", "Content-Type: text/plain", body=SDP)) == b""
    assert description(make_request("INVITE")) == b""
