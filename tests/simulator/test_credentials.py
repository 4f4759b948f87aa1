"""The carrier's own digest check, against the example of RFC 7616 section 3.9.1."""

from __future__ import annotations

import pytest

from rustalk.simulator.credentials import Account
from rustalk.sip.message import Request

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
MD5 = "8ca523f5e9506fed4657c9700eebdbec"
SHA = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def account(algorithm: str) -> Account:
    return Account("Mufasa", "Circle of Life", "http-auth@example.org", algorithm, nonces={NONCE})


def asked(response: str, nonce: str = NONCE) -> Request:
    value = (
        f'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", nonce="{nonce}", '
        f'nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}"'
    )
    return Request("GET", "/dir/index.html", [("Authorization", value)])


@pytest.mark.parametrize(("algorithm", "response"), [("MD5", MD5), ("SHA-256", SHA)])
def test_the_answers_of_rfc_7616_are_admitted(algorithm: str, response: str) -> None:
    assert account(algorithm).admits(asked(response))


@pytest.mark.parametrize("request_", [asked(SHA), asked(MD5, "other"), Request("GET", "/")])
def test_a_wrong_answer_a_foreign_nonce_and_no_answer_are_not(request_: Request) -> None:
    assert not account("MD5").admits(request_)


def test_a_proxy_asks_in_its_own_fields() -> None:
    name, value = Account("a", "b", proxy=True).challenge()
    assert name == "Proxy-Authenticate"
    assert 'realm="carrier.example"' in value


def test_the_password_does_not_show() -> None:
    assert "Circle" not in repr(account("MD5"))
