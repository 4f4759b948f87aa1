"""Streams of the userspace relay, which opens them at once."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from rustalk.interfaces import IMediaStream
from rustalk.media.relay import Stream


def opened(pending: Deferred[IMediaStream]) -> Stream:
    """The stream that ``Relay.open`` promised; raises what it failed with."""
    results: list[object] = []
    pending.addBoth(results.append)
    (result,) = results
    if isinstance(result, Failure):
        result.raiseException()
    assert isinstance(result, Stream)
    return result
