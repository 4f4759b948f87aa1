"""A text that must never be shown: passwords, and addresses that contain one."""

from __future__ import annotations

import hmac

__all__ = ["MASK", "Secret"]

MASK = "***"


class Secret(str):
    """A string that prints, formats and serializes as ``***``; only `reveal` gives the text itself.

    It is a string whose characters *are* the mask, so that JSON encoders, log formatters and f-strings need no
    knowledge of it. An empty secret stays empty and false.
    """

    __slots__ = ("_text",)
    _text: str

    def __new__(cls, text: str = "") -> Secret:
        """Hide ``text``."""
        secret = super().__new__(cls, MASK if text else "")
        secret._text = text
        return secret

    def reveal(self) -> str:
        """Return the hidden text, for the one place that needs it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        """Compare the hidden texts in constant time; a secret equals no plain string."""
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __ne__(self, other: object) -> bool:
        """Compare as `__eq__` does; str has a comparison of its own here, which would see the masks."""
        return not self == other

    def __hash__(self) -> int:
        """Hash the hidden text, consistent with equality."""
        return hash((Secret, self._text))

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        """Copy as itself: the value is immutable (dataclasses.asdict copies deeply)."""
        return self

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuse to be pickled, which would write the text out."""
        raise TypeError("a Secret cannot be pickled")
