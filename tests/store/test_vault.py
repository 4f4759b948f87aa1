"""What is sealed opens with its key and for its place only, and the key file is its owner's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import pytest_twisted

from rustalk.config.load import load
from rustalk.config.model import Settings
from rustalk.store.database import Database
from rustalk.store.migrate import upgrade
from rustalk.store.vault import KEY_FILE, Vault, VaultError, hash_pin, open_vault, pin_fits


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a state directory that is not there yet."""
    return load(f'{{"server": {{"state_directory": "{tmp_path}/state"}}}}')


def test_a_sealed_text_opens_with_its_key_and_for_its_place() -> None:
    """Two seals of one text differ, and neither shows it."""
    vault = Vault(os.urandom(32))
    sealed = vault.seal("CANARY", "trunks/a/password")
    assert vault.unseal(sealed, "trunks/a/password") == "CANARY"
    assert sealed != vault.seal("CANARY", "trunks/a/password")
    assert "CANARY" not in sealed


@pytest.mark.parametrize("change", ["", "v1:", "v1:AAAA", "v2:{}", "{}A", "v1:\u00e9"])
def test_what_was_not_sealed_so_does_not_open(change: str) -> None:
    """Another place, another key, another text: one error, which names the place."""
    vault = Vault(os.urandom(32))
    sealed = vault.seal("CANARY", "trunks/a/password")
    with pytest.raises(VaultError, match="trunks/a/password"):
        vault.unseal(change.format(sealed), "trunks/a/password")
    with pytest.raises(VaultError, match="trunks/b/password"):
        vault.unseal(sealed, "trunks/b/password")
    with pytest.raises(VaultError):
        Vault(os.urandom(32)).unseal(sealed, "trunks/a/password")


def test_the_key_is_made_once_for_its_owner_only(settings: Settings, tmp_path: Path) -> None:
    """The second start finds the first one's key."""
    first, second = open_vault(settings, {}), open_vault(settings, {})
    assert first.fingerprint == second.fingerprint
    assert stat.S_IMODE((tmp_path / "state" / "vault.key").stat().st_mode) == 0o600
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["vault.key"]


def test_a_key_can_be_kept_elsewhere(settings: Settings, tmp_path: Path) -> None:
    """A file that the environment names is used and never made."""
    named = tmp_path / "key"
    with pytest.raises(VaultError, match="No such file"):
        open_vault(settings, {KEY_FILE: str(named)})
    named.write_text("ab" * 32)
    named.chmod(0o600)
    assert open_vault(settings, {KEY_FILE: str(named)}).fingerprint == Vault(b"\xab" * 32).fingerprint
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("content", "mode", "said"), [("ab" * 32, 0o640, "chmod 600"), ("CANARY", 0o600, "no key")])
def test_an_unsafe_or_broken_key_is_refused(
    settings: Settings, tmp_path: Path, content: str, mode: int, said: str
) -> None:
    """The error says what to do and nothing of the content."""
    named = tmp_path / "key"
    named.write_text(content)
    named.chmod(mode)
    with pytest.raises(VaultError, match=said) as raised:
        open_vault(settings, {KEY_FILE: str(named)})
    assert content not in str(raised.value)


@pytest_twisted.ensureDeferred
async def test_a_database_keeps_to_the_key_that_sealed_it(database: Database) -> None:
    """A second node without the first one's key would read no trunk password: it is told so."""
    await database.run(upgrade)
    await database.run(Vault(b"1" * 32).claim)
    await database.run(Vault(b"1" * 32).claim)
    with pytest.raises(VaultError, match="copy the key file"):
        await database.run(Vault(b"2" * 32).claim)


def test_a_derived_key_is_of_one_purpose() -> None:
    """Nodes that share the key derive the same one."""
    vault = Vault(b"1" * 32)
    assert vault.derived("nodes") == Vault(b"1" * 32).derived("nodes")
    assert len({vault.derived("nodes"), vault.derived("else"), Vault(b"2" * 32).derived("nodes"), b"1" * 32}) == 4


def test_of_a_pin_only_a_hash_is_kept() -> None:
    """Two boxes with one PIN have different hashes; what is no hash fits no PIN."""
    kept = hash_pin("2468")
    assert pin_fits("2468", kept)
    assert not pin_fits("2469", kept)
    assert "2468" not in kept
    assert kept != hash_pin("2468")
    assert not any(pin_fits("2468", broken) for broken in ("", "2468", "scrypt:zz:zz", kept.replace("scrypt", "md5")))
