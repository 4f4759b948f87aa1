"""`rustalk token`: made in the database, printed once, alone on standard output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from rustalk.cli.program import main
from rustalk.config.load import load
from rustalk.store.store import open_store


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with a state directory of its own."""
    file = tmp_path / "rustalk.json"
    file.write_text(json.dumps({"server": {"state_directory": str(tmp_path / "state")}}))
    return str(file)


@pytest_twisted.ensureDeferred
async def test_a_token_opens_the_api_of_a_running_switch(config: str, capsys) -> None:
    """It is made in another process; the switch finds it in the database, and who made it in the audit log."""
    store = open_store(load(Path(config).read_text()), reactor, {})
    create = ["token", "create", "--config", config, "--role", "operator", "--name", "ci", "--scope", "calls"]
    assert await deferToThread(main, [*create, "--expires", "1"]) == 0
    out, err = capsys.readouterr()
    text = out.strip()
    assert text not in err
    token = await store.tokens.find(text)
    assert (token.name, token.role, token.scopes) == ("ci", "operator", ("calls",))
    assert round(token.expires_at - token.created_at) == 86400
    [entry] = await store.audit.entries(5)
    assert (entry.action, entry.target) == ("create token", f"tokens/{token.id}")
    await store.stop()


def test_a_token_is_revoked_by_its_id(config: str, capsys) -> None:
    """The list shows that it has ended, and never its text."""
    main(["token", "create", "--config", config, "--role", "admin", "--name", "lost", "--json"])
    made = json.loads(capsys.readouterr().out)
    assert main(["token", "revoke", "--config", config, made["id"]]) == 0
    assert main(["token", "revoke", "--config", config, made["id"]]) == 1
    assert "rustalk token list" in capsys.readouterr().err
    assert main(["token", "list", "--config", config]) == 0
    shown = capsys.readouterr().out
    assert "revoked" in shown
    assert made["token"] not in shown
    main(["token", "list", "--config", config, "--json"])
    [listed] = json.loads(capsys.readouterr().out)
    assert listed["revoked_at"].endswith("Z")


@pytest.mark.parametrize(
    "wrong",
    [["--role", "god"], ["--name", ""], ["--name", "a\nb"], ["--expires", "0"], ["--expires", "soon"]],
)
def test_what_makes_no_token_is_wrong_usage(config: str, capsys, wrong: list[str]) -> None:
    """With exit code 2, before anything is opened."""
    with pytest.raises(SystemExit) as ended:
        main(["token", "create", "--config", config, "--role", "viewer", "--name", "x", *wrong])
    assert ended.value.code == 2
    assert not (Path(config).parent / "state").exists()
