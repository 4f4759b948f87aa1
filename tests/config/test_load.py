"""Whole files: accepted with their meaning, or refused with all that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustalk.config.load import load
from rustalk.config.problem import ConfigError

RUSTALK_JSON = Path(__file__).parent.parent / "data" / "config" / "rustalk.json"


def refused(text: str) -> ConfigError:
    """Load ``text``, which must be refused, and return the error."""
    with pytest.raises(ConfigError) as caught:
        load(text, "rustalk.json")
    return caught.value


def test_an_empty_object_is_the_defaults() -> None:
    """Nothing need be set."""
    settings = load("{}")
    assert settings.sip.domain == "rustalk.local"
    assert settings.warnings == ()


def test_a_file_of_rustalk_is_taken_with_its_meaning() -> None:
    """Every key of RusTalk's config.json is known, in both spellings of the Teams certificate."""
    settings = load(RUSTALK_JSON.read_text())
    assert settings.teams.mtls_cert_path == "/etc/rustalk/teams-cert.pem"
    assert settings.trunks[0].targets[0].target == ("198.51.100.7", 5060)
    assert [condition.negate for condition in settings.routing.routes[0].conditions] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_what_this_version_does_not_use_is_said() -> None:
    """Accepted keys without effect are never silently ignored."""
    warnings = {notice.path: notice.message for notice in load(RUSTALK_JSON.read_text()).warnings}
    unused = {path for path, message in warnings.items() if message.startswith("accepted, not used by this version")}
    assert unused == {"$.server.workers", "$.teams.trunk_fqdn", "$.acme"}


def test_all_faults_come_at_once_each_with_its_path() -> None:
    """One run of check-config is enough to mend a file."""
    trunks = [{"id": "a", "host": "h"}, {"id": "b", "host": "h", "port": 70000}, {"id": "a", "host": 5}]
    error = refused(json.dumps({"trunks": trunks, "sip": {"domian": "x"}, "api": {"port": True}}))
    assert [problem.path for problem in error.problems] == [
        "$.api.port",
        "$.sip.domian",
        "$.trunks[1].port",
        "$.trunks[2].host",
        "$.trunks[2].id",
    ]
    assert '"domain"' in str(error)


def test_a_fault_with_a_secret_never_shows_it() -> None:
    """Neither in its own key nor in a misspelt one nor in a container of the wrong kind (A40)."""
    error = refused(
        json.dumps(
            {
                "trunks": [{"id": "a", "host": "h", "password": ["hunter2"], "pasword": "hunter2"}],
                "database": {"url": ["hunter2"]},
                "acme": [{"key": "hunter2"}],
            }
        )
    )
    assert len(error.problems) == 4
    assert "hunter2" not in str(error)


def test_keys_given_twice_are_faults_wherever_they_stand() -> None:
    """The second value would win without a word."""
    error = refused('{"trunks": [{"id": "a", "host": "h", "host": "i"}], "dns": {"hosts": {"a": "::1", "a": "::2"}}}')
    assert [problem.path for problem in error.problems] == ["$.dns.hosts.a", "$.trunks[0].host"]


@pytest.mark.parametrize("text", ["[]", '"x"', "5", "null"])
def test_a_file_that_is_no_object_is_refused(text: str) -> None:
    """The whole is an object."""
    assert refused(text).problems[0].path == "$"


def test_a_trunk_with_a_fault_does_not_make_its_routes_faulty() -> None:
    """One mistake is one problem."""
    trunk = {"id": "carrier", "host": "not a host"}
    route = {"id": "r", "pattern": "^1", "destination": {"type": "Trunk", "value": "carrier"}}
    error = refused(json.dumps({"trunks": [trunk], "routing": {"routes": [route]}}))
    assert [problem.path for problem in error.problems] == ["$.trunks[0].host"]


def test_proxies_and_networks_follow_the_cloud() -> None:
    """NET-02: GCC High has one proxy and its own network."""
    teams = load('{"teams": {"cloud": "gcc-high"}}').teams
    assert teams.proxies == (("sip.pstnhub.gov.teams.microsoft.us", 5061),)
    assert teams.networks == ("52.127.88.0/21",)


def test_given_proxies_and_networks_are_kept() -> None:
    """A laboratory names its own."""
    teams = load('{"teams": {"sip_proxies": ["127.0.0.2:5061"], "networks": ["127.0.0.0/8"]}}').teams
    assert teams.sip_proxies == ("127.0.0.2:5061",)
    assert teams.networks == ("127.0.0.0/8",)


