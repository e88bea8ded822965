"""Known materials of one formula, and which of them a proposed structure is, or is alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from math import inf

from pymatgen.core.structure import Structure

from ...models.structure.comparison.likeness import Likeness, likeness
from ...models.structure.comparison.matching import Prepared, Representatives, prepare
from ...models.structure.serialization import BadStructure, from_plain
from ..engine.batches import Doc


class KnownStructures:
    """Structures that are known, or were proposed, sorted into families by `Representatives`.

    Parameters
    ----------
    docs
        With a structure each, in the order in which they count; what can't be read is passed over, as stage `layers`
        has put it into quarantine.
    key
        Field that holds their identity.
    """

    def __init__(self, docs: Iterable[Doc], key: str = "material_id") -> None:
        self._representatives = Representatives()
        self._families: dict[int, list[tuple[str, Prepared]]] = {}
        for doc in docs:
            try:
                prepared = prepare(from_plain(doc["structure"]))
            except BadStructure:
                continue
            number, _ = self._representatives.add(prepared)
            self._families.setdefault(number, []).append((doc[key], prepared))

    def alike(self, structure: Structure) -> Iterator[tuple[str, Likeness]]:
        """Those of the family of a structure, in their order, each with how it compares."""
        prepared = prepare(structure)
        number = self._representatives.match(prepared)
        if number is not None:
            for key, known in self._families[number]:
                yield key, likeness(known, prepared)

    def first_same(self, structure: Structure) -> str | None:
        """The first that is the same structure, else the first that is alike."""
        first: str | None = None
        for key, how in self.alike(structure):
            if how.same:
                return key
            first = first or key
        return first

    def matches(self, structure: Structure) -> list[Doc]:
        """Which materials a structure is: those that are the same structure first, the nearest of them before others.

        Returns
        -------
        list of dict
            Each with material_id and what is known of the `Likeness`; empty for a structure unlike all that is known.
        """
        found = sorted(
            self.alike(structure), key=lambda pair: (not pair[1].same, pair[1].rms if pair[1].rms is not None else inf)
        )
        return [{"material_id": key, **_plain(asdict(how))} for key, how in found]


def _plain(likeness: Doc) -> Doc:
    known = {name: value for name, value in likeness.items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}
