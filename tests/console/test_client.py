"""Asking a switch that is not there, or is something else."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from rustalk.cli.client import ApiClient, add_server_argument, client_for, query, segment, server_of
from rustalk.cli.command import CommandError, Exit
from tests.fakes.desk import Desk


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
    with pytest.raises(CommandError, match=r"--server .* is") as caught:
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


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """A function that tells which token arguments lead to; the home directory is an empty one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RUSTALK_TOKEN", "RUSTALK_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)

    def given(*argv: str) -> str:
        parser = ArgumentParser()
        add_server_argument(parser)
        return client_for(parser.parse_args(argv))._token

    return given


def test_the_token_is_that_of_the_command_line_a_file_or_the_environment(
    given: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The more particular one counts."""
    (tmp_path / "named").write_text("from-file\n")
    assert given() == ""
    (tmp_path / ".config" / "rustalk").mkdir(parents=True)
    (tmp_path / ".config" / "rustalk" / "token").write_text("from-home\n")
    assert given() == "from-home"
    monkeypatch.setenv("RUSTALK_TOKEN_FILE", str(tmp_path / "named"))
    assert given() == "from-file"
    monkeypatch.setenv("RUSTALK_TOKEN", "from-environment")
    assert given() == "from-environment"
    assert given("--token-file", str(tmp_path / "named")) == "from-file"
    assert given("--token", "from-line", "--token-file", "/nope") == "from-line"


def test_the_server_is_that_of_the_command_line_or_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the token is; where neither says anything it is the one on this machine."""
    parser = ArgumentParser()
    add_server_argument(parser)
    monkeypatch.delenv("RUSTALK_SERVER", raising=False)
    assert server_of(parser.parse_args([])) == ""
    monkeypatch.setenv("RUSTALK_SERVER", "http://192.0.2.1:8080")
    assert server_of(parser.parse_args([])) == "http://192.0.2.1:8080"
    assert server_of(parser.parse_args(["--server", "http://192.0.2.2"])) == "http://192.0.2.2"


def test_a_token_file_that_cannot_be_read_is_told(given: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="The token file /nope cannot be read"):
        given("--token-file", "/nope")
    with pytest.raises(CommandError, match="not one that"):
        given("--token", "a\r\nX-Evil: b")


@pytest_twisted.ensureDeferred
async def test_a_refusal_tells_what_was_wrong_and_how_to_go_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, auth="token")
    client = ApiClient(f"http://127.0.0.1:{desk.service.port}")
    try:
        with pytest.raises(CommandError, match=r"A token is needed\..*\n--token, RUSTALK_TOKEN or --token-file"):
            await deferToThread(client.get, "/api/v1/calls")
    finally:
        await desk.stop()


def test_parameters_that_are_empty_are_left_out() -> None:
    assert query(a="x y", b="", c=None, d=False, e=True, f=0) == "?a=x+y&e=true"
    assert query() == ""
