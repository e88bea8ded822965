"""Known materials of one formula, and which of them a proposed structure is, or is alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from pymatgen.core.structure import Structure

from ...models.structure.comparison.likeness import likeness
from ...models.structure.comparison.matching import Prepared, Representatives, prepare
from ...models.structure.serialization import BadStructure, from_plain
from ..engine.batches import Doc


class KnownStructures:
    """Known structures, sorted into families by `Representatives`.

    Parameters
    ----------
    materials
        With material_id and structure, in the order of their ids; what can't be read is passed over, as stage `layers`
        has put it into quarantine.
    """

    def __init__(self, materials: Iterable[Doc]) -> None:
        self._representatives = Representatives()
        self._families: dict[int, list[tuple[str, Prepared]]] = {}
        for material in materials:
            try:
                prepared = prepare(from_plain(material["structure"]))
            except BadStructure:
                continue
            number, _ = self._representatives.add(prepared)
            self._families.setdefault(number, []).append((material["material_id"], prepared))

    def matches(self, structure: Structure) -> list[Doc]:
        """Which materials a structure is: those that are the same structure first, the nearest of them before others.

        Returns
        -------
        list of dict
            Each with material_id and what is known of the `Likeness`; empty for a structure unlike all that is known.
        """
        prepared = prepare(structure)
        number = self._representatives.match(prepared)
        if number is None:
            return []
        found = [(key, likeness(known, prepared)) for key, known in self._families[number]]
        found.sort(key=lambda pair: (not pair[1].same, pair[1].rms if pair[1].rms is not None else float("inf")))
        return [{"material_id": key, **_plain(asdict(how))} for key, how in found]


def _plain(likeness: Doc) -> Doc:
    known = {name: value for name, value in likeness.items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}
