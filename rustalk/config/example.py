"""The configuration that `rustalk generate-config` writes: short, ready to be edited, and safe to start as it is."""

from __future__ import annotations

import json

__all__ = ["generate"]

_EXAMPLE: dict[str, object] = {
    "server": {"state_directory": "~/.local/state/rustalk"},
    "sip": {"domain": "sbc.example.com", "unknown_sources": "reject"},
    "sip_profiles": [
        {
            "id": "teams",
            "name": "Towards Microsoft Teams",
            "bind_address": "127.0.0.1",
            "bind_port": 5061,
            "protocols": ["tls"],
            "domain": "sbc.example.com",
        },
        {
            "id": "carrier",
            "name": "Towards the carrier",
            "bind_address": "127.0.0.1",
            "bind_port": 5060,
            "protocols": ["udp", "tcp"],
        },
    ],
    "teams": {
        "enabled": False,
        "sbc_fqdn": "sbc.example.com",
        "mtls_cert_path": "/etc/rustalk/teams.pem",
        "mtls_key_path": "/etc/rustalk/teams-key.pem",
        "profile": "teams",
    },
    "trunks": [
        {
            "id": "carrier",
            "name": "Example Carrier",
            "host": "sip.carrier.example",
            "protocol": "udp",
            "username": "",
            "password": "",
            "srtp": "preferred",
            "country": "",
            "profile": "carrier",
            "enabled": False,
        }
    ],
    "routing": {
        "routes": [
            {
                "id": "emergency",
                "pattern": "^\\+?(112|911)$",
                "source": "teams",
                "destination": {"type": "Trunk", "value": "carrier"},
                "priority": 5,
                "emergency": True,
                "enabled": False,
            },
            {
                "id": "emergency-phones",
                "pattern": "^\\+?(112|911)$",
                "source": "extensions",
                "destination": {"type": "Trunk", "value": "carrier"},
                "priority": 5,
                "emergency": True,
                "enabled": False,
            },
            {
                "id": "to-teams",
                "pattern": "^\\+1555\\d{7}$",
                "source": "carrier",
                "destination": {"type": "Trunk", "value": "teams"},
                "priority": 10,
                "enabled": False,
            },
            {
                "id": "to-carrier",
                "pattern": "^\\+\\d{7,15}$",
                "source": "teams",
                "destination": {"type": "Trunk", "value": "carrier"},
                "priority": 20,
                "enabled": False,
            },
            {
                "id": "phones-out",
                "pattern": "^\\+\\d{7,15}$",
                "source": "extensions",
                "destination": {"type": "Trunk", "value": "carrier"},
                "priority": 30,
                "enabled": False,
            },
        ]
    },
    "extensions": [
        {
            "extension": "1001",
            "display_name": "Alice Archer",
            "password": "",
            "call_forwarding": {"no_answer": "1002", "no_answer_seconds": 20},
            "enabled": False,
        },
        {"extension": "1002", "display_name": "Bob Baker", "password": "", "enabled": False},
    ],
    "ring_groups": [
        {"id": "office", "name": "Office", "extensions": ["1001", "1002"], "timeout_seconds": 30, "enabled": False}
    ],
    "dids": [{"number": "+12025550123", "destination": {"type": "RingGroup", "value": "office"}, "enabled": False}],
    "media": {"bind_address": "127.0.0.1", "advertised_address": "", "ports": [20000, 29999]},
    "api": {"bind_address": "127.0.0.1", "port": 8080, "auth": "token"},
}


def generate() -> str:
    """Return an example configuration as JSON text.

    It starts without complaint and carries nothing: Teams, the trunk, the phones and the routes are there to be
    filled in and enabled. docs/configuration.md has every other key.
    """
    return json.dumps(_EXAMPLE, indent=2) + "\n"
