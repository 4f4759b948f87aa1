"""What trunks and Teams have alike."""

from __future__ import annotations

import dataclasses

from rustalk.config.manners import Manners
from rustalk.config.teams import Teams
from rustalk.config.trunk import Trunk


def test_a_plain_trunk_is_left_as_it_was() -> None:
    """Nothing is limited, rewritten or asserted unless the file says so."""
    trunk = Trunk(id="a", host="h")
    assert (trunk.srtp, trunk.dtmf, trunk.codecs, trunk.country) == ("preferred", "rfc4733", (), "")
    assert (trunk.max_calls, trunk.max_cps, trunk.headers, trunk.trusted) == (0, 0.0, (), False)
    assert (trunk.refer, trunk.redirects, trunk.history, trunk.identity) == ("handle", "follow", "none", "from")


def test_teams_differs_where_microsoft_asks_for_it() -> None:
    """MED-01, HDR-13: SRTP and History-Info; and it is in our trust domain (HDR-12)."""
    trunk, teams = Trunk(id="a", host="h"), Teams()
    differing = {f.name for f in dataclasses.fields(Manners) if getattr(teams, f.name) != getattr(trunk, f.name)}
    assert differing == {"srtp", "history", "trusted"}
    assert (teams.srtp, teams.history, teams.trusted) == ("required", "history-info", True)
