"""Who is let in."""

from __future__ import annotations

import pytest

from tests.fakes.switch import FakeSwitch

from .conftest import Request


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "LocalHost", "192.0.2.1:80", "sbc.example.com"],
)
def test_addresses_localhost_and_configured_names_are_let_in(host: str, request_: Request) -> None:
    assert request_("GET", "/health", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.localhost.example",
        "127.0.0.1@evil.example",
        "[::1",
        "a b",
        "localhost:8080x",
        "xn--evil-\xe9",
        "",
    ],
)
def test_any_other_name_is_turned_away(host: str, request_: Request) -> None:
    """A32: a name that DNS rebinding could point here never reaches a route."""
    reply = request_("GET", "/health", {"Host": host})
    assert (reply.status, reply.json["code"]) == (421, "host-not-allowed")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://localhost", ""])
def test_a_page_of_another_origin_is_turned_away(origin: str, request_: Request, switch: FakeSwitch) -> None:
    """A27: a web page can send a POST without asking; it must not have any effect."""
    reply = request_("POST", "/api/v1/certificates/reload", {"Origin": origin or "x"})
    assert (reply.status, reply.json["code"]) == (403, "origin-not-allowed")


def test_a_page_of_this_very_host_is_let_in(request_: Request) -> None:
    assert request_("GET", "/health", {"Origin": "http://127.0.0.1:8080"}).status == 200


def test_no_page_is_ever_invited_by_cors(request_: Request) -> None:
    reply = request_("OPTIONS", "/api/v1/calls/c1", {"Access-Control-Request-Method": "DELETE"})
    assert reply.status == 405
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/health", "/nope", "/%ff"])
def test_every_answer_carries_the_headers_of_a_careful_server(path: str, request_: Request) -> None:
    headers = request_("GET", path).headers
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    assert (headers["server"], "default-src 'none'" in headers["content-security-policy"]) == ("RusTalk", True)


@pytest.mark.parametrize(("method", "path"), [("GET", "/%ff"), ("GET", "/api/v1/calls/%c3%28"), ("fOO", "/health")])
def test_what_is_no_text_is_a_bad_request(method: str, path: str, request_: Request) -> None:
    reply = request_(method, path)
    assert (reply.status, reply.json["code"]) == (400, "bad-request")
