"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966), kept as they were written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from .errors import RemoteProtocolError
from .grammar import OTHER_URI, SIP_URI

__all__ = ["Params", "Uri", "find", "format_host"]

_KEPT, _SHORT = 4096, 128
"""How many addresses are kept parsed, and up to how many characters: the same few stand in each message of a call."""

Params = tuple[tuple[str, str | None], ...]
"""Parameters in the order they were written; a parameter without a value has None."""


def find(params: Params, name: str) -> str | None:
    """The value of a parameter, whatever the case of its name: '' when it stands without one, None when absent."""
    for key, value in params:
        if key == name or key.lower() == name:
            return value or ""
    return None


def format_host(host: str) -> str:
    """An address as it stands in a URI or a Via: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _split_params(text: str) -> Params:
    """The parameters of ``;name=value;name``; empty ones do not count."""
    pieces = [piece.partition("=") for piece in text.split(";")]
    return tuple([(name, value if equals else None) for name, equals, value in pieces if name])


@dataclass(frozen=True, slots=True)
class Uri:
    """An address. ``user`` and ``params`` keep their escapes, ``host`` has no brackets.

    An unknown scheme keeps all its text in ``user``. ``str()`` gives back exactly what was parsed, since a peer's
    Contact must return to it byte for byte.
    """

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    params: Params = ()
    headers: str = ""
    password: str | None = None
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Understand a URI.

        Raises RemoteProtocolError: 400 for one that is broken.
        """
        return _parsed(text) if len(text) <= _SHORT else cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> Uri:
        match = SIP_URI.fullmatch(text)
        if match is None:
            return cls._parse_other(text)
        scheme, user, password, host, port, params, headers = match.groups()
        if port is not None and not 0 < int(port) < 65536:
            raise RemoteProtocolError(f"the port of the URI {text[:80]!r} is out of range")
        return cls(
            scheme.lower(),
            user,
            host[1:-1] if host[0] == "[" else host,
            int(port) if port is not None else None,
            _split_params(params) if params else (),
            headers or "",
            password,
            text,
        )

    @classmethod
    def _parse_other(cls, text: str) -> Uri:
        match = OTHER_URI.fullmatch(text)
        scheme = match[1].lower() if match else ""
        if match is None or scheme in ("sip", "sips"):
            raise RemoteProtocolError(f"not a URI: {text[:80]!r}")
        rest = match[2]
        if scheme != "tel":
            return cls(scheme, rest, "", text=text)
        number, semicolon, params = rest.partition(";")
        return cls(scheme, number, "", params=_split_params(semicolon + params), text=text)

    def __str__(self) -> str:
        return self.text or self._compose()

    def _compose(self) -> str:
        user = "" if self.user is None else self.user
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{user}" + "".join(f";{k}" if v is None else f";{k}={v}" for k, v in self.params)
        if self.password is not None:
            user += f":{self.password}"
        at = "@" if self.user is not None else ""
        port = f":{self.port}" if self.port is not None else ""
        params = "".join(f";{k}" if v is None else f";{k}={v}" for k, v in self.params)
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{at}{format_host(self.host)}{port}{params}{headers}"

    def param(self, name: str) -> str | None:
        """A URI parameter: '' when it stands without a value, None when absent."""
        return find(self.params, name)

    @property
    def number(self) -> str:
        """The user part without its parameters and escapes: what a dial plan looks at; '' when there is none."""
        user = self.user or ""
        if ";" in user:
            user = user.partition(";")[0]
        return unquote(user) if "%" in user else user


_parsed = lru_cache(_KEPT)(Uri._parse)
