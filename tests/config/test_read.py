"""Reading sections by their type hints."""

from __future__ import annotations

from rustalk.config.model import Acl, Codec, Destination, Did, Extension, Media, Policy, Route, Settings, Trunk
from rustalk.config.read import MAX_ITEMS, Reader
from rustalk.config.text import parse


def problems(kind: type, text: str) -> list[str]:
    """Read ``text`` as a section and return the paths of its faults."""
    reader = Reader()
    reader.section(kind, parse(text, "test"), "$")
    return [problem.path for problem in reader.problems]


def test_a_section_remembers_its_place_and_its_keys() -> None:
    """Rules over several sections can name the place in the file."""
    reader = Reader()
    settings = reader.section(Settings, parse('{"trunks": [{"id": "a", "host": "h"}]}', "test"), "$")
    assert settings is not None
    assert reader.path(settings.trunks[0]) == "$.trunks[0]"
    assert reader.gives(settings.trunks[0], "host")
    assert not reader.gives(settings.trunks[0], "port")
    assert reader.path(Trunk(id="b", host="h")) == "$"


def test_null_is_as_if_the_key_were_not_there() -> None:
    """RusTalk writes null for what is not set."""
    reader = Reader()
    trunk = reader.section(Trunk, parse('{"id": "a", "host": "h", "username": null}', "test"), "$")
    assert trunk == Trunk(id="a", host="h")
    assert problems(Trunk, '{"id": null, "host": "h"}') == ["$.id"]


def test_a_required_text_is_not_empty() -> None:
    """Only keys whose default is empty may be empty."""
    assert problems(Trunk, '{"id": "", "host": ""}') == ["$.id", "$.host"]
    assert problems(Media, '{"bind_address": "", "advertised_address": ""}') == ["$.bind_address"]


def test_a_pair_needs_both_and_no_more() -> None:
    """The port range is lowest and highest."""
    assert problems(Media, '{"ports": [20000]}') == ["$.ports"]
    assert problems(Media, '{"ports": [20000, "x"]}') == ["$.ports[1]"]
    assert problems(Media, '{"ports": 20000}') == ["$.ports"]


def test_conditions_are_told_apart_by_their_type() -> None:
    """Each kind has its own keys."""
    good = '{"id": "r", "pattern": "", "conditions": [{"type": "DayOfWeek", "days": [7]}]}'
    assert problems(Route, good) == []
    bad = '{"id": "r", "pattern": "", "conditions": [{"type": "Moon"}, 5, {"type": "Time", "days": [1]}]}'
    start = "$.conditions"
    assert problems(Route, bad) == [
        f"{start}[0].type",
        f"{start}[1]",
        f"{start}[2].days",
        f"{start}[2].start_time",
        f"{start}[2].end_time",
    ]


def test_two_spellings_of_one_key_are_one_too_many() -> None:
    """Which of the two would count is not for us to guess."""
    assert problems(Settings, '{"teams": {"mtls_cert": "a", "mtls_cert_path": "b"}}') == ["$.teams.mtls_cert"]
    assert problems(Settings, '{"teams": {"mtls_cert": "a"}}') == []


def test_a_fault_leaves_the_rest_of_the_section_readable() -> None:
    """The default stands in, so that further faults are found in the same run."""
    reader = Reader()
    codec = reader.section(Codec, parse('{"name": "PCMU", "payload_type": 0, "channels": 99}', "test"), "$")
    assert codec == Codec(name="PCMU", payload_type=0)


def test_a_list_that_is_no_list_is_one_fault() -> None:
    """No fault is reported for each character of a text."""
    assert problems(Acl, '{"name": "a", "rules": "allow all"}') == ["$.rules"]


def test_a_list_has_a_longest_length() -> None:
    """A file cannot fill the memory with the items of one list."""
    text = '{"name": "a", "rules": [' + ",".join(["0"] * (MAX_ITEMS + 1)) + "]}"
    assert problems(Acl, text) == ["$.rules"]


def test_names_and_texts_must_be_an_object() -> None:
    """A list of names is no mapping."""
    assert problems(Settings, '{"dns": {"hosts": ["a"]}}') == ["$.dns.hosts"]


def test_an_unused_section_is_one_notice() -> None:
    """Many keys do not make many warnings."""
    reader = Reader()
    reader.section(Settings, parse('{"acme": {"enabled": true, "email": "a@example.com"}}', "test"), "$")
    assert [notice.path for notice in reader.notices] == ["$.acme"]


def test_a_required_text_that_is_unfit_keeps_its_section() -> None:
    """So that other rules see it; where only a number or a word is unfit the section goes."""
    reader = Reader()
    trunk = reader.section(Trunk, parse('{"id": "a", "host": 5, "profile": "p"}', "test"), "$")
    assert trunk is not None
    assert trunk.profile == "p"
    assert reader.section(Codec, parse('{"name": "x", "payload_type": "y"}', "test"), "$") is None
    assert reader.lost == {"x"}


def test_a_text_can_stand_for_a_section() -> None:
    """A destination that is only a number is an extension; it has a place like any other."""
    reader = Reader()
    did = reader.section(Did, parse('{"number": "+1", "destination": "1001"}', "test"), "$")
    assert did is not None
    assert did.destination == Destination(type="Extension", value="1001")
    assert reader.path(did.destination) == "$.destination"


def test_a_key_can_be_a_text_or_an_object() -> None:
    """A policy by its name, or the policy itself; anything else is neither."""
    start = '{"id": "r", "pattern": "", "policy": '
    assert problems(Route, start + '"office"}') == problems(Route, start + '{"daily_limit": {"count": 1}}}') == []
    assert problems(Route, start + '{"daily": 1}}') == ["$.policy.daily"]
    assert problems(Route, start + "5}") == ["$.policy"]


def test_what_was_read_is_remembered_by_kind() -> None:
    """Rules that only concern what is new ask for it."""
    reader = Reader()
    route = reader.section(Route, parse('{"id": "r", "pattern": "", "policy": {}}', "test"), "$")
    assert reader.has(route)
    assert reader.reads(Policy) == [Policy()]
    assert reader.reads(Trunk) == []


def test_an_empty_text_is_a_secret_that_is_not_set() -> None:
    """Whatever form it would need otherwise."""
    assert problems(Extension, '{"extension": "1001", "password": "", "ha1_md5": ""}') == []
    assert problems(Extension, '{"extension": "1001", "ha1_md5": "0"}') == ["$.ha1_md5"]
