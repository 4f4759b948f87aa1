"""The live dialogs: who a request inside a dialog is for (RFC 3261 section 12.2.2)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from rustalk.interfaces import IFlow
from rustalk.sip.dialog import Dialog, DialogId, dialog_id
from rustalk.sip.message import Request

from .endpoint import ServerTransaction

__all__ = ["Beginning", "Dialogs", "Usage"]


class Beginning(Protocol):
    """The flow that a dialog began on."""

    transport: str
    peer: tuple[str, int]


class Usage(Protocol):
    """What lives in a dialog with a peer of one trunk."""

    @property
    def trunk(self) -> str:
        """The id of the trunk."""

    @property
    def began(self) -> Beginning | None:
        """Where its peer was when the dialog began; None where that proves nothing."""

    @property
    def dialog(self) -> Dialog:
        """The dialog."""

    def request_received(self, transaction: ServerTransaction) -> None:
        """A request in this dialog other than ACK."""

    def ack_received(self, request: Request) -> None:
        """An ACK to our 2xx."""

    def flows_lost(self, flows: Collection[IFlow]) -> None:
        """Connections are gone, of this dialog or of others."""


class Dialogs:
    """Every dialog by what its peer's requests say.

    Connections that end together are told together: where each of 2,000 was told to each of 10,000 dialogs by itself,
    the switch would stand still for seconds.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._usages: dict[DialogId, Usage] = {}
        self._lost: set[IFlow] = set()

    def add(self, usage: Usage) -> None:
        """From now on requests of this dialog go to ``usage``."""
        self._usages[usage.dialog.id] = usage

    def remove(self, usage: Usage) -> None:
        """The dialog is over."""
        if self._usages.get(usage.dialog.id) is usage:
            del self._usages[usage.dialog.id]

    def find(self, request: Request) -> Usage | None:
        """Whose request this is."""
        return self._usages.get(dialog_id(request)) if request.to.tag else None

    def get(self, id: DialogId) -> Usage | None:
        """Who lives in the dialog of this id: Call-ID, our tag, the peer's tag."""
        return self._usages.get(id)

    def flow_lost(self, flow: IFlow) -> None:
        """Tell every dialog that a connection is gone, in the next turn of the reactor."""
        if not self._lost:
            self._clock.callLater(0, self._tell)
        self._lost.add(flow)

    def _tell(self) -> None:
        lost, self._lost = self._lost, set()
        for usage in list(self._usages.values()):
            usage.flows_lost(lost)

    def __len__(self) -> int:
        return len(self._usages)
