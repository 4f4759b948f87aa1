"""The description of the API is what the API does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from rustalk.api.errors import PROBLEMS
from tests.fakes.desk import Desk

SAMPLE = {
    "extensions": [{"extension": "1001", "password": "CANARY-long-enough"}, {"extension": "1002"}],
    "trunks": [{"id": "carrier", "host": "192.0.2.1"}],
    "routing": {"routes": [{"id": "all", "pattern": "^0", "destination": {"type": "Trunk", "value": "carrier"}}]},
    "policies": [{"id": "office", "daily_limit": {"count": 5}}],
    "rates": [{"id": "uk", "prefix": "44", "rate_per_minute": "0.1"}],
}


@pytest.fixture
def described(tmp_path: Path) -> Iterator[Desk]:
    """An API with something in it, asked by an admin."""
    desk = Desk(tmp_path, SAMPLE, auth="token")
    _, desk.token = pytest_twisted.blockon(desk.store.tokens.create(name="test", role="admin", who="test"))
    yield desk
    pytest_twisted.blockon(desk.stop())


def references(value: Any) -> Iterator[str]:
    """The names of all schemas that are referred to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner.removeprefix("#/components/schemas/")
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest_twisted.ensureDeferred
async def test_the_document_is_whole(described: Desk) -> None:
    """Each reference leads somewhere, each operation has a name of its own, and each status of a problem is told."""
    document = (await described.ask("GET", "/openapi.json", token="")).json
    assert document["openapi"] == "3.1.0"
    assert set(references(document)) <= document["components"]["schemas"].keys()
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))
    told = {int(status) for each in operations for status in each["responses"]}
    assert {kind.status for kind in PROBLEMS.values()} - told == {404, 405} - told
    assert not {"password", "pin"} & document["components"]["schemas"]["ShownExtension"]["properties"].keys()


@pytest_twisted.ensureDeferred
async def test_a_program_that_reads_the_description_finds_nothing_that_is_not_so(
    described: Desk, tmp_path: Path
) -> None:
    """A28, and issue 4, section 6: schemathesis asks what the description allows and what it forbids."""
    finished = await deferToThread(schemathesis, described, tmp_path)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]


CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "unsupported_method",
    )
)


def schemathesis(desk: Desk, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own."""
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        f"http://127.0.0.1:{desk.service.port}/api/v1/openapi.json",
        *("--header", f"Authorization: Bearer {desk.token}", "--checks", CHECKS, "--phases", "fuzzing"),
        *("--exclude-path", "/api/v1/events", "--max-examples", "3", "--seed", "1", "--no-color"),
        *("--generation-database", "none", "--suppress-health-check", "all"),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=folder)


@pytest_twisted.ensureDeferred
async def test_what_is_described_of_an_item_is_what_is_shown(described: Desk) -> None:
    schemas = (await described.ask("GET", "/openapi.json")).json["components"]["schemas"]
    for path, kind in (("extensions/1001", "Extension"), ("routes/all", "Route"), ("rates/uk", "RateCard")):
        shown = (await described.ask("GET", f"/{path}")).json
        assert shown.keys() >= set(schemas[f"Shown{kind}"]["required"]), json.dumps(shown)
