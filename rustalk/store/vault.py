"""Secrets at rest: sealed with a key that lies outside the database, so that a copy of the database opens no trunk.

The key is a file of 32 random bytes in hexadecimal, made once. Nodes that share a database share the key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rustalk.config.model import Settings
from rustalk.store.migrate import schema
from rustalk.store.owner import give
from rustalk.store.session import Session

__all__ = ["KEY_FILE", "Vault", "VaultError", "hash_pin", "is_sealed", "open_vault", "pin_fits"]

KEY_FILE = "RUSTALK_KEY_FILE"
"""The environment variable that names the file of the key; without it the file is in `server.state_directory`."""

_NAME = "vault.key"
_LENGTH = 32
_NONCE = 12
_VERSION = "v1"
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}


class VaultError(Exception):
    """The key is not there, not safe or not the one that sealed these secrets. Says what to do; shows no secret."""


class Vault:
    """Seals and opens texts by AES-256-GCM. A sealed text opens only in the place that it was sealed for."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)
        self.fingerprint = hashlib.sha256(b"RusTalk vault" + key).hexdigest()[:16]

    def seal(self, text: str, place: str) -> str:
        """The text, to be read only with the key and for the same ``place``."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, text.encode(), place.encode())
        return f"{_VERSION}:{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, place: str) -> str:
        """The text again. Raises VaultError when it was sealed with another key or for another place."""
        version, _, encoded = sealed.partition(":")
        try:
            data = base64.b64decode(encoded, validate=True)
            if version == _VERSION:
                return self._cipher.decrypt(data[:_NONCE], data[_NONCE:], place.encode()).decode()
        except (binascii.Error, InvalidTag, ValueError):
            pass
        raise VaultError(f"this key does not open the secret of {place}: bring the key file that it was sealed with")

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose: the same wherever this vault's key is, which it tells nothing of."""
        return hmac.digest(self._key, b"RusTalk " + purpose.encode(), "sha256")

    def claim(self, session: Session) -> None:
        """See that the database's secrets are those of this key, or make it their key when there is none.

        Raises VaultError when another key has sealed them.
        """
        known = session.execute("SELECT fingerprint FROM vault")
        if not known:
            session.execute("INSERT INTO vault (fingerprint) VALUES (?)", (self.fingerprint,))
        else:
            self.answer(known[0][0])

    def answer(self, fingerprint: str) -> None:
        """See that this is the key with that fingerprint. Raises VaultError."""
        if fingerprint != self.fingerprint:
            raise VaultError(
                f"the database's secrets were sealed with the key {fingerprint}, this one is {self.fingerprint}: copy "
                f"the key file of the node that made the database, or name it by {KEY_FILE}"
            )


def is_sealed(session: Session) -> bool:
    """Whether a key has sealed the secrets of this database, whose schema may be any or none."""
    return bool(schema(session)) and bool(session.execute("SELECT fingerprint FROM vault"))


def open_vault(settings: Settings, environment: Mapping[str, str], *, make: bool = True) -> Vault:
    """The vault with the key of this machine; raises VaultError.

    A missing key is made, but not without ``make``, which is for where something was sealed already, nor where the
    environment names the file: that is somebody else's to make.
    """
    named = environment.get(KEY_FILE)
    path = Path(named) if named else Path(settings.server.state_directory).expanduser() / _NAME
    try:
        if not named:
            if not make and not path.exists():
                raise VaultError(
                    f"the key file {path} is missing, and with it the secrets were sealed: copy it back from where it "
                    f"is kept (mode 0600, of the user that runs the switch), or name it by {KEY_FILE}; none was made"
                )
            _make(path)
        return Vault(_read(path))
    except OSError as error:
        raise VaultError(f"the key file {path} cannot be used: {error.strerror}") from None


def _make(path: Path) -> None:
    """Write a new key where there is none; whoever comes second finds the whole file of the first."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(_LENGTH) + "\n")
            file.flush()
            os.fsync(file.fileno())
            give(file.fileno(), path.parent)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    with path.open(encoding="ascii", errors="replace") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        text = file.read(4096).strip()
    if mode & 0o077:
        raise VaultError(f"others can read the key file {path} (mode {mode:04o}): chmod 600 {path}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _LENGTH:
        raise VaultError(f"the key file {path} holds no key: it should be {2 * _LENGTH} hexadecimal digits")
    return key


def hash_pin(pin: str) -> str:
    """What is kept of a PIN: its scrypt hash with a salt of its own. Takes some 50 ms."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{_scrypt(pin, salt).hex()}"


def pin_fits(pin: str, kept: str) -> bool:
    """Whether this is the PIN of which ``kept`` is the hash; compares in constant time."""
    kind, _, rest = kept.partition(":")
    salt, _, digest = rest.partition(":")
    try:
        expected = bytes.fromhex(digest)
        found = _scrypt(pin, bytes.fromhex(salt))
    except ValueError:
        return False
    return kind == "scrypt" and secrets.compare_digest(found, expected)


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, dklen=32, **_SCRYPT)
