"""The engine that the configuration asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet import reactor

from rustalk.config.load import load
from rustalk.interfaces import IMediaRelay
from rustalk.media.engine import Engine, build_engine
from tests.fakes.streams import opened


def build(state: Path, media: str) -> Engine:
    """An engine of this section media."""
    return build_engine(load(f'{{"media": {media}}}').media, reactor, state)


def test_the_engines_carry_media(tmp_path: Path) -> None:
    """One that needs no other program opens a stream at once, with ports of the range."""
    engine = build(tmp_path, '{"ports": [21000, 21019]}')
    assert IMediaRelay.providedBy(engine)
    engine.start()
    stream = opened(engine.open((4, 4)))
    assert 21000 <= stream.local(0)[1] <= 21018
    stream.close()
    engine.stop()


def test_a_switch_keeps_its_name_at_rtpengine(tmp_path: Path) -> None:
    """So that after a kill -9 it finds what it left there; another switch has another name."""
    media = '{"relay": "rtpengine", "rtpengine": [{"host": "127.0.0.1", "port": 9}]}'
    for directory in ("one", "one", "two"):
        build(tmp_path / directory, media)
    names = [(tmp_path / directory / "instance").read_text() for directory in ("one", "two")]
    assert len(set(names)) == 2
    assert all(name.strip().isalnum() for name in names)


@pytest.mark.parametrize("relay", ["kernel", "userspace"])
def test_a_kernel_that_cannot_be_had_is_no_reason_to_fail(tmp_path: Path, relay: str) -> None:
    """A warning, and the media go through this process."""
    engine = build(tmp_path, f'{{"relay": "{relay}"}}')
    stream = opened(engine.open((4, 4)))
    stream.close()
    engine.stop()
