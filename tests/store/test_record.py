"""A finished call as a record, and the record as the API shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rustalk.config.rate import RateCard
from rustalk.observe.snapshots import CallState, LegSnapshot, MediaSnapshot, SentSnapshot
from rustalk.rating.cost import Cost, cost
from rustalk.store.record import CALL_COLUMNS, LEG_COLUMNS, CallRecord, LegRecord, call_log, call_log_detail, record_of
from tests.fakes.switch import START, make_call

CARD = RateCard(
    id="mobile",
    prefix="4477",
    rate_per_minute=Decimal("0.15"),
    connection_fee=Decimal("0.05"),
    minimum_charge_seconds=30,
    billing_increment_seconds=6,
    currency="EUR",
)


def charged(seconds: str = "120") -> Cost:
    return cost([CARD], "+447700900123", Decimal(seconds), True, START)


def ended(**changes: Any) -> dict[str, Any]:
    """The record of a call that was answered after 2 s and ended 12.345 s after its beginning."""
    changes = {"state": CallState.ENDED, "ended": START + timedelta(seconds=12.345), "reason": "normal", **changes}
    return record_of(make_call(**changes), node="a")


def shown(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return call_log(CallRecord(**{**{name: record[name] for name in CALL_COLUMNS}, **changes}))


def detail(record: dict[str, Any]) -> dict[str, Any]:
    legs = tuple(LegRecord(**{name: leg[name] for name in LEG_COLUMNS}) for leg in record["legs"])
    return call_log_detail(CallRecord(**{name: record[name] for name in CALL_COLUMNS}), legs)


def test_times_are_kept_to_the_millisecond() -> None:
    log = shown(ended())
    assert log["start_time"] == "2026-11-22T08:15:30.123Z"
    assert log["answer_time"] == "2026-11-22T08:15:32.123Z"
    assert log["end_time"] == "2026-11-22T08:15:42.468Z"
    assert log["duration_seconds"] == 10.345


def test_every_millisecond_of_a_second_survives() -> None:
    """Binary fractions would turn some of them into the one before."""
    for milliseconds in range(1000):
        started = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        assert ended(started=started)["started"] % 1000 == milliseconds


def test_a_call_that_was_not_answered_has_no_duration() -> None:
    record = ended(state=CallState.FAILED, answered=None, sip_status=486, reason="far_end")
    log = shown(record)
    assert (log["duration_seconds"], log["status"], log["sip_status"]) == (None, "failed", 486)
    assert record["band"] is None


def test_the_seed_s_fields_are_all_there() -> None:
    """The fields of /call-logs as the seed system's user knows them."""
    seed = (
        "id call_id from_user from_domain to_user to_domain start_time end_time duration_seconds status "
        "termination_reason a_leg_codec b_leg_codec recording_path cost"
    )
    more = "sip_call_id from_tag to_tag charge_breakdown total_cost"
    assert set(seed.split()) <= set(shown(ended()))
    assert set(f"{seed} {more}".split()) <= set(detail(ended()))


def test_a_part_of_a_call_at_another_node_names_that_call() -> None:
    """Both records have one ``call_id``, each its own ``id``."""
    log = shown(ended(id="b2", part_of="a1"))
    assert (log["id"], log["call_id"]) == ("b2", "a1")
    assert shown(ended(id="a1"))["call_id"] == "a1"


def test_both_numbers_are_kept_before_and_after_rewriting() -> None:
    log = shown(ended(caller="+15551230001", original_caller="0001", called="2000", original_called="2000"))
    assert (log["original_from"], log["from_user"]) == ("0001", "+15551230001")
    assert (log["original_to"], log["to_user"]) == ("2000", "2000")


def test_the_cost_and_what_it_is_made_of() -> None:
    call = make_call(state=CallState.ENDED, ended=START + timedelta(seconds=122))
    found = detail(record_of(call, charged()))
    assert (found["cost"], found["total_cost"], found["currency"], found["rate_card"]) == (0.35, 0.35, "EUR", "mobile")
    assert found["charge_breakdown"] == [
        {"description": "Connection fee", "rate": 0.05, "quantity": 1.0, "unit": "call", "amount": 0.05},
        {"description": "Call time (mobile)", "rate": 0.15, "quantity": 2.0, "unit": "minute", "amount": 0.3},
    ]


def test_a_price_that_is_not_known_is_none_and_not_zero() -> None:
    found = detail(record_of(make_call(), cost([], "1", Decimal(1), True, START)))
    assert (found["cost"], found["charge_breakdown"]) == (None, None)


def test_each_leg_is_shown_with_its_quality_and_its_fate() -> None:
    media = MediaSnapshot(500, 86000, mos=4.41, mos_inputs={"codec": "PCMU"}, sent=SentSnapshot(498, 2))
    failed = LegSnapshot("b@sbc", "out", "one", "192.0.2.8:5060", "UDP", sip_status=503, reason="target_unreachable")
    legs = (replace(make_call().legs[0], media=media, from_tag="f", to_tag="t"), failed, make_call().legs[1])
    found = detail(ended(legs=legs))
    assert [(leg["direction"], leg["trunk"], leg["sip_status"]) for leg in found["legs"]] == [
        ("in", "carrier", None),
        ("out", "one", 503),
        ("out", "teams", None),
    ]
    assert (found["sip_call_id"], found["from_tag"], found["to_tag"]) == ("a@carrier", "f", "t")
    assert found["legs"][0]["media"]["mos_inputs"] == {"codec": "PCMU"}
    assert found["legs"][0]["media"]["sent"]["lost"] == 2


def test_what_the_network_sent_is_printable_and_of_bounded_length() -> None:
    """PostgreSQL takes no NUL, no index takes a megabyte, and a record is never refused."""
    log = shown(ended(caller="1\x002\ud800", called="9" * 100_000, caller_name="\x1b" * 1000, said="x" * 9999))
    assert log["from_user"] == "1\\x002\\ud800"
    assert (len(log["to_user"]), len(log["from_name"]), len(log["said"])) == (128, 128, 512)


def test_the_codecs_are_those_of_the_two_sides() -> None:
    legs = make_call().legs
    log = shown(ended(legs=(legs[0], replace(legs[1], codecs=("SILK", "telephone-event")))))
    assert (log["a_leg_codec"], log["b_leg_codec"]) == ("PCMU", "SILK")


def test_a_clock_that_went_back_gives_no_negative_duration() -> None:
    """F-06: negative durations = 0."""
    assert shown(ended(ended=START - timedelta(hours=1)))["duration_seconds"] == 0
