"""A real PostgreSQL of the distribution for tests: a server of its own, on a socket of its own, gone afterwards."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

__all__ = ["Postgres", "postgres"]

_USER = "nobody"
"""Who runs the server when the tests run as root, which PostgreSQL refuses to be."""


class Postgres:
    """One server with as many databases as tests ask for. It is an error, never a skip, when there is none."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._programs = _programs()
        self._user = _USER if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None
        self._names = (f"test{number}" for number in itertools.count(1))
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        self._call("initdb", "-D", str(self._data), "-U", "rustalk", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self.directory} -c fsync=off"
        options += " -c log_statement=none -c max_connections=60 -c shared_buffers=32MB"
        log = str(self.directory / "log")
        self._call("pg_ctl", "start", "-w", "-D", str(self._data), "-l", log, "-o", options)

    def stop(self) -> None:
        """Stop the server at once: every connection is lost."""
        self._call("pg_ctl", "stop", "-w", "-D", str(self._data), "-m", "immediate")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server takes connections and answers nothing, as one whose disk hangs."""
        postmaster = (self._data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        try:
            _signal(signal.SIGSTOP, postmaster, *children)
            yield
        finally:
            _signal(signal.SIGCONT, postmaster, *children)

    def database(self) -> str:
        """The address of a new, empty database."""
        name = next(self._names)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """The address of a database of this server."""
        return f"postgresql:///{name}?host={self.directory}&user=rustalk"

    def remove(self) -> None:
        """Stop the server when it runs, and delete everything."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory)

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{program} failed: {done.stderr.decode(errors='replace')}", pytrace=False)


def _signal(number: signal.Signals, *processes: str) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(int(process), number)


def _programs() -> Path:
    """Where the newest PostgreSQL of the distribution keeps its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        pytest.fail("PostgreSQL is not installed: run tests/system-packages, which installs it", pytrace=False)
    return found[-1]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server for all tests of a run; a test that stops it starts it again."""
    server = Postgres()
    server.start()
    yield server
    server.remove()
