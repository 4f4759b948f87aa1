"""A switch in memory with desk phones behind it, beside the trunks of site.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.phone import Phone
from tests.scenarios.site import SBC, Site

__all__ = ["DOMAIN", "HOSTS", "Build", "Office", "extension"]

DOMAIN = "pbx.example.com"
HOSTS = {"1001": "203.0.113.11", "1002": "203.0.113.12", "1003": "203.0.113.13"}


def extension(number: str, **more: Any) -> dict[str, Any]:
    """An extension as it is configured."""
    return {"extension": number, "password": f"secret of {number}", "display_name": f"Nr {number}", **more}


class Office(Site):
    """A switch with phones, which are registered unless told otherwise; ``more`` changes extensions by number.

    ``phones`` are those at the desks, one of each extension, ``all_phones`` those and the ones that came later.
    ``absent`` ones do not register.
    """

    def __init__(
        self,
        *,
        more: dict[str, dict[str, Any]] | None = None,
        register: bool = True,
        absent: tuple[str, ...] = (),
        **changes: Any,
    ) -> None:
        changes = {
            "sip": {"domain": DOMAIN},
            "extensions": [extension(number, **(more or {}).get(number, {})) for number in HOSTS],
            **changes,
        }
        super().__init__(**changes)
        self.all_phones: list[Phone] = []
        self.phones = {number: self.phone(number, host) for number, host in HOSTS.items()}
        if register:
            for number, phone in self.phones.items():
                assert number in absent or self.registered(phone)

    def phone(self, number: str, host: str, **how: Any) -> Phone:
        """One more phone of an extension."""
        phone = Phone(
            self.network, number, host, password=f"secret of {number}", domain=DOMAIN, switch=(SBC, 5060), **how
        )
        self.all_phones.append(phone)
        return phone

    def admits(self, address: str, profile: str) -> bool:
        """Whether what comes from an address is read: access lists, bans and floods."""
        return self.guard.admits(address, profile)

    def change(self, collection: str, key: str, value: dict[str, Any] | None) -> None:
        """As in Site; an extension keeps its password where the value names none."""
        if collection == "extensions" and value is not None:
            value = {**extension(key), **value}
        super().change(collection, key, value)

    def registered(self, phone: Phone, **parts: Any) -> bool:
        """Let a phone register."""
        answers = phone.register(**parts)
        self.run()
        return answers[-1].status == 200

    def leftovers(self) -> dict[str, int]:
        """What is still there that should not be."""
        self.core.locator.stop()
        found = super().leftovers()
        found["phones"] = sum(limit.calls for limit in self.core.peers._limits.values())
        return {name: count for name, count in found.items() if count}


Build = Callable[..., Office]
"""Makes a switch with phones from changes of its configuration."""
