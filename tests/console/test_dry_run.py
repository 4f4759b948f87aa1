"""What the switch would do with a call: the same as it does."""

from __future__ import annotations

import datetime
import json
from random import Random
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from rustalk.cli.dry_run import DryRun, Question, compose
from rustalk.config.load import load
from rustalk.config.model import Manners, Settings
from rustalk.pbx.dialplan import Dialplan
from rustalk.pbx.place import place
from rustalk.pbx.route_test import tested as told_by_api
from rustalk.sip.message import Request
from rustalk.trunk.build import build_dialects, build_trunks
from rustalk.trunk.dialect import Dialect
from rustalk.ua.profile import name_ourselves
from tests.fakes.messages import parse
from tests.fakes.network import Network
from tests.scenarios.site import CONFIGURATION, FQDN, SBC, merged

CONFIGURATIONS, CALLS = 200, 50
HOSTS = (FQDN, f"a.{FQDN}", f"B.{FQDN.upper()}", "stranger.example", "")
TRUNKS = ("carrier", "other", "teams")
PATTERNS = ("", r"^\+49", r"^\+", "^1", "^0", "0$", r"^\+?911$", "^anonymous$")
NUMBERS = ("030123456", "+4930123456", "1001", "911", "+911", "112", "15551230002", "", "bob", "a@b", "0049301234567")
FIELDS = (
    ("P-Asserted-Identity", "<tel:+4930999>, <sip:u@contoso.example>"),
    ("Privacy", "id"),
    ("Diversion", "<sip:1001@pbx.example>;reason=user-busy"),
    ("History-Info", "<sip:+1@x?Reason=SIP%3Bcause%3D302>;index=1,<sip:+1@x?Reason=SIP%3Bcause%3D302>;index=1.1"),
    ("User-to-User", "00"),
    ("X-Known", "v"),
    ("x-ms-usersite", "v"),
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"type": "Time", "start_time": "09:00", "end_time": "17:00"},
    {"type": "DayOfWeek", "days": [1, 2, 3]},
    {"type": "CallerId", "pattern": r"^\+49", "negate": True},
    {"type": "Location", "methods": ["LIS", "assist"]},
    {"type": "Header", "name": "User-to-User", "pattern": "^00$"},
)


def some_routes(random: Random, prefix: str) -> list[dict[str, Any]]:
    """Up to five routes."""
    destinations = [{"type": "Trunk", "value": each} for each in TRUNKS] + [{"type": "Hangup", "value": "486"}]
    return [
        {
            "id": f"{prefix}{number}",
            "pattern": random.choice(PATTERNS),
            "source": random.choice(("", "", *TRUNKS)),
            "priority": random.randrange(3),
            "enabled": random.random() < 0.9,
            "conditions": random.sample(CONDITIONS, random.choice((0, 0, 1, 2))),
            "action": random.choice(("accept", "accept", "accept", "reject")),
            "destination": random.choice(destinations),
        }
        for number in range(random.randrange(6))
    ]


def some_manners(random: Random) -> dict[str, Any]:
    """How a trunk wants to be spoken to."""
    rules = [
        {"match": r"^0(\d+)$", "replace": r"+49\1"},
        {"match": r"^\+", "replace": "00"},
        {"match": "^9", "replace": ""},
    ]
    return {
        "country": random.choice(("", "", "DE", "US")),
        "identity": random.choice(("pai", "ppi", "from", "none")),
        "history": random.choice(("history-info", "diversion", "both", "none")),
        "trusted": random.random() < 0.5,
        "numbers": {"in": random.sample(rules, random.randrange(3)), "out": random.sample(rules, random.randrange(3))},
        "headers": random.sample([{"name": "X-Known", "direction": "out", "action": "keep"}], random.randrange(2)),
    }


def some_settings(random: Random) -> Settings:
    """A switch between two carriers and two tenants of Teams, with random routes and manners."""
    tenants = [{"id": id, "fqdn": f"{id}.{FQDN}", "routes": some_routes(random, f"{id}-")} for id in ("a", "b")]
    base: Any = merged(
        CONFIGURATION,
        {
            "teams": some_manners(random) | {"tenants": random.choice(([], tenants))},
            "routing": {"routes": some_routes(random, "common-")},
        },
    )
    base["trunks"] = [trunk | some_manners(random) for trunk in CONFIGURATION["trunks"]]
    base["extensions"] = [{"extension": number, "password": "not so easily guessed"} for number in ("1001", "1002")]
    return load(json.dumps(base))


def live(settings: Settings, questions: list[Question], requests: list[Request]) -> list[tuple[object, ...]]:
    """What the parts of the running switch do with these INVITEs: the code of the refusal, or trunk and INVITE."""
    profiles = {each.id: name_ourselves(each, settings) for each in settings.profiles}
    trunks = build_trunks(settings, profiles, cast(Any, None), cast(Any, None), Clock())
    plan = Dialplan(settings, below=lambda _count: 0)
    flow = Network(Clock(), 0).flow("inside", (SBC, 5060), ("198.51.100.7", 5060))
    found: list[tuple[object, ...]] = []
    for question, request in zip(questions, requests, strict=True):
        placed = place(plan, trunks[question.source].subject(request), question.source, question.now, request.get)
        if placed.decision is None:
            found.append((placed.code, placed.subject))
        else:
            trunk = placed.decision.destinations[0].value
            made = trunks[trunk].gateways[0].invite(placed.subject, b"", flow)
            called = made.uri.removeprefix("sip:").partition("@")[0]
            found.append((trunk, placed.subject, called, made.from_, made.fields))
    return found


