"""The API as a service that starts and stops with the switch."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime
from twisted.logger import Logger

from rustalk.config.model import Settings
from rustalk.observe.events import Events
from rustalk.observe.switch import ISwitch
from rustalk.security.acl import AccessList, access_list
from rustalk.store.records import Records
from rustalk.store.store import Store
from rustalk.transport.errors import ListenError

from .app import build_app
from .authorize import Authorizer, Logins
from .door import Door
from .resources import LARGE, routes
from .site import build_site
from .sources import Sources

__all__ = ["ApiService", "is_loopback"]


def _nobody(address: str) -> bool:
    return False


class ApiService(Service):
    """Listens for the API. Without authentication on loopback only: anything else raises ValueError at once.

    ``logins`` counts wrong tokens beyond the API, ``banned(address)`` says whose connections are closed at once. The
    access list is that of the settings in force.
    """

    name = "api"
    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTCP,
        clock: IReactorTime,
        switch: ISwitch,
        *,
        store: Store,
        events: Events,
        address: str = "127.0.0.1",
        port: int = 8080,
        auth: str = "token",
        names: Iterable[str] = (),
        logins: Logins | None = None,
        banned: Callable[[str], bool] = _nobody,
    ) -> None:
        if auth == "off" and not is_loopback(address):
            raise ValueError(
                f'api.bind_address is {address} while api.auth is "off": everybody who reaches that address would '
                "steer the switch. Bind to 127.0.0.1 or ::1."
            )
        self._reactor = reactor
        self._address = address
        self._wanted = port
        self._store = store
        self._events = events
        self._access: AccessList | None = None
        self._take(store.live.settings)
        sources = Sources(switch=switch, store=store, records=Records(store.database), events=events, clock=clock)
        authorizer = Authorizer(None if auth == "off" else store.tokens, clock.seconds, logins)
        app = build_app(routes(sources), authorizer, store.audit, clock)
        self._site = build_site(Door(app, names, self._admits), clock, large=LARGE, banned=banned)
        self._listening: IListeningPort | None = None
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def port(self) -> int | None:
        """The port that is listened on, which matters when 0 was asked for; None while stopped."""
        return None if self._listening is None else cast("IPv4Address", self._listening.getHost()).port

    def startService(self) -> None:
        """Listen. Raises rustalk.transport.errors.ListenError when the address cannot be had."""
        try:
            self._listening = self._reactor.listenTCP(self._wanted, self._site, interface=self._address)
        except CannotListenError as error:
            raise ListenError(
                f"the API: cannot listen on {self._address} port {self._wanted}: {error.socketError}; "
                "is another program using it, or is the address not ours? api.port names another port"
            ) from None
        self._unsubscribe = self._store.live.subscribe(self._changed)
        untyped: Any = super()
        untyped.startService()
        self._log.info("The API listens on {url}", url=f"http://{_authority(self._address)}:{self.port}")

    def stopService(self) -> Deferred[None] | None:
        """Stop listening; answers that are on their way may finish."""
        untyped: Any = super()
        untyped.stopService()
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        if unsubscribe is not None:
            unsubscribe()
        listening, self._listening = self._listening, None
        return None if listening is None else listening.stopListening()

    def _changed(self, new: Settings, old: Settings) -> None:
        """Take up a change, and tell those who follow the events of it."""
        self._take(new)
        self._events.publish("config", {"revision": self._store.live.revision})

    def _take(self, settings: Settings) -> None:
        """Go by the access list of these settings."""
        self._access = access_list(settings.acls, settings.api.acl)

    def _admits(self, address: str) -> bool:
        return self._access is None or self._access.allows(address)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address; v4-mapped addresses are looked through, a name never is one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _authority(address: str) -> str:
    return f"[{address}]" if ":" in address else address
