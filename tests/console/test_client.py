"""Asking a switch that is not there, or is something else."""

from __future__ import annotations

import socket

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from rustalk.cli.client import ApiClient, segment
from rustalk.cli.command import CommandError, Exit


class Page(Resource):
    """The one page of some other server."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.isLeaf = True
        self._body = body

    def render_GET(self, request: Request) -> bytes:
        return self._body


@pytest.mark.parametrize(
    "server",
    ["localhost:8080", "https://localhost", "http://", "http://x:99999", "http://x/api", "", "file:///etc/passwd"],
)
def test_what_is_no_base_url_is_wrong_usage(server: str) -> None:
    with pytest.raises(CommandError, match="--server is") as caught:
        ApiClient(server)
    assert caught.value.code == Exit.USAGE


def test_a_switch_that_is_not_there_is_told_with_the_next_step() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CommandError, match=r"cannot be reached.*\n.*rustalk start") as caught:
            ApiClient(server).get("/health")
    assert caught.value.code == Exit.UNREACHABLE


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"[" * 100_000, b"\xff"])
@pytest_twisted.ensureDeferred
async def test_another_server_is_not_taken_for_the_api(body: bytes) -> None:
    port = reactor.listenTCP(0, Site(Page(body)), interface="127.0.0.1")
    client = ApiClient(f"http://127.0.0.1:{port.getHost().port}")
    try:
        with pytest.raises(CommandError, match="is not the API of RusTalk"):
            await deferToThread(client.get, "/health")
    finally:
        await port.stopListening()


def test_an_id_stays_one_segment_of_the_path() -> None:
    assert segment("../x?y#z\r\n") == "..%2Fx%3Fy%23z%0D%0A"
