"""Stage `links`: finds the same structure in several sources, and links the documents without merging them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import ClassVar

from ...models.structure.comparison.incremental_matching import Link, link
from ...models.structure.comparison.likeness import Likeness
from ...models.structure.comparison.matching import SYMMETRY_TOLERANCE
from ...models.structure.serialization import Arrays, BadStructure, arrays_of
from ...stores.documents import Material
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_stage import GroupStage
from .formula_groups import KNOWN_STRUCTURES
from .value_sharing import FIELDS, NEAR, disagreement, energy_difference, other_moments, sharing


class LinkStage(GroupStage):
    """Fills `same_as` and `alike` of materials, inside groups of one reduced formula.

    Alike is what StructureMatcher takes as the same; the same is what has the same symmetry, and no other energy or
    moments, beside. Why two are linked is kept, and so is what was compared: a new member of a large group is compared
    with the distinct structures in it alone.
    """

    name = "links"
    version = 5
    members = (
        replace(
            KNOWN_STRUCTURES,
            facets=("record",),  # their values too
            fields=("structure", "disordered", "same_as", "link", *FIELDS),
            criteria={"$or": [KNOWN_STRUCTURES.criteria, {"same_as": {"$exists": True}}]},
        ),
    )
    writes: ClassVar = {Material: "links"}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Group the structures of each formula."""
        return [{"materials": _links(item.content["materials"])} for item in items]


def _links(members: list[Doc]) -> list[Doc]:
    materials = [doc for doc in members if "structure" in doc and not doc.get("disordered")]
    alone = [{"material_id": doc["material_id"], "same_as": []} for doc in materials]
    docs = alone if len(materials) < 2 else _compared(materials)
    said = {doc["material_id"] for doc in docs}
    # Of one whose structure was taken back, or is damaged now, nothing is said any more.
    taken_back = (doc["material_id"] for doc in members if "same_as" in doc and doc["material_id"] not in said)
    return [*docs, *({"material_id": key} for key in taken_back)]


def _compared(materials: list[Doc]) -> list[Doc]:
    structures: dict[str, Arrays] = {}
    for material in materials:
        try:
            structures[material["material_id"]] = arrays_of(material["structure"])
        except BadStructure:  # stage `layers` has put it into quarantine
            continue
    earlier = {doc["material_id"]: read_link(doc["link"]) for doc in materials if "family" in doc.get("link", {})}
    links = link(structures, earlier)
    by_id = {doc["material_id"]: doc for doc in materials}
    families: dict[str, list[str]] = {}
    kinds: dict[str, list[Doc]] = {}
    for name, own in links.items():
        families.setdefault(own.family, []).append(name)
        kinds.setdefault(own.representative, []).append(by_id[name])
    shares = {
        doc["material_id"]: [other["material_id"] for other in group]
        for kind in kinds.values()
        for group in sharing(kind)
        for doc in group
    }
    return [
        {
            "material_id": name,
            "same_as": [other for other in shares[name] if other != name],
            "alike": [other for other in families[own.family] if other not in shares[name]],
            "link": _why(name, own, by_id),
        }
        for name, own in links.items()
    ]


def _why(name: str, own: Link, by_id: dict[str, Doc]) -> Doc:
    """Say what a document was compared with, and how that went."""
    doc: Doc = {"representative": own.representative, "family": own.family, "fingerprint": own.fingerprint}
    if own.likeness is None:
        return doc
    measured = {key: value for key, value in asdict(own.likeness).items() if value is not None}
    compared_with = own.representative if own.likeness.same else own.family
    doc |= {**measured, "compared_with": compared_with, "symmetry_tolerance": SYMMETRY_TOLERANCE}
    if own.likeness.space_groups is not None:
        doc["space_groups"] = list(own.likeness.space_groups)
    first, second = by_id[compared_with], by_id[name]
    difference, moments = energy_difference(first, second), other_moments(first, second)
    if difference is not None:
        doc["energy_difference"] = difference
    if moments is not None:
        doc["moments"] = moments
    against = disagreement(first, second)
    near, strain = NEAR
    if own.likeness.same:
        doc["relation"] = "same" if against is None else against["relation"]
    elif moments and (own.likeness.rms or 0) <= near and (own.likeness.strain or 0) <= strain:
        doc["relation"] = "other magnetic state"
    else:
        doc["relation"] = "other structure"
    return doc


def read_link(stored: Doc) -> Link:
    """Read back what was remembered of an earlier comparison."""
    groups = stored.get("space_groups")
    likeness = None
    if "same" in stored:
        likeness = Likeness(
            stored["same"],
            stored["because"],
            stored.get("rms"),
            stored.get("furthest"),
            stored.get("strain"),
            None if groups is None else (groups[0], groups[1]),
        )
    return Link(stored["family"], stored["representative"], stored["fingerprint"], likeness)
