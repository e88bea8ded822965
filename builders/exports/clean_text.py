"""Text of data made safe to print: no control character of a file or a provider reaches a terminal."""

from __future__ import annotations

import re
from typing import Final

_BIDIRECTIONAL: Final = "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they reorder what is printed around them
_UNPRINTABLE: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_BIDIRECTIONAL}]")
_PICTURES: Final = 0x2400  # Unicode's pictures of the control characters, in their order
_DELETE: Final = 0x7F


def clean(text: str) -> str:
    """Replace control characters, tab and line feed aside, by their pictures; others that can't be seen by a mark."""
    return _UNPRINTABLE.sub(_picture, text) if _UNPRINTABLE.search(text) else text


def escaped(json_text: str) -> str:
    """Escape in JSON what is left of such characters; read again, it is the same."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(_PICTURES + code) if code < ord(" ") else "\u2421" if code == _DELETE else "\ufffd"
