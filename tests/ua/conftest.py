"""What the tests of the user agent share."""

from __future__ import annotations

import pytest

from tests.ua.ends import Ends, Listener


@pytest.fixture
def ends() -> Ends:
    """An endpoint and its peer."""
    return Ends()


@pytest.fixture
def listener() -> Listener:
    """Somebody who writes down what is said."""
    return Listener()
