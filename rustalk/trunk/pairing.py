"""The PowerShell that pairs this SBC with a Microsoft 365 tenant (OPS-01), made from the configuration.

Each script is for one tenant and can be run again: what exists is brought up to date, what others have added stays.
It holds no secrets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rustalk.config.cloud import CloudName
from rustalk.config.model import Settings
from rustalk.config.tenant import Tenant

from .powershell import Literal, literal, names, table

__all__ = ["PairingError", "User", "script"]

_ENVIRONMENTS: dict[CloudName, str] = {
    "gcc-high": " -TeamsEnvironmentName TeamsGCCH",
    "dod": " -TeamsEnvironmentName TeamsDOD",
}
_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
_SHORTEST_FAILOVER = 10  # seconds, what Microsoft sets by itself
_MOST_SESSIONS = 100_000  # the largest that New-CsOnlinePSTNGateway takes


class PairingError(Exception):
    """Why no script can be written, and what to do about it."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is to call through this SBC. ``number`` is E.164, empty: the user keeps the number he has.

    Raises PairingError for what is neither a name nor a number.
    """

    name: str
    number: str = ""

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not all(self.name.partition("@")):
            raise PairingError(f"{self.name!r} is no user: give the sign-in name, such as adele@contoso.com.")
        if self.number and _NUMBER.fullmatch(self.number) is None:
            raise PairingError(f"{self.number!r} is no number: give it as E.164, such as +15551230001.")


def script(settings: Settings, *, name: str = "RusTalk", tenant: str = "", users: Sequence[User] = ()) -> str:
    """The script for the tenant of the SBC, or with ``tenant`` for that customer's.

    ``name`` is what usage, voice route and policy are called. Raises PairingError where Teams is off, the tenant is
    unknown, or a name cannot be written.
    """
    customer = _customer(settings, tenant)
    fqdn = customer.fqdn if customer else _own(settings)
    is_derived = customer is not None and fqdn.partition(".")[2] == _own(settings)
    try:
        lines = [*_head(settings, customer, fqdn), ""]
        lines += _derived(settings, fqdn) if is_derived else _gateway(settings)
        if customer is not None or users or not settings.teams.tenants:
            lines += ["", *_route(name), "", *_policy(name), "", *_users(users)]
        else:
            lines += ["", *_customers(settings)]
    except ValueError as error:
        raise PairingError(f"{error}. Choose a name of letters and digits.") from None
    return "".join(f"{line}\n" for line in lines)


def _own(settings: Settings) -> str:
    """The name of the SBC as tenants' names are written."""
    return settings.teams.sbc_fqdn.lower().removesuffix(".")


def _customer(settings: Settings, tenant: str) -> Tenant | None:
    if not settings.teams.enabled:
        raise PairingError("Teams is not enabled in this configuration. Set teams.enabled and teams.sbc_fqdn first.")
    if not tenant:
        return None
    known = {each.id: each for each in settings.teams.tenants}
    if tenant not in known:
        raise PairingError(f"{tenant!r} is no tenant. Those of teams.tenants: {', '.join(sorted(known)) or 'none'}.")
    return known[tenant]


def _head(settings: Settings, customer: Tenant | None, fqdn: str) -> Iterator[str]:
    whose, domain = "the tenant of the SBC", f"{fqdn} or {fqdn.partition('.')[2]}"
    if customer is not None:
        whose, domain = f"the tenant of {customer.id}", fqdn
    yield "# Pairs this SBC with Microsoft Teams Direct Routing. It may be run again after a change."
    yield f"# First sign in to {whose} as a Teams administrator; {domain} must be a domain of it:"
    yield f"#   Connect-MicrosoftTeams{_ENVIRONMENTS.get(settings.teams.cloud, '')}"
    yield "#Requires -Modules MicrosoftTeams"
    yield "$ErrorActionPreference = 'Stop'"
    yield f"$fqdn = {literal(fqdn)}"


def _parameters(settings: Settings) -> Iterator[tuple[str, Literal]]:
    """The parameters of the gateway that this configuration decides about."""
    teams = settings.teams
    profile = settings.teams_profile
    if profile is None or not profile.bind_port:
        raise PairingError("The port towards Teams is not fixed. Give the SIP profile of Teams a bind_port, as 5061.")
    sides = [teams, *(trunk for trunk in settings.trunks if trunk.enabled)]
    most = teams.max_calls or settings.limits.max_calls
    yield "SipSignalingPort", profile.bind_port
    yield "Enabled", True
    yield "SendSipOptions", True
    yield "FailoverTimeSeconds", max(_SHORTEST_FAILOVER, math.ceil(teams.ring_within + 1))
    yield "FailoverResponseCodes", "408,503,504"
    if most:
        yield "MaxConcurrentSessions", min(most, _MOST_SESSIONS)
    yield "MediaBypass", teams.media_bypass
    yield "ForwardCallHistory", any(side.history != "none" for side in sides)
    yield "ForwardPai", any(side.identity in ("pai", "ppi") for side in sides)
    yield "PidfLoSupported", True


