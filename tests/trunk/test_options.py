"""The OPTIONS that asks whether a host takes calls."""

from __future__ import annotations

from rustalk.trunk.options import compose_options


def test_it_says_what_teams_wants_to_read() -> None:
    """OPT-06, OPT-09, OPT-10: the name being asked in Request-URI and To, ours in Contact, what we allow."""
    request = compose_options(
        "sip2.example:5061",
        ";transport=tls",
        "<sip:sbc.example:5061>;tag=a",
        "<sip:sbc.example:5061>",
        "id",
        70,
        "RusTalk",
    )
    assert request.start_line == "OPTIONS sip:sip2.example:5061;transport=tls SIP/2.0"
    assert request.get("To") == "<sip:sip2.example:5061>"
    assert request.get("Contact") == "<sip:sbc.example:5061>"
    assert {"INVITE", "NOTIFY", "OPTIONS"} <= request.tokens("Allow")
    assert request.get("Record-Route") is None
