"""The section of the extensions."""

from __future__ import annotations

import pytest

from rustalk.config.extension import CallForwarding, Extension, Permissions
from rustalk.config.secret import Secret
from tests.config.findings import faults, paths


def test_an_extension_without_an_id_has_its_number_as_one() -> None:
    """A given one stays, whatever becomes of the number."""
    assert Extension(extension="1001").id == "1001"
    assert Extension(extension="1001", id="alice").id == "alice"


def test_what_costs_most_is_off_until_it_is_switched_on() -> None:
    """Whoever steals a password calls premium numbers abroad."""
    permissions = Extension(extension="1001").permissions
    assert (permissions.internal, permissions.domestic) == (True, True)
    assert (permissions.international, permissions.premium) == (False, False)


def test_lists_of_numbers_are_prefixes_and_patterns() -> None:
    """Both answer for themselves; which one counts is for the dialplan to say."""
    permissions = Permissions(allow=("+44",), deny=("+4490", r"^\+1900\d+$"))
    assert permissions.allowed("+44207")
    assert not permissions.denied("+44207")
    assert permissions.denied("+19001234")
    assert not permissions.allowed("+49")


def test_an_extension_is_quiet_by_default() -> None:
    """No forwarding, no voicemail, no recording, calls ring for 20 seconds."""
    extension = Extension(extension="1001")
    assert extension.call_forwarding == CallForwarding()
    assert (extension.voicemail_enabled, extension.do_not_disturb, extension.recording) == (False, False, "off")
    assert extension.call_forwarding.no_answer_seconds == 20


def test_no_secret_of_an_extension_is_shown() -> None:
    """Neither in its repr nor in a fault (A40)."""
    secret = Secret("hunter2")
    assert "hunter2" not in repr(Extension(extension="1", password=secret, ha1_md5=secret, ha1_sha256=secret))
    found = faults(extensions=[{"extension": "1", "ha1_md5": "hunter2", "ha1_sha256": "hunter2", "password": 5}])
    assert [fault.path.rpartition(".")[2] for fault in found] == ["ha1_md5", "ha1_sha256", "password"]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("key", ["display_name", "department", "caller_id_name", "email", "certificate_subject"])
def test_no_text_that_goes_into_a_header_has_a_line_end(key: str) -> None:
    """A10: it would begin a header field of its own."""
    assert paths(extensions=[{"extension": "1001", key: "a\r\nVia: b@c"}]) == [f"$.extensions[0].{key}"]
