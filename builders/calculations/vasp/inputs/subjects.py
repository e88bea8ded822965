"""Structures that are calculated: a candidate's own, and the bulk that a layer is compared with.

Plain records; which there are is found in `due` and `bulks`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .....models.calculation.plan import Role
from .....stores.canonical import content_hash
from ....engine.batches import Doc

BULK: Final = ":bulk"
"""What a bulk that no source has, being made from another one, has after the id of its layer."""


@dataclass(slots=True)
class Subject:
    """A structure that is calculated.

    Attributes
    ----------
    collection, id
        The document whose structure it is. A bulk that no source has, made from another one by the replacements that
        made the layer, or of the layer stacked on itself, has the layer's id followed by ``:bulk``.
    role
        ``crystal``, ``layer`` or ``bulk``.
    formula
        Reduced.
    candidates
        Candidates that wait for it.
    fields
        Values they wait for.
    material_id, substitution
        For a bulk: the material, and which elements of it are replaced. Neither for one stacked of its layer.
    layers
        For a bulk: the structures whose exfoliation energy it is needed for.
    bulk
        For a layer whose exfoliation energy is wanted: its bulk.
    lowest_by
        For a bulk that is its layer stacked on itself: the potential by which that stack is the lowest of those tried;
        None where nothing is known but where atoms touch.
    """

    collection: str
    id: str
    role: Role
    formula: str
    candidates: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    material_id: str | None = None
    substitution: dict[str, str] = field(default_factory=dict)
    layers: set[str] = field(default_factory=set)
    bulk: Subject | None = field(default=None, repr=False)
    lowest_by: str | None = None
    structure: Doc = field(default_factory=dict, repr=False)
    attempts: dict[tuple[str, str], list[Doc]] = field(default_factory=dict, repr=False)
    """Calculations there are of it, by functional and task."""

    @property
    def structure_hash(self) -> str:
        """Hash of the structure."""
        return content_hash(self.structure)

    @property
    def stacked_of(self) -> str | None:
        """For a bulk that is its layer stacked on itself: the structure of that layer."""
        return self.id.removesuffix(BULK) if self.role == "bulk" and self.material_id is None else None

    @property
    def made_from(self) -> str | None:
        """For a bulk that no source has: what it is made from."""
        if self.stacked_of:
            return f"the layer stacked on itself{f', lowest by {self.lowest_by}' if self.lowest_by else ''}"
        return f"{self.material_id} with other elements" if self.substitution else None

    def built(self, plain: Doc, stack: Doc | None = None) -> Doc:
        """Its structure, made from that of the document it rests on: as it is, with other elements, or stacked.

        Parameters
        ----------
        plain
            That structure.
        stack
            For a layer stacked on itself, the `energy_over_bulk` whose stack is taken; that of contacts without.
        """
        if stack is not None:
            self.lowest_by = stack["method"].rpartition(", ")[0]
            lowest: Doc = stack["structure"]
            return lowest
        if not self.stacked_of and not self.substitution:
            return plain
        # A second of imports, for structures that are made.
        from .....models.structure.cells.template_cells import TemplateCell
        from .....models.structure.layered.stacking import stacked_on_itself
        from .....models.structure.serialization import from_plain, to_plain

        if self.stacked_of:
            return to_plain(stacked_on_itself(from_plain(plain)))
        structure = from_plain(plain)
        mapping = {one.symbol: self.substitution.get(one.symbol, one.symbol) for one in structure.composition.elements}
        return to_plain(TemplateCell(structure, dimension=3).with_elements(mapping).structure())
