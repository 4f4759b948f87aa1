"""Loading sections to see what is found wrong with them."""

from __future__ import annotations

import datetime
import json
from typing import Any

from rustalk.config.load import load
from rustalk.config.problem import ConfigError, Problem

TEAMS = {"enabled": True, "sbc_fqdn": "sbc.example.com", "mtls_cert_path": "c.pem", "mtls_key_path": "k.pem"}
TRUNK = {"id": "carrier", "host": "192.0.2.7"}


def faults(**sections: Any) -> list[Problem]:
    """Load the sections and return the problems."""
    try:
        load(json.dumps(sections))
    except ConfigError as error:
        return list(error.problems)
    return []


def paths(**sections: Any) -> list[str]:
    """Load the sections and return where the problems are."""
    return [problem.path for problem in faults(**sections)]


def warned(**sections: Any) -> list[str]:
    """Load the sections, which must be good, and return where the warnings are; those on calls for help aside."""
    return [notice.path for notice in load(json.dumps(sections)).warnings if notice.path != "$.routing.routes"]


def warnings_of(*routes: dict[str, Any], now: datetime.datetime | None = None, **sections: Any) -> list[str]:
    """Load two trunks and these routes, each good but for what it says, and return the warnings.

    The routes are r0, r1 and so on, and lead to the trunk "carrier".
    """
    full = [
        {"id": f"r{n}", "destination": {"type": "Trunk", "value": "carrier"}} | keys for n, keys in enumerate(routes)
    ]
    trunks = [TRUNK, TRUNK | {"id": "other", "host": "192.0.2.8"}, TRUNK | {"id": "off", "enabled": False}]
    whole = {"trunks": trunks, "routing": {"routes": full}} | sections
    return [str(notice) for notice in load(json.dumps(whole), now=now).warnings]
