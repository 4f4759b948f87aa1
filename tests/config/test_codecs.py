"""The table of codecs."""

from __future__ import annotations

from rustalk.config.codecs import STANDARD, Codec, Codecs
from rustalk.config.load import load


def test_the_standard_codecs_are_those_of_rustalk_with_digits_and_silence() -> None:
    """Ten codecs, telephone-event and CN, with payload types of their own."""
    names = "PCMU PCMA G722 GSM G729 iLBC opus AMR AMR-WB SILK telephone-event CN"
    assert " ".join(codec.name for codec in load("{}").codecs.codecs) == names
    assert len({codec.payload_type for codec in STANDARD}) == len(STANDARD)


def test_a_file_changes_and_adds_codecs() -> None:
    """What it names comes first and in its order; standard codecs that it leaves out follow."""
    own = '{"name": "speex", "payload_type": 104}, {"name": "pcma", "payload_type": 8, "enabled": false}'
    codecs = load('{"codecs": {"codecs": [' + own + "]}}").codecs
    assert [codec.name for codec in codecs.codecs[:4]] == ["speex", "pcma", "PCMU", "G722"]
    assert len(codecs.codecs) == len(STANDARD) + 1
    assert not codecs.named("PCMA")[0].enabled


def test_a_codec_is_written_as_in_a_description() -> None:
    """RFC 8866 section 6.6: channels only where there are several."""
    assert [codec.encoding for codec in Codecs().named("OPUS") + Codecs().named("g722")] == [
        "opus/48000/2",
        "G722/8000",
    ]
    assert Codec(name="CN", payload_type=13).key == ("cn", 8000, 1)
