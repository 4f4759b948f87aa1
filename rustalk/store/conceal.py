"""What of an item is secret, and what is kept instead of it: HA1 for the password of a phone, a hash for a PIN.

Other secrets, such as the password of a trunk, must be given to others in clear and so are sealed by the `Vault`;
hashes are sealed too, since an HA1 is as good as the password.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from functools import cache
from typing import Any

from rustalk.config.about import about_of, key_of
from rustalk.config.collections import COLLECTIONS
from rustalk.config.dialling import pin as checked_pin
from rustalk.config.overlay import CONFIG, completed, to_json
from rustalk.config.problem import ConfigError, Problem
from rustalk.config.secret import Secret
from rustalk.sip.digest import ha1
from rustalk.store.vault import Vault, hash_pin

__all__ = ["concealed", "kept", "opened", "sealed", "shown"]

Value = Mapping[str, Any]

_HA1 = {"ha1_md5": "MD5", "ha1_sha256": "SHA-256"}


def concealed(collection: str, value: Value, before: object | None, realm: str) -> dict[str, Any]:
    """The value of an item with hashes for passwords and PINs, and with the secrets of ``before`` that it leaves out.

    A secret that is given empty is taken away. What is no password or PIN stays, to be refused when it is read.
    Raises ConfigError when an extension gets another number but no new password: an HA1 holds the number.
    """
    own = completed(before, value) if before is not None else dict(value)
    if collection == "extensions":
        own = _extension(value, own, before, realm)
    elif collection == "mailboxes":
        own = _mailbox(value, own)
    secret = _secrets(collection)
    return {name: item for name, item in own.items() if item != "" or name not in secret}


def _extension(value: Value, own: dict[str, Any], before: Any, realm: str) -> dict[str, Any]:
    """Credentials that are given replace all that were there before; the realm of an HA1 is noted beside it."""
    credentials = ("password", *_HA1)
    given = any(name in value for name in credentials)
    if given:
        own = {name: item for name, item in own.items() if name in value or name not in credentials}
    elif before is not None and before.ha1_md5 and not before.password and own.get("extension") != before.extension:
        path = f'$.extensions["{before.id}"].password'
        raise ConfigError("change", (Problem(path, "nothing", "a password for the new number"),))
    password, number = own.get("password"), own.get("extension")
    if isinstance(password, str) and password and isinstance(number, str):
        hashes = {name: ha1(algorithm, number, realm, password) for name, algorithm in _HA1.items()}
        return own | hashes | {"password": "", "ha1_realm": realm}
    if not given and before is not None:
        return own | {"ha1_realm": before.ha1_realm}
    return {"ha1_realm": realm} | own if any(own.get(name) for name in _HA1) else own


def _mailbox(value: Value, own: dict[str, Any]) -> dict[str, Any]:
    """A PIN that is given replaces the hash of the one before."""
    if "pin" in value and "pin_hash" not in value:
        own = {name: item for name, item in own.items() if name != "pin_hash"}
    try:
        pin = own.get("pin")
        return own | {"pin": "", "pin_hash": hash_pin(checked_pin(pin))} if pin and isinstance(pin, str) else own
    except ValueError:
        return own


def kept(collection: str, item: Any | None, realm: str) -> dict[str, Any] | None:
    """An item as the database keeps it, but for the sealing: without what is as by default anyway.

    So an item has the defaults of the version that runs, and a key without effect is not told of where it says nothing.
    """
    if item is None:
        return None
    plain = to_json(item, secrets=True)
    told = concealed(collection, plain, None, realm)
    usual = {_key(field) for field in fields(item) if getattr(item, field.name) == field.default}
    return {key: value for key, value in told.items() if key not in usual or value != plain.get(key)}


def _key(field: Field[Any]) -> str:
    about = about_of(field)
    return (about.written if about else "") or key_of(field)


def sealed(collection: str, key: str, value: Value | None, vault: Vault) -> dict[str, Any] | None:
    """The value as the database keeps it."""
    return _each_secret(collection, value, lambda name, text: vault.seal(text, f"{collection}/{key}/{name}"))


def opened(collection: str, key: str, value: Value | None, vault: Vault) -> dict[str, Any] | None:
    """The value that was sealed. Raises VaultError."""
    return _each_secret(collection, value, lambda name, text: vault.unseal(text, f"{collection}/{key}/{name}"))


def shown(collection: str, value: Value | None) -> dict[str, Any] | None:
    """The value as it may be seen: its secrets are left out."""
    secret = _secrets(collection)
    return None if value is None else {name: item for name, item in value.items() if name not in secret}


def _each_secret(collection: str, value: Value | None, turn: Callable[[str, str], str]) -> dict[str, Any] | None:
    if value is None:
        return None
    secret = _secrets(collection)
    return {name: turn(name, item) if name in secret and item else item for name, item in value.items()}


@cache
def _secrets(collection: str) -> frozenset[str]:
    """The keys of an item that are secret; none of its parts has any, nor has a section that can be changed."""
    if collection == CONFIG:
        return frozenset()
    kind = COLLECTIONS[collection].kind
    return frozenset(key_of(field) for field in fields(kind) if isinstance(field.default, Secret))
