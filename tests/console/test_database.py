"""`rustalk db`: upgrade, backup and restore from the command line."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from rustalk.cli.program import main
from rustalk.config.load import load
from rustalk.config.overlay import Change
from rustalk.store.store import Store, open_store


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with a state directory of its own."""
    return written(tmp_path, "state")


def written(directory: Path, state: str, url: str = "") -> str:
    """A configuration file."""
    file = directory / f"{state}.json"
    file.write_text(json.dumps({"server": {"state_directory": str(directory / state)}, "database": {"url": url}}))
    return str(file)


@asynccontextmanager
async def running(config: str) -> AsyncIterator[Store]:
    """What a running switch has opened."""
    store = open_store(load(Path(config).read_text()), reactor, {})
    yield store
    await store.stop()


def test_an_upgrade_says_which_steps_it_took(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time there are none."""
    assert main(["db", "upgrade", "--config", config]) == 0
    assert "0001_overlay\n" in capsys.readouterr().out
    assert main(["db", "upgrade", "--config", config, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"steps": []}


def test_a_backup_comes_back(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """F-18: with the key file, on an empty host; the file is for its owner only."""
    main(["token", "create", "--config", config, "--role", "viewer", "--name", "ci"])
    backup = tmp_path / "backup"
    assert main(["db", "backup", "--config", config, str(backup)]) == 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    other = written(tmp_path, "other")
    capsys.readouterr()
    assert main(["db", "restore", "--config", other, str(backup), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["tokens"] == 1
    assert main(["token", "list", "--config", other]) == 0
    assert " ci " in capsys.readouterr().out
    assert main(["db", "restore", "--config", other, str(backup)]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["db", "restore", "--config", other, "--replace", str(backup)]) == 0


def test_a_backup_overwrites_nothing_and_leaves_no_half(config: str, tmp_path: Path, capsys) -> None:
    """A file that is there stays; one that could not be finished is gone."""
    (tmp_path / "there").write_text("mine")
    assert main(["db", "backup", "--config", config, str(tmp_path / "there")]) == 1
    assert (tmp_path / "there").read_text() == "mine"
    assert main(["db", "backup", "--config", config, str(tmp_path / "new")]) == 1
    assert not (tmp_path / "new").exists()
    assert main(["db", "backup", "--config", config, str(tmp_path / "no" / "where")]) == 1
    assert "rustalk db upgrade" in capsys.readouterr().err


@pytest_twisted.ensureDeferred
async def test_a_restore_without_the_key_leaves_nothing(config: str, tmp_path: Path, capsys) -> None:
    """F-18: the key comes first; a switch that started meanwhile would make one of its own."""
    async with running(config):
        pass
    assert main(["db", "backup", "-c", config, str(tmp_path / "backup")]) == 0
    assert main(["db", "restore", "-c", written(tmp_path, "other"), str(tmp_path / "backup")]) == 1
    assert "vault.key is missing" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest_twisted.ensureDeferred
async def test_nothing_is_replaced_under_a_running_switch(config: str, tmp_path: Path, capsys) -> None:
    """It would go on with settings that are no longer there."""
    async with running(config):
        assert main(["db", "backup", "-c", config, str(tmp_path / "backup")]) == 0
        assert main(["db", "restore", "--replace", "-c", config, str(tmp_path / "backup")]) == 1
        assert "stop the switch" in capsys.readouterr().err
    assert main(["db", "restore", "--replace", "-c", config, str(tmp_path / "backup")]) == 0


@pytest_twisted.ensureDeferred
async def test_a_damaged_file_is_brought_back(config: str, tmp_path: Path) -> None:
    """F-18: and the copy for the next start is that of the backup."""
    async with running(config):
        pass
    assert main(["db", "backup", "-c", config, str(tmp_path / "backup")]) == 0
    (tmp_path / "state" / "rustalk.sqlite3").write_bytes(b"damaged" * 1000)
    (tmp_path / "state" / "overlay.json").unlink()
    assert main(["db", "restore", "--replace", "-c", config, str(tmp_path / "backup")]) == 0
    assert (tmp_path / "state" / "overlay.json").exists()
    async with running(config) as store:
        assert not store.database.problem


@pytest_twisted.ensureDeferred
async def test_items_over_the_file_are_listed_shown_and_taken_out(config: str, capsys) -> None:
    """As a revision and an entry of the audit log, and in the copy for the next start as well."""
    async with running(config) as store:
        await store.live.change(
            Change("trunks", "a", {"id": "a", "host": "192.0.2.1", "username": "u", "password": "CANARY"}), "alice"
        )
        await store.live.change(Change("dids", "b", None), "alice")
    assert main(["db", "items", "-c", config]) == 0
    assert re.findall(r"trunks +a +set +1 .* alice|dids +b +deleted", capsys.readouterr().out) != []
    assert main(["db", "items", "trunks", "a", "-c", config]) == 0
    assert "192.0.2.1" in (shown := capsys.readouterr().out)
    assert "CANARY" not in shown
    assert main(["db", "drop", "trunks", "a", "-c", config, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"collection": "trunks", "id": "a", "revision": 3}
    async with running(config) as store:
        assert store.live.settings.trunks == ()
        assert (await store.live.overlay.revision(3)).who == "command line"
        assert (await store.audit.entries(1))[0].target == "trunks/a"


@pytest_twisted.ensureDeferred
async def test_what_the_file_says_counts_again(tmp_path: Path) -> None:
    """And can be restored, secrets too, as any revision."""
    file = Path(written(tmp_path, "state"))
    extension = {"extension": "1001", "display_name": "Alice", "password": "CANARY-OF-THE-FILE"}
    file.write_text(json.dumps({**json.loads(file.read_text()), "extensions": [extension]}))
    async with running(str(file)) as store:
        before = store.live.settings.extensions
        await store.live.change(Change("extensions", "1001", None), "alice")
    assert main(["db", "drop", "extensions", "1001", "-c", str(file)]) == 0
    async with running(str(file)) as store:
        assert store.live.settings.extensions == before
        await store.live.change(Change("extensions", "1001", None), "alice")
        await store.live.restore(2, "alice")
        assert store.live.settings.extensions[0].ha1_sha256


@pytest_twisted.ensureDeferred
async def test_no_item_is_taken_out_under_a_running_switch(config: str, capsys) -> None:
    """Nor one that is not there."""
    assert main(["db", "drop", "dids", "a", "-c", config]) == 1
    async with running(config):
        assert main(["db", "drop", "dids", "a", "-c", config]) == 1
        assert "stop the switch" in capsys.readouterr().err
    assert main(["db", "drop", "dids", "a", "-c", config]) == main(["db", "items", "dids", "a", "-c", config]) == 1
    assert "`rustalk db items` lists all" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["backup", "x"], ["items"]])
def test_what_only_reads_makes_no_database(config: str, tmp_path: Path, verb: list[str], capsys) -> None:
    """The error names the command that does."""
    assert main(["db", *verb, "-c", config]) == 1
    assert "rustalk db upgrade" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("postgresql://u:CANARY@127.0.0.1:1/d", 3, "cannot be reached"),
        ("sqlite:////proc/nowhere/db", 3, "cannot be opened"),
    ],
)
def test_a_database_that_is_not_there_is_told(tmp_path: Path, capsys, url: str, code: int, said: str) -> None:
    """With an exit code of its own, and without the password."""
    assert main(["db", "upgrade", "--config", written(tmp_path, "state", url)]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "CANARY" not in error


def test_a_backup_that_cannot_be_read_is_told(config: str, tmp_path: Path, capsys) -> None:
    """No such file, or none of ours; the database is as before."""
    assert main(["db", "restore", "--config", config, str(tmp_path / "nowhere")]) == 1
    (tmp_path / "text").write_text("hello\n")
    assert main(["db", "restore", "--config", config, str(tmp_path / "text")]) == 1
    assert "Use another copy" in capsys.readouterr().err


def test_a_configuration_that_is_wrong_is_told(tmp_path: Path, capsys) -> None:
    """As `check-config` would."""
    (tmp_path / "c").write_text('{"server": {"nonsense": 1}}')
    assert main(["db", "upgrade", "--config", str(tmp_path / "c")]) == 1
    assert "$.server.nonsense" in capsys.readouterr().err
