"""The certificate files that a configuration names."""

from __future__ import annotations

import json
from pathlib import Path

from rustalk.certificates.files import unreadable
from rustalk.config.load import load


def test_every_file_that_is_missing_is_told_with_its_key(tmp_path: Path) -> None:
    """All at once, those of sections that are off left out."""
    there = tmp_path / "cert.pem"
    there.write_text("anything")
    missing = {"tls_cert": "/nope/c.pem", "tls_key": "/nope/k.pem"}
    settings = load(
        json.dumps(
            {
                "teams": {
                    "enabled": True,
                    "sbc_fqdn": "sbc.example.com",
                    "mtls_cert_path": str(there),
                    "mtls_key_path": "/nope/k.pem",
                    "ca_path": "/nope/r.pem",
                },
                "trunks": [
                    {"id": "a", "host": "a.example.com", "protocol": "tls", **missing},
                    {"id": "b", "host": "b.example.com", "protocol": "tls", "enabled": False, **missing},
                ],
            }
        )
    )
    found = list(unreadable(settings))
    assert [problem.path for problem in found] == [
        "$.teams.mtls_key_path",
        "$.teams.ca_path",
        "$.trunks[0].tls_cert",
        "$.trunks[0].tls_key",
    ]
    assert str(found[1]) == (
        '$.teams.ca_path: found "/nope/r.pem", expected a file that can be read; No such file or directory'
    )
