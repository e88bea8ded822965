"""What a VASP run was told and took: INCAR tags beside the parameters that VASP states, read as VASP reads them.

Knows spellings; what a tag means for the result is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_COMMENT: Final = re.compile(r"[!#].*", re.DOTALL)
_LOGICAL: Final = re.compile(r"\.?(T|TRUE|F|FALSE)\.?", re.IGNORECASE)
_FORTRAN_EXPONENT: Final = re.compile(r"([0-9.])[dD]([+-]?[0-9])")
_STATED_AS: Final = {"ENCUT": "ENMAX"}
"""Tags that the parameters of a vasprun.xml, and older INCARs, call otherwise."""
_MANGLED: Final = frozenset({"GGA", "METAGGA", "PREC", "ALGO", "LREAL", "LDAUL", "LDAUU", "LDAUJ", "MAGMOM", "LORBIT"})
"""Tags of which the parameters hold a part or nothing (one element of LDAUU, ``accura``), so that the INCAR counts."""
_TRUE: Final = ("T", ".T")


@dataclass(frozen=True, slots=True)
class VaspTags:
    """Tags of one run.

    Attributes
    ----------
    told
        What the INCAR says, by tag.
    taken
        What VASP states it took, defaults included, by tag.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    taken: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, incar: Mapping[str, Any], parameters: Mapping[str, Any]) -> VaspTags:
        """Tags by the INCAR and the parameters as they stand in a vasprun.xml."""
        told = _cleaned(incar)
        for tag, alias in _STATED_AS.items():
            if alias in told:
                told.setdefault(tag, told.pop(alias))
        return cls(told, _cleaned(parameters))

    def get(self, tag: str, default: Any = None) -> Any:
        """Value that VASP worked with: the stated one, or the INCAR's where VASP states none or a part."""
        stated = self.taken.get(_STATED_AS.get(tag, tag))
        told = self.told.get(tag)
        first, second = (told, stated) if tag in _MANGLED else (stated, told)
        if first is not None and first != "":
            return first
        return default if second is None or second == "" else second

    def number(self, tag: str, default: float) -> float:
        """Value as a number; the default where it is none."""
        value = self.get(tag)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        try:
            return float(value)
        except (TypeError, ValueError):
            return default

    def on(self, tag: str) -> bool:
        """Whether a logical tag is set."""
        value = self.get(tag, False)
        return value if isinstance(value, bool) else str(value).upper().startswith(_TRUE)

    def numbers(self, tag: str) -> list[float]:
        """Value as a list of numbers, empty where it is none."""
        value = self.get(tag, [])
        try:
            return [float(item) for item in (value if isinstance(value, list) else [value])]
        except (TypeError, ValueError):
            return []

    def word(self, tag: str, default: str = "") -> str:
        """Value as a word in capitals, ``--`` and NONE being no value."""
        value = str(self.get(tag, default)).strip().upper()
        return default if value in ("", "--", "NONE") else value


def _cleaned(tags: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(tag).strip().upper(): as_vasp_reads(value) if isinstance(value, str) else value
        for tag, value in tags.items()
    }


def as_vasp_reads(value: Any) -> Any:
    """A value without the comment after it, texts that are logical or a number as such.

    Examples
    --------
    >>> [as_vasp_reads(text) for text in ("R2SCAN ! the mixing scheme's", ".TRUE. # on", "1D-4", "Auto")]
    ['R2SCAN', True, 0.0001, 'Auto']
    """
    if not isinstance(value, str):
        return value
    text = _COMMENT.sub("", value).strip()
    if _LOGICAL.fullmatch(text):
        return text.upper().startswith(_TRUE)
    try:
        return float(_FORTRAN_EXPONENT.sub(r"\1e\2", text))
    except ValueError:
        return text