def test_problems_are_listed_in_the_order_of_numbers() -> None:
    """Trunk 10 comes after trunk 9."""
    trunks = [{"id": f"t{n}", "host": "h", "port": -1} for n in range(11)]
    paths = [problem.path for problem in refused(json.dumps({"trunks": trunks})).problems]
    assert paths == [f"$.trunks[{n}].port" for n in range(11)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = ["server", "sip", "transport", "teams", "media", "dns", "api", "acls", "routing", "limits", "codecs", "acme"]
PLACES += ["security", "database", "extensions", "ring_groups", "dids", "mailboxes", "policies", "calendars", "rates"]


TRUNKS = st.lists(st.dictionaries(st.sampled_from(["id", "host", "port", "hosts", "networks"]), VALUES), max_size=3)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), VALUES, max_size=4), TRUNKS)
def test_no_value_raises_anything_but_a_clear_error(sections: dict[str, object], trunks: list[object]) -> None:
    """Whatever stands in a file, the loader accepts it or says what is wrong with it."""
    problems = ()
    try:
        load(json.dumps(sections | {"trunks": trunks}))
    except ConfigError as error:
        problems = error.problems
    assert all(problem.path.startswith("$") and problem.expected for problem in problems)


@pytest.mark.parametrize(
    "path",
    ["server", "sip", "transport", "teams", "media", "dns", "api", "limits", "routing", "acls", "security", "database"],
)
def test_every_key_refuses_every_wrong_type(path: str) -> None:
    """No key lets an object through where a plain value or a list belongs."""
    known = str(refused(json.dumps({path: {"?": 0}}))).partition("known here: ")[2].split(", ")
    wrong = {key: {"": {}} for key in known}
    assert len(refused(json.dumps({path: wrong})).problems) >= len(known)


def test_one_fault_does_not_hide_the_others_of_its_section() -> None:
    """A route whose pattern is broken still has its source and destination looked at, and Teams its name."""
    text = """{
      "teams": {"enabled": "yes", "sbc_fqdn": "sbc.contoso.onmicrosoft.com"},
      "routing": {"routes": [
        {"id": "a", "pattern": "(", "source": "carier", "destination": {"type": "Trunk", "value": "nope"}}
      ]}
    }"""
    with pytest.raises(ConfigError) as caught:
        load(text)
    paths = [problem.path for problem in caught.value.problems]
    assert {"$.teams.enabled", "$.teams.sbc_fqdn", "$.routing.routes[0].pattern"} <= set(paths)
    assert {"$.routing.routes[0].source", "$.routing.routes[0].destination.value"} <= set(paths)


def test_a_trunk_with_a_bad_host_has_the_rest_looked_at() -> None:
    """All that is wrong with it comes in one run, and nothing that is right."""
    first = {"id": "a", "host": "not a host", "profile": "nowhere", "tls_key": "k.pem"}
    error = refused(json.dumps({"trunks": [first, {"id": "b"}, {"id": "c", "host": "h"}]}))
    start = "$.trunks[0]"
    found = [problem.path for problem in error.problems]
    assert found == [f"{start}.host", f"{start}.profile", f"{start}.tls_cert", "$.trunks[1].host"]


def test_what_stands_in_for_a_text_is_never_at_fault_itself() -> None:
    """Not even beside sections that say what the examples of the reference say."""
    sections: dict[str, Any] = {
        "trunks": [{"host": "h"}, {"id": "two words", "host": "h"}, {"id": "carrier", "host": "sip.carrier.example"}],
        "codecs": {"codecs": [{"name": "PC MU", "payload_type": 0}, {"name": "PCMU", "payload_type": 0}]},
        "teams": {"tenants": [{"id": "x"}, {"id": "contoso", "fqdn": "contoso.sbc.example.com"}]},
        "routing": {"routes": [{"id": "r", "pattern": "", "source": "two words", "action": "reject"}]},
    }
    sections["trunks"][2] |= {"numbers": {"in": [{"match": "(", "replace": r"\1"}]}}
    found = [problem.path for problem in refused(json.dumps(sections)).problems]
    assert found == [
        "$.codecs.codecs[0].name",
        "$.routing.routes[0].source",
        "$.teams.tenants[0].fqdn",
        "$.trunks[0].id",
        "$.trunks[1].id",
        "$.trunks[2].numbers.in[0].match",
    ]
