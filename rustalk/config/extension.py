"""The phones of the house: the section extensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rustalk.config import dialling, formats
from rustalk.config.about import UNUSED, about
from rustalk.config.manners import Dtmf, Srtp
from rustalk.config.policy import POLICY, Policy
from rustalk.config.secret import Secret

__all__ = ["CallForwarding", "Extension", "Permissions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What an extension may call. What costs most is off until it is switched on (toll fraud)."""

    internal: bool = field(default=True, metadata=about("Extensions, ring groups and mailboxes."))
    domestic: bool = field(default=True, metadata=about("Numbers of the own country."))
    international: bool = field(default=False, metadata=about("Numbers of other countries."))
    premium: bool = field(default=False, metadata=about("Premium-rate numbers, of any country."))
    allow: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Numbers that may be called although the kinds above say no: first digits, or patterns (RE2).",
            example=["+44"],
            check=dialling.number_rule,
        ),
    )
    deny: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Numbers that may not be called, whatever else is said: first digits, or patterns (RE2).",
            example=["+4490"],
            check=dialling.number_rule,
        ),
    )

    def allowed(self, number: str) -> bool:
        """Whether one of `allow` names the number."""
        return any(dialling.rule_pattern(rule).matches(number) for rule in self.allow)

    def denied(self, number: str) -> bool:
        """Whether one of `deny` names the number."""
        return any(dialling.rule_pattern(rule).matches(number) for rule in self.deny)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallForwarding:
    """Where calls to an extension go on to: an extension, a number or a SIP URI. Empty: nowhere."""

    always: str = field(
        default="", metadata=about("Every call; the phone does not ring.", example="1002", check=dialling.dialled)
    )
    busy: str = field(default="", metadata=about("Calls while the extension is busy.", check=dialling.dialled))
    no_answer: str = field(
        default="", metadata=about("Calls that nobody answers for `no_answer_seconds`.", check=dialling.dialled)
    )
    no_answer_seconds: float = field(
        default=20.0, metadata=about("How long the phone rings before.", unit="seconds", low=1, high=600)
    )
    unreachable: str = field(
        default="", metadata=about("Calls while no phone of the extension is registered.", check=dialling.dialled)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A number of the house with the phones that register for it."""

    id: str = field(
        default="",
        metadata=about("Name by which the API refers to the extension. Empty: its number.", check=formats.identifier),
    )
    extension: str = field(
        metadata=about(
            "Number of the extension, also the user name of its phones.", example="1001", check=dialling.extension
        )
    )
    display_name: str = field(
        default="", metadata=about("Name of who has the extension.", example="Alice Archer", check=formats.one_line)
    )
    department: str = field(default="", metadata=about("Department.", example="Sales", check=formats.one_line))
    email: str = field(default="", metadata=about("E-mail address.", example="alice@example.com", check=formats.email))
    password: Secret = field(
        default=Secret(),
        metadata=about("Password of the phones. Never shown.", example="from a password generator"),
    )
    ha1_md5: Secret = field(
        default=Secret(),
        metadata=about(
            "In place of `password`: MD5 of number, realm and password (HA1, RFC 7616 section 3.4.2) in hexadecimal; "
            "the realm is `sip.domain`. Never shown.",
            check=formats.md5,
        ),
    )
    ha1_sha256: Secret = field(
        default=Secret(),
        metadata=about("In place of `password`: the same by SHA-256. Never shown.", check=formats.sha256),
    )
    ha1_realm: str = field(
        default="",
        metadata=about(
            "The realm that `ha1_md5` and `ha1_sha256` were made with, noted by the switch where it makes them: when "
            "`sip.domain` is another one no phone can log in with them. Empty: not known.",
            check=formats.one_line,
        ),
    )
    enabled: bool = field(default=True, metadata=about("Whether the extension can register, call and be called."))
    max_concurrent_calls: int = field(
        default=0, metadata=about("Calls at the same time. 0: no limit.", example=4, low=0, high=10000)
    )
    permissions: Permissions = field(default=Permissions(), metadata=about("What the extension may call."))
    dtmf_mode: Dtmf = field(
        default="rfc4733",
        metadata=about(
            "How digits are sent to and expected from the phones: `rfc4733`, `info` or `inband`, as `dtmf` of a trunk."
        ),
    )
    codecs: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Codecs for the phones, in order of preference, by their names in `codecs`. Empty: as the other side "
            "offers.",
            example=["PCMA", "PCMU", "telephone-event"],
            check=formats.encoding_name,
        ),
    )
    srtp: Literal["", Srtp] = field(
        default="",
        metadata=about(
            "SRTP towards the phones: `off`, `preferred` or `required`, as for a trunk. Empty: `preferred` over TLS, "
            "else `off`.",
            example="required",
        ),
    )
    allowed_networks: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Networks from which the extension may register and call. Empty: any that the profile admits.",
            example=["192.0.2.0/24"],
            check=formats.network,
        ),
    )
    call_forwarding: CallForwarding = field(default=CallForwarding(), metadata=about("Where calls go on to."))
    do_not_disturb: bool = field(default=False, metadata=about("Calls are refused as busy without ringing."))
    voicemail_enabled: bool = field(
        default=False,
        metadata=about(
            "Calls that nobody takes go to the mailbox of the extension. This version records no messages yet: they "
            "end as they do without."
        ),
    )
    recording: Literal["off", "inbound", "outbound", "all"] = field(
        default="off", metadata=about("Which calls are recorded.", unused=UNUSED)
    )
    caller_id_number: str = field(
        default="",
        metadata=about(
            "Number shown on calls that leave the house. Empty: the extension's own.",
            example="+12025550123",
            check=dialling.calling,
        ),
    )
    caller_id_name: str = field(
        default="",
        metadata=about(
            "Name shown on calls that leave the house. Empty: `display_name`.",
            example="Example",
            check=formats.one_line,
        ),
    )
    certificate_subject: str = field(
        default="",
        metadata=about(
            "Name that a client certificate must bear to stand in for the password: a DNS name, or the common name.",
            example="phone-17.example.com",
            check=formats.one_line,
        ),
    )
    policy: str | Policy = field(default="", metadata=about(POLICY, example="office", check=formats.identifier))
    notes: str = field(default="", metadata=about("Free text."))
    priority: int = field(
        default=0, metadata=about("Place in lists that people see, lower first.", low=0, high=1000000)
    )

    def __post_init__(self) -> None:
        """An extension without an id has its number as one."""
        if not self.id:
            object.__setattr__(self, "id", self.extension)
