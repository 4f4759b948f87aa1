"""A secret is never shown, whatever prints it."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from rustalk.config.secret import Secret


def test_no_way_of_printing_shows_the_text() -> None:
    """repr, str, format, JSON and concatenation give the mask; only reveal gives the text (A40)."""
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {secret!s} %s {json.dumps({'password': secret})}" % secret + secret
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"


def test_an_empty_secret_is_false_and_shows_nothing() -> None:
    """Whether a password is set can be asked without revealing it."""
    assert not Secret("")
    assert Secret("x")
    assert str(Secret("")) == ""


def test_equality_is_of_the_text_and_never_with_a_plain_string() -> None:
    """Two secrets do not become equal because their masks are."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "***"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_copy_is_the_secret_itself_and_pickling_is_refused() -> None:
    """Copies keep the text hidden, and nothing writes it out."""
    secret = Secret("hunter2")
    assert copy.deepcopy(secret) is secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)
