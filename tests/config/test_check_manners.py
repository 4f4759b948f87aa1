"""What trunks and Teams have alike, and the codecs that they name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.findings import TRUNK, faults, paths, warned


def rule(**keys: Any) -> dict[str, Any]:
    """Return a trunk with one rule on headers, a good one changed by ``keys``."""
    return TRUNK | {"headers": [{"name": "Subject", "direction": "out", "action": "drop"} | keys]}


def test_a_codec_is_there_once() -> None:
    """The same name with another clock rate is another codec."""
    twice = [{"name": "PCMU", "payload_type": 0}, {"name": "pcmu", "payload_type": 100}]
    assert paths(codecs={"codecs": twice}) == ["$.codecs.codecs[1].name"]
    event = {"name": "telephone-event", "payload_type": 102, "clock_rate": 48000}
    assert paths(codecs={"codecs": [event]}) == []


def test_a_payload_type_is_that_of_one_codec() -> None:
    """One of a standard codec is free only when an entry gives that codec another one."""
    custom = {"name": "speex", "payload_type": 97}
    problem = faults(codecs={"codecs": [custom]})[0]
    assert (problem.path, problem.hint) == ("$.codecs.codecs[0].payload_type", "97 is that of iLBC/8000")
    assert "such as 100" in problem.expected
    assert paths(codecs={"codecs": [custom, {"name": "iLBC", "payload_type": 102}]}) == []


def test_a_trunk_names_codecs_that_exist() -> None:
    """In any case, standard or custom, each once."""
    assert paths(trunks=[TRUNK | {"codecs": ["pcma", "Opus", "TELEPHONE-EVENT"]}]) == []
    problem = faults(trunks=[TRUNK | {"codecs": ["PCMA", "PCMX", "pcma", "telephone-event"]}])
    assert [each.path for each in problem] == ["$.trunks[0].codecs[1]", "$.trunks[0].codecs[2]"]
    assert '"PCMU"' in problem[0].hint
    speex = {"codecs": [{"name": "speex", "payload_type": 104}]}
    assert paths(codecs=speex, teams={"codecs": ["speex", "telephone-event"]}) == []


def test_a_trunk_names_a_codec_for_speech() -> None:
    """Digits and silence are not a call."""
    assert paths(trunks=[TRUNK | {"codecs": ["telephone-event", "CN"]}]) == ["$.trunks[0].codecs"]


def test_codecs_that_leave_something_out_are_warned_of() -> None:
    """One that is not enabled, and digits that would not cross."""
    off = {"codecs": [{"name": "G729", "payload_type": 18, "enabled": False}]}
    digits = "telephone-event"
    assert warned(codecs=off, trunks=[TRUNK | {"codecs": ["G729", "PCMA", digits]}]) == ["$.trunks[0].codecs[0]"]
    assert warned(trunks=[TRUNK | {"codecs": ["PCMA"]}]) == ["$.trunks[0].codecs"]
    assert warned(trunks=[TRUNK | {"codecs": ["G722"], "dtmf": "inband"}]) == ["$.trunks[0].codecs"]


@pytest.mark.parametrize("name", ["Via", "f", "CALL-ID", "Content-Type", "Supported", "no name", ""])
def test_a_header_that_the_stack_writes_is_not_for_rules(name: str) -> None:
    """The reason is said, also for compact forms; a rule cannot rename to one either."""
    assert paths(trunks=[rule(name=name)]) == ["$.trunks[0].headers[0].name"]
    assert paths(trunks=[rule(action="rename", value=name)]) == ["$.trunks[0].headers[0].value"]


@pytest.mark.parametrize(
    ("action", "value"),
    [("set", ""), ("set", " "), ("rename", "a b"), ("map", "^0"), ("map", "( => 1"), ("map", r"0 => \1")],
)
def test_the_value_of_a_rule_is_what_its_action_needs(action: str, value: str) -> None:
    """A text, a name, or a pattern with its replacement."""
    problem = faults(trunks=[rule(action=action, value=value)])[0]
    assert problem.path == "$.trunks[0].headers[0].value"
    assert action in problem.hint


def test_a_value_without_use_is_warned_of() -> None:
    """To drop a field needs no text."""
    assert warned(trunks=[rule(value="x")]) == ["$.trunks[0].headers[0].value"]
    assert warned(trunks=[rule(action="map", value=r"^00(\d+)$ => +\1")]) == []


def test_no_rule_sends_headers_of_microsoft_to_a_carrier() -> None:
    """HDR-19: X-MS-* is for Teams only."""
    assert paths(trunks=[rule(name="X-MS-UserSite", action="keep")]) == ["$.trunks[0].headers[0].name"]
    assert paths(trunks=[rule(action="rename", value="x-ms-y")]) == ["$.trunks[0].headers[0].value"]
    assert paths(trunks=[rule(name="X-MS-UserSite"), rule(name="X-MS-Z", direction="in") | {"id": "b"}]) == []
    assert paths(teams={"headers": rule(name="X-MS-UserSite", action="keep")["headers"]}) == []


def test_a_number_is_replaced_by_groups_that_there_are() -> None:
    """Both directions are looked at."""
    bad, good = {"match": r"^0(\d+)$", "replace": r"+49\2"}, {"match": r"^0(\d+)$", "replace": r"+49\1"}
    numbers = {"in": [good, bad], "out": [bad]}
    start = "$.trunks[0].numbers"
    assert paths(trunks=[TRUNK | {"numbers": numbers}]) == [f"{start}.in[1].replace", f"{start}.out[0].replace"]
    loose = {"in": [{"match": "0", "replace": "1"}]}
    assert warned(teams={"numbers": loose}) == ["$.teams.numbers.in[0].match"]


def test_the_key_in_is_spelt_as_in_the_file() -> None:
    """Python's name for it is not a key."""
    problem = faults(trunks=[TRUNK | {"numbers": {"in_": []}}])[0]
    assert (problem.path, problem.hint) == ("$.trunks[0].numbers.in_", 'did you mean "in"?')


def test_treatments_that_direct_audio_does_not_get_are_warned_of() -> None:
    """What does not come through here cannot be changed here."""
    trunk = TRUNK | {"media": "direct", "srtp": "off", "dtmf": "info", "strip_comfort_noise": True}
    assert warned(trunks=[trunk]) == [f"$.trunks[0].{key}" for key in ("srtp", "dtmf", "strip_comfort_noise")]
    assert warned(teams={"media": "direct", "media_bypass": True}) == ["$.teams.media_bypass"]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("srtp", "prefered", "required"),
        ("dtmf", "rfc2833", "rfc4733"),
        ("history", "sip", "diversion"),
        ("identity", "rpid", "pai"),
        ("refer", "drop", "handle"),
        ("redirects", "drop", "follow"),
        ("max_calls", -1, "from 0"),
        ("max_cps", "10", "a number"),
        ("country", "XX", "two letters"),
        ("strip_comfort_noise", 1, "true or false"),
        ("trusted", "yes", "true or false"),
        ("codecs", ["PC MU"], "a=rtpmap"),
    ],
)
def test_a_value_that_is_none_is_refused_with_what_is_possible(key: str, value: object, expected: str) -> None:
    """For trunks and Teams alike."""
    for path, problem in (
        ("$.trunks[0]", faults(trunks=[TRUNK | {key: value}])),
        ("$.teams", faults(teams={key: value})),
    ):
        assert problem[0].path.startswith(f"{path}.{key}")
        assert expected in problem[0].expected
