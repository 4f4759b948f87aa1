"""What follows for the packets."""

from __future__ import annotations

from rustalk.media.conclusion import conclude
from rustalk.media.line import UNSAID, Ending, Line
from rustalk.media.security import Own
from rustalk.media.side import MediaSide
from rustalk.rtp.treatment import Treatment
from rustalk.sdp.codec import Codec
from tests.fakes.descriptions import key

EVENT, NOISE, PCMA = Codec("telephone-event"), Codec("CN"), Codec("PCMA")
SIDES = MediaSide(4), MediaSide(4)
QUIET = MediaSide(4, strip_comfort_noise=True)


def line(said: dict[str, Codec], told: dict[str, Codec], letter: str = "") -> Line:
    return Line(ending=Ending(key(letter) if letter else None, said, told))


def test_what_passes_needs_nothing() -> None:
    assert conclude((UNSAID, UNSAID), (None, None), SIDES) is None
    alike = line({"8": PCMA}, {"8": PCMA})
    assert conclude((alike, alike), (None, None), SIDES) is None


def test_keys_of_both_directions() -> None:
    """A side sends with its own key and gets ours, before the other side has said anything as well."""
    treatments = conclude((line({}, {}, "A"), UNSAID), (Own(1, key("a")), None), SIDES)
    assert treatments == (Treatment(receive=key("A"), send=key("a")), Treatment())


def test_payload_types_go_from_what_was_told_to_what_was_said() -> None:
    """MED-08; a number that stands for something else on the other side is mapped as well."""
    near = line({"8": PCMA, "101": EVENT}, {"8": PCMA, "101": EVENT})
    far = line({"8": PCMA, "96": EVENT, "101": NOISE}, {"8": PCMA, "101": EVENT})
    treatments = conclude((near, far), (None, None), SIDES)
    assert treatments == (Treatment(payloads={101: 96}), Treatment())


def test_comfort_noise_is_stripped_by_every_number_it_has() -> None:
    """MED-09."""
    near, far = line({"118": NOISE, "8": PCMA}, {"8": PCMA}), line({"8": PCMA}, {"8": PCMA})
    treatments = conclude((near, far), (None, None), (SIDES[0], QUIET))
    assert treatments is not None
    assert treatments[0].strip == {13, 118}


def test_a_side_without_telephone_events_is_heard_and_dialled_in_tones() -> None:
    """MED-08: though it was meant to have them."""
    plain = line({"8": PCMA}, {"8": PCMA})
    treatments = conclude((plain, plain), (None, None), (MediaSide(4), MediaSide(4, dtmf="info")))
    assert treatments == (Treatment(digits="tones", voice=8), Treatment())
