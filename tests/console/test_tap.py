"""The options of `twistd rustalk`."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.scripts.twistd import ServerOptions

from rustalk.config.model import Settings
from rustalk.tap import Options


def parsed(*argv: str) -> Options:
    """The options of a command line."""
    options = Options()
    options.parseOptions(list(argv))
    return options


def under_twistd(*argv: str) -> ServerOptions:
    """What twistd makes of a whole command line."""
    twistd = ServerOptions()
    twistd.parseOptions([*argv, "rustalk"])
    return twistd


@pytest.mark.parametrize("option", ["--config", "-c"])
def test_the_configuration_is_read(option: str, tmp_path: Path) -> None:
    path = tmp_path / "rustalk.json"
    path.write_text('{"api": {"port": 9090}}')
    options = parsed(option, str(path))
    assert (options.settings.api.port, options.source) == (9090, str(path))


def test_without_a_file_the_defaults_hold() -> None:
    assert (parsed().settings, parsed().source) == (Settings(), None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"api": {"port": 0.5}, "x": 1}', r"(?s)2 problems.*\$\.api\.port.*\$\.x"),
        (b"{", "line 1"),
        (b"\xff", "is not UTF-8 at byte 0"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_used_ends_the_program(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rustalk.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit, match=message):
        parsed("--config", str(path))


def test_the_log_is_ours_unless_twistd_was_told_otherwise() -> None:
    assert under_twistd("-n")["logger"].__name__ == "environment_observer"
    assert under_twistd("-n", "--logfile", "x.log")["logger"] is None


def test_in_the_foreground_no_pid_file_is_left_behind() -> None:
    """A pid file that outlives a kill -9 would stop the next start."""
    assert under_twistd("-n")["pidfile"] == ""
    assert under_twistd("-n", "--pidfile", "own.pid")["pidfile"].endswith("own.pid")
    assert under_twistd()["pidfile"].endswith("twistd.pid")
