"""Passwords and PINs are never kept, other secrets only sealed."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from rustalk.config.collections import COLLECTIONS
from rustalk.config.model import Extension, Mailbox, Settings, Trunk
from rustalk.config.overlay import SECTIONS
from rustalk.config.problem import ConfigError
from rustalk.config.secret import Secret
from rustalk.sip.digest import ha1
from rustalk.store.conceal import concealed, opened, sealed, shown
from rustalk.store.conceal import kept as stored
from rustalk.store.vault import Vault, VaultError, pin_fits

REALM = "sip.example.com"
MD5, SHA = (ha1(algorithm, "1001", REALM, "CANARY") for algorithm in ("MD5", "SHA-256"))
KNOWN = Extension(extension="1001", ha1_md5=Secret(MD5), ha1_sha256=Secret(SHA))


def test_of_a_phones_password_two_hashes_are_kept() -> None:
    """HA1 by MD5 and by SHA-256 for the number and the realm, which is noted; the password itself is gone."""
    kept = concealed("extensions", {"extension": "1001", "password": "CANARY"}, None, REALM)
    assert kept == {"extension": "1001", "ha1_md5": MD5, "ha1_sha256": SHA, "ha1_realm": REALM}


def test_credentials_that_are_left_out_stay() -> None:
    """Whoever changes a name need not know the password."""
    kept = concealed("extensions", {"extension": "1001", "display_name": "A"}, KNOWN, REALM)
    assert (kept["ha1_md5"], kept["ha1_sha256"]) == (MD5, SHA)


def test_a_password_of_the_file_becomes_hashes_as_soon_as_the_item_is_changed() -> None:
    """The database never has it in clear."""
    kept = concealed("extensions", {"extension": "1001"}, Extension(extension="1001", password=Secret("CANARY")), REALM)
    assert "password" not in kept
    assert kept["ha1_sha256"] == SHA


def test_new_credentials_replace_all_old_ones() -> None:
    """Also when only one hash is given: an old one beside it would open the door to the old password."""
    new = {"extension": "1001", "ha1_md5": "0" * 32}
    assert concealed("extensions", new, KNOWN, REALM) == new | {"ha1_realm": REALM}
    cleared = concealed("extensions", {"extension": "1001", "password": ""}, KNOWN, REALM)
    assert "ha1_md5" not in cleared


def test_the_realm_of_a_hash_stays_with_it() -> None:
    """Whatever the domain is by now, and whatever somebody writes who gives no password."""
    known = replace(KNOWN, ha1_realm="old.example.com")
    for value in ({"extension": "1001"}, {"extension": "1001", "ha1_realm": "x"}):
        assert concealed("extensions", value, known, REALM)["ha1_realm"] == "old.example.com"
    assert (stored("extensions", known, REALM) or {})["ha1_realm"] == "old.example.com"
    anew = concealed("extensions", {"extension": "1001", "ha1_realm": "x", "password": "CANARY"}, known, REALM)
    assert (anew["ha1_realm"], anew["ha1_md5"]) == (REALM, MD5)


def test_another_number_needs_a_new_password() -> None:
    """The number is part of the hash, and nobody knows the password."""
    with pytest.raises(ConfigError, match=r'extensions\["1001"\].password'):
        concealed("extensions", {"extension": "1002"}, KNOWN, REALM)
    kept = concealed("extensions", {"extension": "1002", "password": "CANARY"}, KNOWN, REALM)
    assert kept["ha1_md5"] == ha1("MD5", "1002", REALM, "CANARY")


@pytest.mark.parametrize("value", [{"password": 7}, {"extension": 1, "password": "x"}, {"password": None}])
def test_what_is_no_password_is_left_to_be_refused(value: dict[str, Any]) -> None:
    """Reading the item says what is wrong with it."""
    assert concealed("extensions", value, None, REALM) == value


def test_of_a_pin_a_hash_is_kept() -> None:
    """One that is left out stays, one that is given replaces it, and what is no PIN is left to be refused."""
    kept = concealed("mailboxes", {"extension": "1001", "pin": "2468"}, None, REALM)
    assert "pin" not in kept
    assert pin_fits("2468", kept["pin_hash"])
    known = Mailbox(extension="1001", pin_hash=Secret(kept["pin_hash"]))
    assert concealed("mailboxes", {"extension": "1001"}, known, REALM)["pin_hash"] == kept["pin_hash"]
    assert pin_fits("1357", concealed("mailboxes", {"pin": "1357"}, known, REALM)["pin_hash"])
    assert "pin_hash" not in concealed("mailboxes", {"pin": ""}, known, REALM)
    assert concealed("mailboxes", {"pin": "CANARY"}, None, REALM) == {"pin": "CANARY"}


def test_a_trunks_password_is_sealed_for_its_trunk() -> None:
    """It opens again, but not as the password of another trunk, and it is never shown."""
    vault = Vault(b"k" * 32)
    kept = concealed("trunks", {"id": "a"}, Trunk(id="a", host="h", password=Secret("CANARY")), REALM)
    written = sealed("trunks", "a", kept, vault)
    assert "CANARY" not in repr(written)
    assert opened("trunks", "a", written, vault) == {"id": "a", "password": "CANARY"}
    with pytest.raises(VaultError):
        opened("trunks", "b", written, vault)
    assert shown("trunks", kept) == {"id": "a"}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_deleted_item_has_no_secrets(collection: str) -> None:
    """None stays None."""
    vault = Vault(b"k" * 32)
    assert (sealed(collection, "k", None, vault), opened(collection, "k", None, vault)) == (None, None)
    assert shown(collection, None) is None


def secrets_below(section: Any) -> bool:
    """Whether a part of a section, not it itself, has a secret."""
    parts = [getattr(section, field.name) for field in fields(section)]
    below = [each for each in parts if is_dataclass(each)]
    return any(isinstance(getattr(each, field.name), Secret) for each in below for field in fields(each))


def test_secrets_stand_where_they_are_looked_for() -> None:
    """At the top of items, and in no section that can be changed; else sealing would have to look deeper."""
    whole = Settings()
    at_fault = [
        name
        for name in SECTIONS
        if name != "database" and (secrets_below(getattr(whole, name)) or "Secret" in repr(type(getattr(whole, name))))
    ]
    assert at_fault == []
    assert not any(secrets_below(each) for each in (KNOWN, replace(KNOWN, id="x"), Mailbox(extension="1")))
