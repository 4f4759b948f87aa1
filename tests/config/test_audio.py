"""The section of the audio."""

from __future__ import annotations

from rustalk.config.audio import Media, RtpengineNode


def test_the_address_for_session_descriptions_is_the_advertised_one() -> None:
    """Behind NAT the two differ."""
    assert Media(bind_address="192.0.2.1").address == "192.0.2.1"
    assert Media(bind_address="192.0.2.1", advertised_address="203.0.113.1").address == "203.0.113.1"


def test_audio_of_one_ip_version_or_of_both() -> None:
    """A trunk gets the version of its SIP, where there is audio of that version."""
    both = Media(bind_address="192.0.2.1", advertised_address="203.0.113.1", bind_address_v6="2001:db8::1")
    assert both.bound == {4: "192.0.2.1", 6: "2001:db8::1"}
    assert both.advertised == {4: "203.0.113.1"}
    assert (both.family(4), both.family(6)) == (4, 6)
    assert Media(bind_address="192.0.2.1").family(6) == 4
    assert Media(bind_address="2001:db8::1", advertised_address="2001:db8::2").advertised == {6: "2001:db8::2"}


def test_the_default_ports_stay_below_those_that_linux_hands_out() -> None:
    """32768 and above are the kernel's for outgoing connections."""
    low, high = Media().ports
    assert 1024 < low < high < 32768


def test_audio_is_carried_by_this_process_unless_said_otherwise() -> None:
    """No other program or privilege is needed; an rtpengine listens where its package does."""
    assert (Media().relay, Media().rtpengine) == ("userspace", ())
    assert (RtpengineNode(host="h").port, RtpengineNode(host="h").weight) == (22222, 1)
