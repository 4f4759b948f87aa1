"""A switch without telephony: it keeps the calls it is given and does to them what the doors ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from zope.interface import implementer

from rustalk.observe.figures import Figures, TrunkFigures
from rustalk.observe.house import BanSnapshot, LimitSnapshot, LoginSnapshot, RegistrationSnapshot
from rustalk.observe.snapshots import (
    CallPage,
    CallSnapshot,
    CallState,
    CertificateReload,
    HealthStatus,
    LegSnapshot,
    MediaSnapshot,
    ProxyHealth,
    Readiness,
    Statistics,
    TargetSnapshot,
    TeamsSnapshot,
    TrunkSnapshot,
    TrunkState,
    cut_page,
)
from rustalk.observe.switch import ISwitch
from rustalk.observe.trace import Trace, TraceEntry

START = datetime(2026, 11, 22, 8, 15, 30, 123000, tzinfo=UTC)


class FakeFlow:
    """As much of a flow as the trace looks at."""

    def __init__(self, transport: str = "UDP", host: str = "192.0.2.7", port: int = 5060) -> None:
        self.transport = transport
        self.peer = (host, port)


def make_call(id: str = "c1", state: CallState = CallState.ACTIVE, **changes: Any) -> CallSnapshot:
    """A call from a carrier to Teams."""
    call = CallSnapshot(
        id=id,
        state=state,
        caller="+15551230001",
        called="+15551230002",
        started=START,
        answered=START + timedelta(seconds=2),
        source_trunk="carrier",
        destination_trunk="teams",
        legs=(
            LegSnapshot("a@carrier", "in", "carrier", "192.0.2.7:5060", "UDP", ("PCMU",), MediaSnapshot(50, 8600)),
            LegSnapshot("b@sbc", "out", "teams", "52.114.0.1:5061", "TLS"),
        ),
    )
    return replace(call, **changes)


@implementer(ISwitch)
class FakeSwitch:
    """Everything it answers with stands in public attributes."""

    def __init__(self, *calls: CallSnapshot) -> None:
        self.known = {call.id: call for call in calls}
        self.log = Trace()
        self.readiness = Readiness(True)
        self.totals = Statistics(active_calls=len(calls), total_calls=7, refused={"no-route": 2})
        self.certificates = [CertificateReload("teams", "teams.pem", True, "A new certificate is in force.")]
        self.trunk_list = [
            TrunkSnapshot(
                "carrier",
                "The carrier",
                TrunkState.DOWN,
                "3 OPTIONS went unanswered",
                START,
                (TargetSnapshot("192.0.2.7", 5060, "udp", TrunkState.DOWN, "no answer", START, START, None),),
            ),
            TrunkSnapshot("teams", "Teams", TrunkState.UP),
        ]
        self.teams_snapshot = TeamsSnapshot(
            True,
            {"sbc_fqdn": "sbc.example.com"},
            (
                ProxyHealth("sip.pstnhub.microsoft.com:5061", HealthStatus.HEALTHY, START, 12.5),
                ProxyHealth("sip2.pstnhub.microsoft.com:5061", HealthStatus.DOWN, START, None, "connection refused"),
            ),
            total_calls=3,
            active_calls=1,
        )

        self.phones: list[RegistrationSnapshot] = []
        self.seen: dict[str, datetime] = {}
        self.failures: list[LoginSnapshot] = []
        self.banned: list[BanSnapshot] = []
        self.spared: list[str] = []
        self.counters: list[LimitSnapshot] = []
        self.trunk_figures = Figures()
        self.tested: list[tuple[str, str, str, datetime]] = []

    def calls(self, limit: int, cursor: str | None) -> CallPage:
        return cut_page(list(reversed(self.known)), limit, cursor, self.known.__getitem__)

    def call(self, call_id: str) -> CallSnapshot | None:
        return self.known.get(call_id)

    def hang_up(self, call_id: str) -> bool:
        call = self.known[call_id]
        if call.state not in (CallState.RINGING, CallState.ACTIVE):
            return False
        self.known[call_id] = replace(call, state=CallState.ENDED, hung_up_by="switch")
        return True

    def trace(self, call_id: str) -> list[TraceEntry]:
        return self.log.of_call([leg.sip_call_id for leg in self.known[call_id].legs])

    def trunks(self) -> list[TrunkSnapshot]:
        return self.trunk_list

    def teams(self) -> TeamsSnapshot:
        return self.teams_snapshot

    def statistics(self) -> Statistics:
        return self.totals

    def ready(self) -> Readiness:
        return self.readiness

    def reload_certificates(self) -> list[CertificateReload]:
        return self.certificates

    def figures(self) -> Mapping[str, TrunkFigures]:
        return self.trunk_figures.trunks()

    def registrations(self) -> list[RegistrationSnapshot]:
        return self.phones

    def unregister(self, id: str) -> bool:
        before = len(self.phones)
        self.phones = [phone for phone in self.phones if phone.id != id]
        return len(self.phones) < before

    def last_seen(self, extension: str) -> datetime | None:
        return self.seen.get(extension)

    def failed_logins(self) -> list[LoginSnapshot]:
        return self.failures

    def bans(self) -> list[BanSnapshot]:
        return self.banned

    def ban(self, address: str, seconds: float, reason: str) -> BanSnapshot | None:
        if address in self.spared:
            return None
        self.banned.append(BanSnapshot(address, reason, START, START + timedelta(seconds=seconds)))
        return self.banned[-1]

    def lift_ban(self, address: str) -> bool:
        before = len(self.banned)
        self.banned = [ban for ban in self.banned if ban.address != address]
        return len(self.banned) < before

    def limits(self) -> list[LimitSnapshot]:
        return self.counters

    def clear_limits(self, policy_id: str, scope_value: str, limit_type: str) -> int:
        asked = {"policy_id": policy_id, "scope_value": scope_value, "limit_type": limit_type}
        wanted = {name: value for name, value in asked.items() if value}
        left = [each for each in self.counters if any(getattr(each, name) != wanted[name] for name in wanted)]
        cleared, self.counters = len(self.counters) - len(left), left
        return cleared

    def test_route(self, caller_id: str, destination: str, source_trunk: str, at: datetime) -> dict[str, Any]:
        if source_trunk == "nowhere":
            raise LookupError(source_trunk)
        self.tested.append((caller_id, destination, source_trunk, at))
        return {
            "success": True,
            "matched": True,
            "route_id": "all",
            "route_name": "All",
            "destination": {"type": "Trunk", "value": "carrier"},
            "action": "accept",
            "message": "route all sends the call to Trunk carrier",
            "steps": [{"route": "all", "result": "matched", "why": "matches"}],
        }
