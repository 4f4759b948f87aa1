"""How we name ourselves on the wire: one identity per SIP profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from rustalk.config import model
from rustalk.interfaces import IFlow
from rustalk.sip.uri import format_host

__all__ = ["Profile", "name_ourselves"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a listener puts into Via, From and Contact.

    ``host`` is the name or address that peers reach us by; empty means the local address of the flow. ``ports`` holds
    the listening port of each transport.
    """

    id: str
    host: str
    ports: dict[str, int] = field(default_factory=dict)

    def authority(self, flow: IFlow) -> str:
        """Host and listening port as they stand in our Via and Contact on this flow."""
        host = self.host or flow.local[0]
        return f"{format_host(host)}:{self.ports.get(flow.transport, flow.local[1])}"

    def contact(self, flow: IFlow, user: str = "") -> str:
        """Our Contact on this flow, in angle brackets."""
        at = f"{user}@" if user else ""
        transport = "" if flow.transport == "UDP" else f";transport={flow.transport.lower()}"
        return f"<sip:{at}{self.authority(flow)}{transport}>"


def name_ourselves(profile: model.SipProfile, settings: model.Settings) -> Profile:
    """How we call ourselves on a profile: the paired FQDN towards Teams, else what is advertised."""
    teams = settings.teams.enabled and profile == settings.teams_profile
    host = settings.teams.sbc_fqdn if teams else profile.domain or profile.advertised_address
    if not host and not ip_address(profile.bind_address).is_unspecified:
        host = profile.bind_address
    return Profile(profile.id, host, {protocol.upper(): profile.bind_port for protocol in profile.protocols})
