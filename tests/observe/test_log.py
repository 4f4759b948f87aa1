"""The log as text and as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from rustalk.config.secret import Secret
from rustalk.observe.log import CallLog, JsonObserver, TextObserver, environment_observer, make_observer


def written(
    format: str, emit: Callable[[Logger], object], level: str = "debug", namespace: str = "rustalk.test"
) -> str:
    """What an observer writes when a logger is used."""
    stream = io.StringIO()
    publisher = LogPublisher(make_observer(format, level, stream))
    emit(Logger(namespace, observer=publisher))
    return stream.getvalue()


def test_a_line_names_time_level_call_and_sentence() -> None:
    line = written("text", lambda log: CallLog(log, "c42").info("{trunk} rang.", trunk="carrier"))
    assert line.endswith("Z info     [c42] carrier rang.\n")


def test_a_line_without_a_call_names_none() -> None:
    assert written("text", lambda log: log.warn("No trunk.")).endswith("Z warn     No trunk.\n")


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_a_call_can_be_told_of_at_each_level(level: str) -> None:
    line = json.loads(written("json", lambda log: getattr(CallLog(log, "c42"), level)("It rang.")))
    assert (line["level"], line["call"], line["message"], line["source"]) == (level, "c42", "It rang.", "rustalk.test")


def test_the_named_fields_of_an_event_are_fields_of_its_json_line() -> None:
    line = json.loads(written("json", lambda log: log.info("{a}", a=1, b=None, c=True, d=1.5, e=["x"])))
    assert [line[key] for key in "abcde"] == [1, None, True, 1.5, "['x']"]


def test_a_secret_is_not_logged() -> None:
    """A40: no secret in logs, neither in the sentence nor as a field."""
    for format in ("text", "json"):
        assert "CANARY" not in written(format, lambda log: log.info("{password}", password=Secret("CANARY")))


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_network_cannot_forge_a_line(format: str) -> None:
    """A30: raw control bytes printed = 0."""
    evil = "x\r\n2026-11-22T00:00:00.000Z info     forged\x1b[2J\u2028"
    output = written(format, lambda log: CallLog(log, evil).info("{agent}", agent=evil))
    assert output.count("\n") == 1
    assert not set(output) & set("\r\x1b\u2028")


def _fail(log: Logger) -> None:
    try:
        raise KeyError("lost\nhere")
    except KeyError:
        CallLog(log, "c1").failure("The call broke.", Failure())


def test_a_failure_brings_its_traceback_indented() -> None:
    first, *rest = written("text", _fail).splitlines()
    assert first.endswith("critical [c1] The call broke.")
    assert all(line.startswith("    ") for line in rest)
    assert "KeyError" in rest[-1]


def test_a_failure_brings_its_traceback_as_a_list() -> None:
    assert "KeyError" in json.loads(written("json", _fail))["traceback"][-1]


@pytest.mark.parametrize(("level", "lines"), [("debug", 5), ("info", 4), ("warn", 3), ("error", 2), ("critical", 1)])
def test_what_is_below_the_level_is_left_out(level: str, lines: int) -> None:
    def emit(log: Logger) -> None:
        for each in LogLevel.iterconstants():
            log.emit(each, "x")

    assert written("text", emit, level).count("\n") == lines


@pytest.mark.parametrize("namespace", ["twisted.internet.tcp", "log_legacy"])
def test_the_chatter_of_twisted_is_left_out_and_its_errors_are_not(namespace: str) -> None:
    assert written("text", lambda log: log.info("Starting factory"), "info", namespace) == ""
    assert "boom" in written("text", lambda log: log.critical("boom"), "info", namespace)


def test_an_event_that_cannot_be_formatted_is_still_a_line() -> None:
    assert written("text", lambda log: log.info("{missing.attribute}")).count("\n") == 1


@pytest.mark.parametrize("observer", [TextObserver(io.StringIO()), JsonObserver(io.StringIO())])
def test_both_are_observers_of_twisted(observer: object) -> None:
    assert verifyObject(ILogObserver, observer)


def test_the_environment_chooses_format_and_level(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUSTALK_LOG_FORMAT", "json")
    monkeypatch.setenv("RUSTALK_LOG_LEVEL", "warn")
    log = Logger("rustalk.test", observer=LogPublisher(environment_observer()))
    log.info("quiet")
    log.warn("loud")
    assert json.loads(capsys.readouterr().out)["message"] == "loud"


@pytest.mark.parametrize("variable", ["RUSTALK_LOG_FORMAT", "RUSTALK_LOG_LEVEL"])
def test_an_impossible_choice_is_told_with_the_possible_ones(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "loud")
    with pytest.raises(ValueError, match=f"{variable} is 'loud'.*one of"):
        environment_observer()
