"""POST /api/v1/certificates/reload."""

from __future__ import annotations

from rustalk.observe.snapshots import CertificateReload
from tests.fakes.switch import FakeSwitch

from .conftest import Request


def test_a_reload_tells_what_became_of_each_file(request_: Request) -> None:
    """OPS-05: new certificate files are taken up without a restart."""
    reply = request_("POST", "/api/v1/certificates/reload")
    assert (reply.status, reply.json["success"]) == (200, True)
    assert reply.json["certificates"][0]["path"] == "teams.pem"


def test_one_bad_file_is_no_success(request_: Request, switch: FakeSwitch) -> None:
    """F-08: a bad file leaves the old one in force and says so."""
    switch.certificates.append(CertificateReload("inside", "inside.pem", False, "The key does not fit."))
    body = request_("POST", "/api/v1/certificates/reload").json
    assert (body["success"], body["certificates"][1]["message"]) == (False, "The key does not fit.")
