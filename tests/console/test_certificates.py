"""`rustalk reload-certificates`."""

from __future__ import annotations

import pytest
import pytest_twisted

from rustalk.observe.snapshots import CertificateReload
from tests.fakes.switch import FakeSwitch

from .conftest import Run


@pytest_twisted.ensureDeferred
async def test_a_bad_file_is_told_and_fails_the_command(
    run: Run, switch: FakeSwitch, capsys: pytest.CaptureFixture[str]
) -> None:
    """OPS-05, F-08."""
    assert await run("reload-certificates") == 0
    switch.certificates.append(CertificateReload("inside", "inside.pem", False, "The key does not fit."))
    assert await run("reload-certificates") == 1
    assert "inside       REFUSED   The key does not fit." in capsys.readouterr().out
