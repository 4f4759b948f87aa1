"""`rustalk reload-certificates`: take up new certificate files without a restart."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TextIO, cast

from .client import add_server_argument, client_for
from .command import Command, Exit, write_json, write_table

__all__ = ["RELOAD_CERTIFICATES"]


def _reload(arguments: Namespace, out: TextIO) -> int:
    body = client_for(arguments).request("POST", "/api/v1/certificates/reload")
    if arguments.json:
        write_json(body, out)
    else:
        results = cast("list[Mapping[str, object]]", body["certificates"])
        rows = [[each["name"], "taken up" if each["loaded"] else "REFUSED", each["message"]] for each in results]
        write_table(["CERTIFICATE", "RESULT", "WHY"], rows, out)
    return Exit.DONE if body["success"] else Exit.FAILED


RELOAD_CERTIFICATES = Command(
    "reload-certificates",
    "take up new certificate files; a bad one leaves the old in force",
    add_server_argument,
    _reload,
)
