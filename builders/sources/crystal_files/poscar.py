"""The crystal that a POSCAR states, with its faults told in the file's own lines.

Format: https://www.vasp.at/wiki/index.php/POSCAR, of VASP 5 and 6; a file of VASP 4 has to name its elements.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from ....models.structure.serialization import MAX_SITES
from ..records.raw_record import BadRecord
from .symbols import SYMBOLS

MAX_FAULTS = 20
"""Faults told of one file."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?", re.ASCII)
_POTCAR_NAME = re.compile(r"([A-Za-z]+)(?:_[A-Za-z0-9_]+)?(?:/[0-9a-f]*)?")
_COMMENT = re.compile(r"[#!]")
_FLAGS = frozenset({"T", "F", "TRUE", "FALSE", ".TRUE.", ".FALSE.", ".T.", ".F."})
_NOT_A_POSCAR = "it is no POSCAR"

Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Lines:
    """The lines of a file, told apart from their comments, and the number of the next one."""

    lines: list[str]
    at: int = 0

    def next(self, what: str) -> list[str]:
        if self.at >= len(self.lines):
            raise BadRecord(f"it ends before line {self.at + 1}, which should hold {what}", remedy="complete the file")
        self.at += 1
        line = self.lines[self.at - 1]
        return (_COMMENT.split(line, maxsplit=1)[0] if "#" in line or "!" in line else line).split()

    def peek(self) -> list[str]:
        return self.lines[self.at].split() if self.at < len(self.lines) else []


def read_poscar(text: str) -> Structure:
    """Read the crystal of a POSCAR or CONTCAR; velocities behind it are no part of it.

    Raises
    ------
    BadRecord
        It can't be read, or leaves open which atoms there are: up to `MAX_FAULTS` faults, each with its line.
    """
    lines = _Lines(text.removesuffix("\n").split("\n") if text else [])
    lines.next("a comment")
    scales = _scale(lines)
    vectors = np.array([_vector(lines, f"cell vector {axis}") for axis in "abc"])
    volume = abs(float(np.linalg.det(vectors)))
    if volume < 1e-6:
        raise BadRecord("lines 3 to 5: the cell vectors lie in one plane", remedy="correct the cell")
    if len(scales) == 1 and scales[0] < 0:
        scales = np.full(1, (-scales[0] / volume) ** (1 / 3))
    names = _names(lines)
    counts = _counts(lines, names)
    cartesian, selective = _mode(lines)
    positions, last_words, faults = _positions(lines, sum(counts), selective=selective)
    faults += _second_crystal(lines)
    symbols = names or _symbols_of_vasp_4(last_words, counts)
    expected = [symbol for symbol, count in zip(symbols, counts, strict=True) for _ in range(count)]
    faults += _other_symbols(last_words, expected, lines.at - len(last_words), selective=selective)
    if faults:
        more = f"; and {len(faults) - MAX_FAULTS} more" if len(faults) > MAX_FAULTS else ""
        raise BadRecord("; ".join(faults[:MAX_FAULTS]) + more, remedy="correct these lines")
    matrix = vectors * scales
    return Structure(
        Lattice(matrix),
        [atom for symbol, count in zip(symbols, counts, strict=True) for atom in [Composition({symbol: 1})] * count],
        positions * scales if cartesian else positions,
        coords_are_cartesian=cartesian,
    )


def _scale(lines: _Lines) -> Floats:
    words = lines.next("the scale")
    numbers = []
    for word in words:
        if not _NUMBER.fullmatch(word):
            break
        numbers.append(_float(word))
    if len(numbers) not in (1, 3):
        raise BadRecord(
            f"line 2 has to hold the scale, one number or three, and holds {' '.join(words)!r:.60}",
            remedy=_NOT_A_POSCAR + " otherwise",
        )
    if len(numbers) == 3 and min(numbers) <= 0:
        raise BadRecord(f"line 2: three scales have to be positive, not {numbers}", remedy="correct them")
    if numbers[0] == 0:
        raise BadRecord("line 2: the scale is 0", remedy="give 1.0 for a cell in Å")
    return np.array(numbers)


def _vector(lines: _Lines, what: str) -> list[float]:
    words = lines.next(what)
    if len(words) < 3 or not all(_NUMBER.fullmatch(word) for word in words[:3]):
        raise BadRecord(
            f"line {lines.at} has to hold {what}, three numbers, and holds {' '.join(words)!r:.60}",
            remedy="correct the file",
        )
    return [_float(word) for word in words[:3]]


def _names(lines: _Lines) -> list[str]:
    """Symbols of the elements, from one line or several; none where a file of VASP 4 has only counts."""
    names: list[str] = []
    while not names or (lines.peek() and not _is_number(lines.peek()[0])):
        if not names and lines.peek() and _is_number(lines.peek()[0]):
            return []
        words = lines.next("the names of the elements" if not names else "the numbers of atoms")
        if not words:
            raise BadRecord(f"line {lines.at} has to name the elements and is empty", remedy="write their symbols")
        names += [_symbol(word, lines.at) for word in words]
        if len(names) > MAX_SITES:
            raise BadRecord(f"line {lines.at} names more elements than a cell has atoms", remedy=_NOT_A_POSCAR)
    return names


def _symbol(word: str, line: int) -> str:
    """Element of a name such as ``Fe``, ``Fe_pv`` or ``Fe_pv/0123abcd``."""
    match = _POTCAR_NAME.fullmatch(word)
    symbol = match[1] if match else word
    if match is None or symbol not in SYMBOLS:
        capital = symbol.capitalize()
        hint = f"; write {capital}" if capital in SYMBOLS else ""
        raise BadRecord(f"line {line}: {word!r:.30} names no element{hint}", remedy="write symbols such as Fe")
    return symbol


