"""The certificate to begin with, and the script that makes one."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from rustalk.certificates.development import development_files

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCRIPT = Path(__file__).parents[2] / "certs" / "make-development-certificates"


def test_it_is_made_once_and_kept(tmp_path):
    """A restart keeps the certificate, so that peers which trust it go on."""
    first = development_files(tmp_path / "state", ["sbc.example"], NOW)
    again = development_files(tmp_path / "state", ["sbc.example"], NOW + timedelta(days=60))
    assert (first.made, again.made) == (True, False)
    assert first.key.stat().st_mode & 0o777 == 0o600


def test_it_is_made_anew_when_it_no_longer_fits(tmp_path):
    """For other names, shortly before its end, and when a file is broken."""
    files = development_files(tmp_path, ["sbc.example"], NOW)
    assert development_files(tmp_path, ["other.example"], NOW).made
    assert development_files(tmp_path, ["other.example"], NOW + timedelta(days=85)).made
    files.certificate.write_text("broken")
    assert development_files(tmp_path, ["other.example"], NOW).made


def test_its_root_verifies_it_and_has_no_key_on_disk(tmp_path):
    """Three files: certificate, key, root; the root's key is gone."""
    files = development_files(tmp_path, ["sbc.example", "127.0.0.1"], NOW)
    leaf, root = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (files.certificate, files.root))
    leaf.verify_directly_issued_by(root)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_script_makes_them_and_says_where(tmp_path):
    """certs/make-development-certificates prints the configuration keys and the files."""
    command = [sys.executable, str(SCRIPT), "--directory", str(tmp_path), "sbc.example"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Made the development certificate for sbc.example" in output
    assert f"tls_key          {tmp_path / 'development.key'}" in output