def dry(settings: Settings, questions: list[Question]) -> list[tuple[object, ...]]:
    """The same from the dry run; our domain towards carriers is the address that the live switch has."""
    dry_run = DryRun(settings)
    found: list[tuple[object, ...]] = []
    for trial in map(dry_run.ask, questions):
        goal = trial.goal
        if goal is None:
            found.append((trial.code, trial.subject))
        else:
            fields = tuple((name, value.replace("this-sbc.invalid", SBC)) for name, value in goal.fields)
            from_ = goal.from_.replace("this-sbc.invalid", SBC)
            found.append((goal.trunk, trial.subject, goal.called, from_, fields))
    return found


@pytest.mark.parametrize("part", range(4))
def test_the_dry_run_gives_what_the_live_engine_gives(part: int) -> None:
    """10,000 random calls over 200 random configurations; the live side reads its INVITEs from the wire."""
    random = Random(part)
    monday = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    for _ in range(CONFIGURATIONS // 4):
        settings = some_settings(random)
        questions = [
            Question(
                random.choice(TRUNKS),
                random.choice(NUMBERS),
                monday + datetime.timedelta(minutes=random.randrange(10080)),
                random.choice(NUMBERS),
                random.choice(HOSTS),
                tuple(random.sample(FIELDS, random.choice((0, 0, 1, 3)))),
                random.choice(("", "LIS", "Assist", "Manual")),
            )
            for _ in range(CALLS)
        ]
        requests = [on_the_wire(question) for question in questions]
        assert dry(settings, questions) == live(settings, questions, requests)


@pytest.mark.parametrize("part", range(4))
def test_the_api_gives_what_the_live_engine_gives(part: int) -> None:
    """10,000 random calls of trunks, Teams and extensions: POST /routes/test and the switch, by the first place."""
    random = Random(part + 100)
    monday = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    for _ in range(CONFIGURATIONS // 4):
        settings = some_settings(random)
        plan = Dialplan(settings, below=lambda _count: 0)
        dialects = build_dialects(settings)
        for _ in range(CALLS):
            source, host = random.choice((*TRUNKS, "extension:1001")), random.choice(HOSTS)
            number, now = random.choice(NUMBERS), monday + datetime.timedelta(minutes=random.randrange(10080))
            caller = "1001" if source.startswith("extension:") else random.choice(NUMBERS)
            request = on_the_wire(Question(source, number, now, caller, host))
            reader = dialects[source].reader if source in dialects else Dialect(Manners()).reader
            made = place(plan, reader.subject(request), source, now)
            told = told_by_api(plan, settings, caller, number, source, now, host=host)
            first = made.decision.destinations[0].value if made.decision is not None else None
            assert (told["destination"] or {}).get("value") == first
            assert told["code"] == (made.code or None)
            assert told["route_id"] == (made.route.id if made.route is not None else None)
            assert told["called"] == made.subject.called


def on_the_wire(question: Question) -> Request:
    """The INVITE as the switch gets it."""
    host = question.host or (FQDN if question.source == "teams" else "this-sbc.invalid")
    made = compose(question, host)
    made.fields += [
        ("Via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1"),
        ("To", "<sip:x>"),
        ("Call-ID", "1"),
        ("CSeq", "1 INVITE"),
    ]
    request = parse(made.to_bytes())
    assert isinstance(request, Request)
    return request


def test_every_route_that_was_asked_is_told() -> None:
    """In its order, up to the one that decides."""
    settings = load(json.dumps(CONFIGURATION))
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    trial = DryRun(settings).ask(Question("other", "+1", now))
    assert [(step.name, step.result) for step in trial.steps] == [
        ("to-teams", "source"),
        ("to-carrier", "source"),
        ("other-to-carrier", "matched"),
    ]
    assert trial.goal is not None
    assert (trial.goal.trunk, trial.goal.called) == ("carrier", "+1")


def test_a_route_to_a_trunk_that_is_switched_off() -> None:
    """The live switch answers 503 too."""
    off = merged(CONFIGURATION, {})
    off["trunks"] = [CONFIGURATION["trunks"][0] | {"enabled": False}, CONFIGURATION["trunks"][1]]
    off["routing"] = {"routes": [CONFIGURATION["routing"]["routes"][2]]}
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    trial = DryRun(load(json.dumps(off))).ask(Question("other", "+1", now))
    assert (trial.goal, trial.code, trial.status) == (None, "no_target", 503)


PHONES: dict[str, Any] = {
    "extensions": [
        {"extension": "1001", "display_name": "Alice", "password": "not so easily guessed"},
        {"extension": "1002", "password": "not so easily guessed"},
    ],
    "routing": {
        "routes": [
            {
                "id": "out",
                "pattern": "^0",
                "destinations": [{"type": "Trunk", "value": "carrier"}, {"type": "Voicemail", "value": "1001"}],
                "rewrite": {"destination": [{"match": "^0", "replace": "+49"}]},
            }
        ]
    },
}


def test_an_extension_calls() -> None:
    """Inside without a route, outside by one."""
    trunks = [trunk | {"country": "DE"} for trunk in CONFIGURATION["trunks"]]
    dry_run = DryRun(load(json.dumps(merged(CONFIGURATION, PHONES) | {"trunks": trunks})))
    now = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
    assert dry_run.source("1001") == "extension:1001"
    inside, outside = (dry_run.ask(Question("extension:1001", number, now, "1001")) for number in ("1002", "030123456"))
    assert inside.destination is not None
    assert (inside.destination.value, inside.goal) == ("1002", None)
    assert outside.goal is not None
    assert (outside.goal.called, outside.goal.from_) == ("+4930123456", '"Alice" <sip:1001@this-sbc.invalid>')