def _counts(lines: _Lines, names: Sequence[str]) -> list[int]:
    counts: list[int] = []
    while not counts or len(counts) < len(names):
        words = lines.next("the numbers of atoms")
        before = len(counts)
        for word in words:
            if not re.fullmatch(r"[-+]?[0-9]+", word):
                break
            counts.append(int(word[:12]))
        if len(counts) == before or any(count < 0 for count in counts):
            raise BadRecord(
                f"line {lines.at} has to hold the numbers of atoms and holds {' '.join(words)!r:.60}",
                remedy="write a whole number for each element",
            )
    if names and len(counts) != len(names):
        raise BadRecord(
            f"line {lines.at}: {len(counts)} numbers of atoms for {len(names)} names of elements",
            remedy="give each name its number",
        )
    if sum(counts) > MAX_SITES:
        raise BadRecord(f"line {lines.at}: it has more than {MAX_SITES} atoms: {sum(counts)}", remedy="give unit cells")
    if sum(counts) == 0:
        raise BadRecord(f"line {lines.at}: it has no atoms", remedy="complete the file")
    return counts


def _mode(lines: _Lines) -> tuple[bool, bool]:
    """Whether coordinates are Cartesian, and whether each is followed by flags."""
    words = lines.next("Direct or Cartesian")
    selective = bool(words) and words[0][0] in "sS"
    if selective:
        words = lines.next("Direct or Cartesian")
    letter = words[0][0].lower() if words else ""
    if words[1:] and words[1].lower().startswith("configuration"):
        raise BadRecord(f"line {lines.at}: it is a trajectory, of many cells", remedy="give its steps as POSCAR files")
    if letter not in ("d", "c", "k"):
        raise BadRecord(
            f"line {lines.at} has to say Direct or Cartesian and holds {' '.join(words)!r:.60}",
            remedy="say what the coordinates are",
        )
    return letter != "d", selective


def _positions(lines: _Lines, count: int, *, selective: bool) -> tuple[Floats, list[list[str]], list[str]]:
    """Coordinates, (n, 3), the words behind each, and the faults of lines."""
    positions = np.zeros((count, 3))
    last_words: list[list[str]] = []
    faults: list[str] = []
    for atom in range(count):
        if lines.at >= len(lines.lines) or not lines.lines[lines.at].strip():
            faults.append(f"line {lines.at + 1}: {count} atoms are announced, and {atom} are listed")
            break
        words = lines.next("an atom")
        try:
            positions[atom] = [_float(word) for word in words[:3]]
        except ValueError:
            faults.append(f"line {lines.at} has to hold three coordinates and holds {' '.join(words)!r:.60}")
        flags = words[3:6]
        if selective and not (len(flags) == 3 and all(flag.upper() in _FLAGS for flag in flags)):
            faults.append(f"line {lines.at} has to hold three flags T or F behind the coordinates")
        last_words.append(words[6:] if selective else words[3:])
    else:
        following = lines.peek()[:3]
        if len(following) == 3 and all(map(_is_number, following)):
            faults.append(f"line {lines.at + 1}: {count} atoms are announced, and more are listed")
    return positions, last_words, faults


def _second_crystal(lines: _Lines) -> list[str]:
    """Fault of a file in which another cell follows: behind the atoms stand numbers, or what VASP writes itself."""
    for number, line in enumerate(lines.lines[lines.at :], start=lines.at + 1):
        words = line.split()
        if len(words) > 1 and words[1].lower().startswith("configuration"):
            return [f"line {number}: it is a trajectory, of many cells"]
        if words and all(word in SYMBOLS for word in map(_before_ending, words)):
            counts = lines.lines[number].split() if number < len(lines.lines) else []
            if counts and all(map(str.isdecimal, counts)):
                return [f"line {number} names elements once more: another cell follows"]
    return []


def _before_ending(word: str) -> str:
    match = _POTCAR_NAME.fullmatch(word)
    return match[1] if match else word


def _symbols_of_vasp_4(last_words: Sequence[Sequence[str]], counts: Sequence[int]) -> list[str]:
    """Elements by the symbol behind each atom, where a file of VASP 4 has them."""
    ends = np.cumsum([0, *counts]).tolist()
    symbols = []
    for start, end in pairwise(ends):
        words = {tuple(words) for words in last_words[start:end]}
        word = next(iter(words)) if len(words) == 1 else ()
        if len(word) != 1 or word[0] not in SYMBOLS:
            raise BadRecord(
                "line 6 has to name the elements, and holds numbers: a file of VASP 4",
                remedy="write the elements into a line 6 of their own, above their numbers",
            )
        symbols.append(word[0])
    return symbols


def _other_symbols(
    last_words: Sequence[Sequence[str]], expected: Sequence[str], first: int, *, selective: bool
) -> list[str]:
    """Symbols behind atoms that are not those of their element."""
    faults = []
    for number, (words, symbol) in enumerate(zip(last_words, expected, strict=False), start=first + 1):
        is_flag = not selective and words and all(word.upper() in _FLAGS for word in words) and len(words) > 1
        if len(words) == 1 and not is_flag and words[0] != symbol and words[0] in SYMBOLS:
            faults.append(f"line {number} is {words[0]} by its end, and {symbol} by the numbers of atoms")
    return faults


def _is_number(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None


def _float(word: str) -> float:
    if not word[-1:].isdigit() and not _is_number(word):  # Python would read nan and infinity
        raise ValueError(word)
    if "_" in word or not word.isascii():
        raise ValueError(word)
    return float(word if word.isdigit() or "d" not in word.lower() else word.lower().replace("d", "e"))
