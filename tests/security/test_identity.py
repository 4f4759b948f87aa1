"""Values that say who a peer is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from rustalk.security.identity import Identity, Refusal


def test_an_identity_cannot_be_changed_after_it_was_proven() -> None:
    """Whoever holds it can rely on it."""
    identity = Identity("carrier", "address")
    with pytest.raises(FrozenInstanceError):
        identity.__setattr__("trunk", "teams")


def test_equal_proofs_are_equal() -> None:
    """They serve as keys and in comparisons."""
    assert Identity("a", "address") == Identity("a", "address") != Identity("a", "certificate")
    assert Refusal("acl", "x", silent=True) != Refusal("acl", "x", silent=False)
