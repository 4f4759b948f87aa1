"""The forms that a string in the configuration can have.

Each function returns the normalised text or raises ValueError with the words for "expected ...".
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo

__all__ = [
    "address",
    "address_v6",
    "country",
    "currency",
    "domain",
    "email",
    "encoding_name",
    "host",
    "host_port",
    "identifier",
    "is_address",
    "is_loopback",
    "is_wildcard",
    "md5",
    "network",
    "one_line",
    "product",
    "proxy",
    "proxy_network",
    "sha256",
    "split_host_port",
    "timezone",
    "version",
]

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENCODING = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,255}")
_ADDRESS = "an IP address such as 192.0.2.10 or 2001:db8::10"
_HOST = "a host name or an IP address"


def address(text: str) -> str:
    """An IPv4 or IPv6 address. ``*`` is not one: all addresses are 0.0.0.0 or ``::``."""
    if text == "*":
        raise ValueError("an IP address; for all addresses write 0.0.0.0 or ::")
    try:
        return str(ipaddress.ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text))
    except ValueError:
        raise ValueError(_ADDRESS) from None


def address_v6(text: str) -> str:
    """An IPv6 address."""
    if version(found := address(text)) != 6:
        raise ValueError("an IPv6 address such as 2001:db8::10")
    return found


def network(text: str) -> str:
    """A network in CIDR notation, or one address. Host bits that are set are refused: one of the two is a mistake."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("a network such as 192.0.2.0/24 or 2001:db8::/32") from None
    raise ValueError(f"a network without host bits, such as {loose}")


def proxy_network(text: str) -> str:
    """A network that peers are recognised by, which therefore cannot be the whole Internet."""
    found = network(text)
    if found.endswith("/0"):
        raise ValueError("the networks of this peer, not the whole Internet: that would make an open relay")
    return found


def domain(text: str) -> str:
    """A host or domain name (RFC 1123 section 2.1), in lower case and without a final dot."""
    name = text.removesuffix(".")
    if "*" in name:
        raise ValueError("one name, without a wildcard")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("a host name: letters, digits and hyphens, in labels of at most 63 characters")
    return name.lower()


def host(text: str) -> str:
    """A host name or an IP address; an IPv6 address may stand in brackets."""
    try:
        return address(text)
    except ValueError:
        pass
    if re.fullmatch(r"[0-9.]+", text) or ":" in text:
        raise ValueError(_HOST)
    try:
        return domain(text)
    except ValueError as error:
        raise ValueError(f"{_HOST} ({error})") from None


def host_port(text: str) -> str:
    """``host``, ``host:port``, an IPv6 address, or ``[IPv6]:port``."""
    name, port = split_host_port(text)
    if port is None:
        return name
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def proxy(text: str) -> str:
    """A proxy of Teams: a `host_port` that is not one of the retired sip-all names (requirement NET-03)."""
    found = host_port(text)
    if found.startswith("sip-all."):
        raise ValueError("one of sip, sip2 or sip3.pstnhub.microsoft.com: the sip-all names were removed in 2022")
    return found


def split_host_port(text: str) -> tuple[str, int | None]:
    """Split a `host_port` into the host without brackets and the port, None where none is given."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?", text, re.ASCII)
    plain = re.fullmatch(r"([^:\[\]]+)(?::(\d{1,5}))?", text, re.ASCII)
    match = bracketed or plain
    if match is None:
        return host(text), None
    port = int(match[2]) if match[2] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError("a port from 1 to 65535 after the host")
    return (address if bracketed else host)(match[1]), port


def identifier(text: str) -> str:
    """A name by which other parts of the file and the API refer to a thing."""
    if not _IDENTIFIER.fullmatch(text):
        raise ValueError("1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit")
    return text


def one_line(text: str) -> str:
    """Text that may be written into a header: no control characters."""
    if not text.isprintable():
        raise ValueError("text on one line, without control characters")
    return text


def encoding_name(text: str) -> str:
    """The name of a codec in a=rtpmap: a token (RFC 8866 section 9)."""
    if not _ENCODING.fullmatch(text):
        raise ValueError("the name of a codec as in a=rtpmap, such as PCMA or telephone-event")
    return text


def product(text: str) -> str:
    """What User-Agent and Server say: text on one line that is not empty."""
    if not text.strip() or not text.isprintable():
        raise ValueError("text on one line, not empty")
    return text


def country(text: str) -> str:
    """A country whose numbering plan is known, by its two letters (ISO 3166-1 alpha-2), in upper case."""
    from phonenumbers import SUPPORTED_REGIONS  # 3 MiB that only who sets a country pays for

    if text.upper() not in SUPPORTED_REGIONS:
        raise ValueError("a country by its two letters (ISO 3166-1), such as DE or US")
    return text.upper()


def currency(text: str) -> str:
    """A currency by its three letters (ISO 4217), in upper case."""
    if not re.fullmatch(r"[A-Za-z]{3}", text, re.ASCII):
        raise ValueError("a currency by its three letters (ISO 4217), such as EUR or USD")
    return text.upper()


def timezone(text: str) -> str:
    """A time zone by its name in the tz database, which is that of the system or of the package tzdata."""
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone such as Europe/Berlin or UTC (names of the tz database)") from None
    return text


def email(text: str) -> str:
    """An e-mail address, as far as its looks can tell."""
    if not text.isprintable() or not _EMAIL.fullmatch(text):
        raise ValueError("an e-mail address such as alice@example.com")
    return text


def md5(text: str) -> str:
    """An MD5 digest in hexadecimal, in lower case."""
    return _digest(text, 32)


def sha256(text: str) -> str:
    """A SHA-256 digest in hexadecimal, in lower case."""
    return _digest(text, 64)


def _digest(text: str, length: int) -> str:
    if len(text) != length or not re.fullmatch(r"[0-9A-Fa-f]+", text, re.ASCII):
        raise ValueError(f"{length} hexadecimal digits")
    return text.lower()


def is_address(text: str) -> bool:
    """Whether ``text`` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def version(address: str) -> int:
    """The IP version of an address: 4 or 6. Raises ValueError for what is none."""
    return ipaddress.ip_address(address).version


def is_wildcard(text: str) -> bool:
    """Whether ``text`` stands for all addresses of the machine (0.0.0.0 or ``::``)."""
    return is_address(text) and ipaddress.ip_address(text).is_unspecified


def is_loopback(text: str) -> bool:
    """Whether ``text`` is an address that only this machine can reach; a v4-mapped address counts as its IPv4 part.

    Python 3.11 does not see ``::ffff:127.0.0.1`` as loopback by itself.
    """
    if not is_address(text):
        return False
    found = ipaddress.ip_address(text)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
