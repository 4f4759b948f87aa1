"""The running switch as its doors see it: questions are answered from the parts, and few things may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from rustalk.core import Core
from rustalk.observe.counters import Counters
from rustalk.observe.figures import Figures, TrunkFigures
from rustalk.observe.house import BanSnapshot, LimitSnapshot, LoginSnapshot, RegistrationSnapshot
from rustalk.observe.logins import FailedLogins
from rustalk.observe.printable import printable
from rustalk.observe.readiness import Reason
from rustalk.observe.snapshots import (
    CallPage,
    CallSnapshot,
    CertificateReload,
    HealthStatus,
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
from rustalk.observe.usage import ProcessUsage
from rustalk.pbx.bindings import Binding
from rustalk.pbx.policies import LimitType
from rustalk.pbx.route_test import tested
from rustalk.security.bans import Ban
from rustalk.security.guard import Guard
from rustalk.trunk.gateway import Gateway
from rustalk.trunk.health import State
from rustalk.trunk.provider import Provider
from rustalk.trunk.teams import Teams

__all__ = ["Switch"]

_STATUS = {
    State.UP: HealthStatus.HEALTHY,
    State.UNKNOWN: HealthStatus.DEGRADED,
    State.SUSPECT: HealthStatus.DEGRADED,
    State.DOWN: HealthStatus.DOWN,
}
_BEST_FIRST = (State.UP, State.SUSPECT, State.UNKNOWN, State.DOWN)


@implementer(ISwitch)
class Switch:
    """Answers what the API and the console ask."""

    def __init__(
        self,
        core: Core,
        clock: IReactorTime,
        *,
        guard: Guard,
        logins: FailedLogins,
        figures: Figures,
        trace: Trace,
        counters: Counters,
        reload: Callable[[], Sequence[CertificateReload]],
        problems: Callable[[], Iterable[Reason]] = tuple,
    ) -> None:
        """``problems`` tells what is wrong without keeping calls from being taken, such as a database that is down."""
        self._core = core
        self._clock = clock
        self._calls = core.calls
        self._trunks = core.trunks
        self._registrations = core.registrations
        self._guard = guard
        self._logins = logins
        self._figures = figures
        self._problems = problems
        self._trace = trace
        self._counters = counters
        self._reload = reload
        self._started = clock.seconds()
        self._usage = ProcessUsage(clock.seconds)

    def calls(self, limit: int, cursor: str | None) -> CallPage:
        """The calls in progress and those lately ended, newest first."""
        return cut_page(self._calls.ids(), limit, cursor, self._calls.look)

    def call(self, call_id: str) -> CallSnapshot | None:
        """One call."""
        return self._calls.find(call_id)

    def hang_up(self, call_id: str) -> bool:
        """End a call on both sides."""
        return self._calls.hang_up(call_id)

    def trace(self, call_id: str) -> list[TraceEntry]:
        """The SIP messages of a call."""
        call = self._calls.find(call_id)
        return [] if call is None else self._trace.of_call([leg.sip_call_id for leg in call.legs])

    def trunks(self) -> list[TrunkSnapshot]:
        """Every trunk with its health; disabled ones too."""
        live = [self._trunk(trunk) for trunk in self._trunks.values()]
        disabled = [
            TrunkSnapshot(trunk.id, trunk.name or trunk.id, TrunkState.DISABLED, "disabled in the configuration")
            for trunk in self._core.settings.trunks
            if not trunk.enabled
        ]
        return live + disabled

    def _trunk(self, trunk: Teams | Provider) -> TrunkSnapshot:
        best = min(trunk.gateways, key=lambda gateway: _BEST_FIRST.index(gateway.health.state))
        registration = self._registrations.get(trunk.id)
        return TrunkSnapshot(
            id=trunk.id,
            name=trunk.name,
            state=TrunkState(best.health.state),
            why=f"{best.authority}: {best.health.why}",
            since=_moment(best.health.since),
            targets=tuple(_target(gateway) for gateway in trunk.gateways),
            registered=None if registration is None else registration.registered,
            active_calls=self._calls.active(trunk.id),
            total_calls=self._calls.total(trunk.id),
        )

    def teams(self) -> TeamsSnapshot:
        """The Teams trunk."""
        teams = self._core.settings.teams
        config: dict[str, object] = {
            "sbc_fqdn": teams.sbc_fqdn,
            "mtls_cert_path": teams.mtls_cert_path,
            "mtls_key_path": teams.mtls_key_path,
            "ca_path": teams.ca_path,
            "sip_proxies": list(teams.sip_proxies),
            "options_ping_enabled": teams.options_ping_enabled,
            "options_ping_interval": teams.options_ping_interval,
        }
        trunk = self._trunks.get("teams")
        gateways = trunk.gateways if trunk is not None else ()
        return TeamsSnapshot(
            enabled=teams.enabled,
            config=config,
            health_status=tuple(_proxy(gateway) for gateway in gateways),
            total_calls=self._calls.total("teams"),
            active_calls=self._calls.active("teams"),
        )

    def statistics(self) -> Statistics:
        """The figures since the start."""
        counters = self._counters
        packets, octets = self._calls.media()
        return Statistics(
            active_calls=len(self._calls),
            total_calls=counters.calls,
            total_calls_today=counters.calls_today(datetime.now(UTC).timestamp()),
            uptime_seconds=round(self._clock.seconds() - self._started, 3),
            cpu_usage=self._usage.cpu(),
            memory_usage=self._usage.memory(),
            messages_in=counters.messages_in,
            messages_out=counters.messages_out,
            messages_malformed=counters.messages_malformed,
            refused=dict(counters.refused),
            media_packets=counters.media_packets + packets,
            media_bytes=counters.media_bytes + octets,
        )

    def ready(self) -> Readiness:
        """Whether a call can be taken now."""
        reasons = []
        if self._calls.draining:
            reasons.append(Reason("draining", "the switch is shutting down and takes no new calls"))
        for trunk in self._trunks.values():
            if trunk.gateways and all(gateway.health.state is State.DOWN for gateway in trunk.gateways):
                text = f"no host of trunk {trunk.id} answers: {trunk.gateways[0].health.why}"
                reasons.append(Reason("trunk_down", text))
        return Readiness(not reasons, (*reasons, *self._problems()))

    def reload_certificates(self) -> list[CertificateReload]:
        """Read every certificate file anew."""
        return list(self._reload())

    def figures(self) -> Mapping[str, TrunkFigures]:
        """The figures of RFC 6076."""
        return self._figures.trunks()

    # The house.

    def registrations(self) -> list[RegistrationSnapshot]:
        """Every registration that has not expired."""
        locator = self._core.locator
        return [_registration(each, locator.is_reachable(each)) for each in locator.listed()]

    def unregister(self, id: str) -> bool:
        """End a registration."""
        return self._core.locator.remove(id) is not None

    def last_seen(self, extension: str) -> datetime | None:
        """When a phone of the extension was registered last."""
        return _moment(self._core.locator.last_seen(extension))

    def failed_logins(self) -> list[LoginSnapshot]:
        """The logins that failed lately."""
        return self._logins.listed()

    def bans(self) -> list[BanSnapshot]:
        """Who is shut out now."""
        return [_ban(ban) for ban in self._guard.bans()]

    def ban(self, address: str, seconds: float, reason: str) -> BanSnapshot | None:
        """Shut an address out."""
        made = self._guard.ban(address, seconds, reason)
        return None if made is None else _ban(made)

    def lift_ban(self, address: str) -> bool:
        """End a ban."""
        return self._guard.lift(address)

    def limits(self) -> list[LimitSnapshot]:
        """The counters of the policies."""
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        return [
            LimitSnapshot(
                each.policy, each.scope, each.scope_value, each.limit_type, each.count, each.limit, each.resets
            )
            for each in self._core.grants.policies.counts(now)
        ]

    def clear_limits(self, policy_id: str, scope_value: str, limit_type: str) -> int:
        """Forget what was counted."""
        return self._core.grants.policies.clear(policy_id, scope_value, cast("LimitType", limit_type))

    def test_route(self, caller_id: str, destination: str, source_trunk: str, at: datetime) -> dict[str, Any]:
        """What would become of a call."""
        plan = self._core.switchboard.plan
        grants = self._core.grants
        return tested(plan, self._core.settings, caller_id, destination, source_trunk, at, grants=grants, host="")


def _registration(binding: Binding, is_reachable: bool) -> RegistrationSnapshot:
    flow = binding.flow
    return RegistrationSnapshot(
        id=binding.id,
        extension=binding.extension,
        contact=printable(binding.contact),
        address=f"{flow.host}:{flow.port}",
        transport=flow.transport,
        profile=flow.profile,
        user_agent=printable(binding.user_agent),
        expires=_instant(binding.expires_at),
        registered=_moment(binding.since or None),
        refreshed=_moment(binding.refreshed_at or None),
        instance=printable(binding.instance),
        reg_id=binding.reg_id,
        q=binding.q,
        path=binding.path,
        node=binding.node,
        reachable=is_reachable,
    )


def _ban(ban: Ban) -> BanSnapshot:
    return BanSnapshot(ban.source, ban.why, _instant(ban.since), _instant(ban.until))


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _target(gateway: Gateway) -> TargetSnapshot:
    health = gateway.health
    return TargetSnapshot(
        host=gateway.host,
        port=gateway.port,
        transport=gateway.protocol,
        state=TrunkState(health.state),
        why=health.why,
        since=_moment(health.since),
        last_check=_moment(health.checked),
        response_time_ms=_milliseconds(health.round_trip),
    )


def _proxy(gateway: Gateway) -> ProxyHealth:
    health = gateway.health
    return ProxyHealth(
        proxy=gateway.host,
        status=_STATUS[health.state],
        last_check=_moment(health.checked),
        response_time_ms=_milliseconds(health.round_trip),
        error=None if health.state is State.UP else health.why,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)