def _gateway(settings: Settings) -> Iterator[str]:
    yield "# The gateway. Draining it: Set-CsOnlinePSTNGateway -Identity $fqdn -Enabled $false"
    yield from table("gateway", _parameters(settings))
    yield "if (Get-CsOnlinePSTNGateway | Where-Object { $_.Identity -eq $fqdn }) {"
    yield "    Set-CsOnlinePSTNGateway -Identity $fqdn @gateway"
    yield "} else {"
    yield "    New-CsOnlinePSTNGateway -Fqdn $fqdn @gateway"
    yield "}"
    yield "# Left as they are, since they are the tenant's affair: BypassMode, ProxySbc, GatewaySiteId,"
    yield "# GatewaySiteLbrEnabled, GatewayLbrEnabledUserOverride, MediaRelayRoutingLocationOverride, IPAddressVersion"
    yield "# and the number translation rules."
    if settings.teams.internal_media_address:
        yield "# Local media optimisation needs your sites: Set-CsOnlinePSTNGateway -Identity $fqdn"
        yield "#   -GatewaySiteId SITE -BypassMode Always (or OnlyForLocalUsers), after New-CsTenantNetworkSite."


def _derived(settings: Settings, fqdn: str) -> Iterator[str]:
    """A derived trunk is a name in voice routes; it inherits everything (MTN-04)."""
    yield f"# {fqdn} needs no gateway of its own: it has what {_own(settings)} has in the tenant of the SBC."
    yield "# The domain must be verified here, and one licensed user must have an address in it."


def _customers(settings: Settings) -> Iterator[str]:
    yield "# The customers get scripts of their own, to be run signed in to their tenants:"
    for tenant in settings.teams.tenants:
        yield f"#   rustalk teams script --tenant {tenant.id}    ({tenant.fqdn})"


def _route(name: str) -> Iterator[str]:
    yield "# Every number goes to this SBC, whose own routes decide. Gateways that are in the route already stay."
    yield f"$usage = {literal(name)}"
    yield "if ((Get-CsOnlinePstnUsage -Identity Global).Usage -notcontains $usage) {"
    yield "    Set-CsOnlinePstnUsage -Identity Global -Usage @{ Add = $usage }"
    yield "}"
    yield f"$route = {literal(name)}"
    yield "$found = Get-CsOnlineVoiceRoute | Where-Object { $_.Identity -eq $route }"
    yield "if (-not $found) {"
    yield "    $goal = @{ OnlinePstnGatewayList = $fqdn; OnlinePstnUsages = $usage }"
    yield "    New-CsOnlineVoiceRoute -Identity $route -NumberPattern '.*' @goal"
    yield "} elseif ($found.OnlinePstnGatewayList -notcontains $fqdn) {"
    yield "    Set-CsOnlineVoiceRoute -Identity $route -OnlinePstnGatewayList @{ Add = $fqdn }"
    yield "}"


def _policy(name: str) -> Iterator[str]:
    yield f"$policy = {literal(name)}"
    yield f"$known = {names([name, f'Tag:{name}'])}"
    yield "if (-not (Get-CsOnlineVoiceRoutingPolicy | Where-Object { $known -contains $_.Identity })) {"
    yield "    New-CsOnlineVoiceRoutingPolicy -Identity $policy -OnlinePstnUsages $usage"
    yield "}"


def _users(users: Sequence[User]) -> Iterator[str]:
    yield "# Who calls through this SBC."
    if not users:
        yield "#   Set-CsPhoneNumberAssignment -Identity UPN -PhoneNumber +E164 -PhoneNumberType DirectRouting"
        yield "#   Grant-CsOnlineVoiceRoutingPolicy -Identity UPN -PolicyName $policy"
    for user in users:
        who = literal(user.name)
        if user.number:
            number = literal(user.number)
            yield f"Set-CsPhoneNumberAssignment -Identity {who} -PhoneNumber {number} -PhoneNumberType DirectRouting"
        yield f"Grant-CsOnlineVoiceRoutingPolicy -Identity {who} -PolicyName $policy"
