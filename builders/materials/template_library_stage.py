"""Stage `templates`: keeps up the library of template structures, each known structure with its prototype.

Prototypes are told apart within one anonymous formula. What was found earlier is kept: a new structure is compared with
the first of each prototype only, so a hundred thousand templates cost a newcomer no more than their prototypes do.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from functools import partial
from typing import Any, ClassVar, Final

from pymatgen.core.structure import Structure
from pymongo.client_session import ClientSession

from ...models.structure.cells.template_cells import size_of
from ...models.structure.comparison.prototype_index import Prototype, PrototypeIndex
from ...models.structure.dimensionality.layering import analyse_layers
from ...models.structure.serialization import from_plain
from ...models.structure.symmetry.symmetry_analysis import space_group
from ...models.structure.vacuum import MIN_GAP, thickest_gap
from ...stores.bookkeeping import failures, quarantine
from ...stores.canonical import content_hash
from ...stores.documents import Material
from ..engine.batches import Batch, Doc, Item, Outcome, Prepared, Refused
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage

MAX_SITES: Final = 200
"""Atoms in the cell of a template; comparing two larger cells takes StructureMatcher minutes."""
SYMMETRY_TOLERANCE: Final = 0.1
"""Å. Relaxed structures of databases want more than the 0.01 Å of measured ones."""
_REMEDY: Final = "Correct the structure in the source and ingest it again; until then it lends its shape to nothing."
_LIGHT: Final = (
    *("material_id", "formula_anonymous", "deprecated"),
    *("template", "template_prototype", "template_dimension", "template_refused"),
)


class NotATemplate(ValueError):
    """A structure that can't serve as a template, with the reason."""


class TemplateStage(GroupStage):
    """Writes for each material with a structure which prototype it has, as which kind of template.

    The first structure of its kind founds a prototype and gives it its name. When a founder is retired or its structure
    changes, those of its prototype are compared anew.
    """

    name = "templates"
    version = 4
    members = (
        Members(
            Material,
            "formula_anonymous",
            ("structure",),
            (),
            {"$or": [{"structure": {"$exists": True}}, {"facets.template": {"$exists": True}}]},
        ),
    )
    groups_per_batch = 8
    writes: ClassVar = {Material: "template"}
    orphans = "kept"
    _failed: frozenset[str] = frozenset()

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of what of each group has to be looked at, and the founders it has to be compared with."""
        templates: dict[str, list[Doc]] = {name: [] for name in names}
        for doc in self._light(names):
            templates[doc["formula_anonymous"]].append(doc)
        low = int(self.state["consumed"].get("materials:structure", 0))
        changed = self._changed([doc for docs in templates.values() for doc in docs], low)
        items = []
        for name, docs in templates.items():
            founders, open_ids, gone = _sort_out(docs, changed)
            if open_ids or gone or name in self._failed:  # of a group tried again something comes in any case
                content: Doc = {"open": open_ids, "founders": founders if open_ids else [], "gone": gone}
                content["refused_before"] = [doc["material_id"] for doc in docs if "template_refused" in doc]
                content["dimensions"] = {doc["material_id"]: doc.get("template_dimension") for doc in docs}
                content["served_as"] = {doc["material_id"]: doc.get("template", {}).get("served_as") for doc in docs}
                items.append(Item(name, content, [{"collection": "group", "id": name}]))
        self._add_structures(items)
        return Batch(0, items)

    def _light(self, names: list[str]) -> Iterator[Doc]:
        # Deprecated ones too: a founder that is retired founds nothing any more.
        [source] = self.members
        query = {"formula_anonymous": {"$in": names}, **source.criteria}
        revs = ("facets.structure.rev", "facets.template.rev")
        projection = {"_id": 0, **dict.fromkeys((*_LIGHT, *revs), 1)}
        for doc in source.at_one_moment(self.db.database).find(query, projection).sort("material_id", 1):
            doc["present"] = not doc["deprecated"]
            yield doc

    def _changed(self, docs: list[Doc], low: int) -> set[str]:
        """Those whose structure is another than the one that was looked at, or gone."""
        suspects = {}
        for doc in docs:
            revs = {name: int(facet["rev"]) for name, facet in doc["facets"].items()}
            written = revs.get("template", 0)
            if "template" in doc and (revs["structure"] > low or revs["structure"] > written):
                suspects[doc["material_id"]] = doc["template"].get("digest")
        now = {doc["material_id"]: _digest(doc) for doc in self._with_structure(suspects)}
        return {material_id for material_id, digest in suspects.items() if now.get(material_id) != digest}

    def _with_structure(self, ids: Iterable[str]) -> Iterator[Doc]:
        needed = ("material_id", "structure", "dimension_claimed")
        query = {"material_id": {"$in": list(ids)}}
        yield from self.db.database["materials"].find(query, {"_id": 0, **dict.fromkeys(needed, 1)})

    def _add_structures(self, items: list[Item]) -> None:
        looked_at = [i for item in items for i in (*item.content["open"], *(f["id"] for f in item.content["founders"]))]
        stored = {doc["material_id"]: doc for doc in self._with_structure(looked_at)}
        for item in items:
            item.content["open"] = [stored[i] for i in item.content["open"] if i in stored]
            for founder in item.content["founders"]:
                founder["structure"] = stored[founder["id"]]["structure"]

    def process(self, items: list[Item]) -> list[Outcome]:
        """Find the prototype of each open structure."""
        return [{"materials": _members(item.content)} for item in items]

    def opened(self) -> None:
        """Read which groups failed before."""
        self._failed = frozenset(failures.due(self.db, self.name))

    def complaints(self, prepared: Prepared) -> list[Refused]:
        """What is refused as a template; its group is done all the same."""
        return [Refused("materials", key, reason, _REMEDY) for key, reason in _refusals(prepared).items()]

    def after_write(self, batch: Batch, session: ClientSession) -> None:
        """Release from quarantine what is a template now."""
        if batch.prepared is None:
            return
        refused = _refusals(batch.prepared)
        mended = set()
        for item in batch.prepared.went_well:
            looked_at = {*item.content["gone"], *(doc["material_id"] for doc in item.content["open"])}
            mended |= looked_at.intersection(item.content["refused_before"]) - refused.keys()
        if mended:
            quarantine.release(self.db, self.name, "materials", sorted(mended), session=session)


def _refusals(prepared: Prepared) -> dict[str, str]:
    documents = prepared.documents["materials"]
    return {doc.key: str(doc.content["template_refused"]) for doc in documents if "template_refused" in doc.content}


def _sort_out(docs: list[Doc], changed: set[str]) -> tuple[list[Doc], list[str], list[str]]:
    """Founders of one anonymous formula that still stand, the ids to look at, and those that are out."""
    as_found = {
        doc["material_id"]: doc
        for doc in docs
        if doc["present"] and doc.get("template", {}).get("version") == TemplateStage.version
        if doc["material_id"] not in changed
    }
    founders = [
        {"id": key, **doc["template"]} for key, doc in as_found.items() if doc.get("template", {}).get("founds")
    ]
    standing = {founder["id"] for founder in founders}
    done = {key for key, doc in as_found.items() if doc.get("template_prototype", key) in standing or _is_refused(doc)}
    open_ids = [doc["material_id"] for doc in docs if doc["present"] and doc["material_id"] not in done]
    gone = [doc["material_id"] for doc in docs if not doc["present"] and "template" in doc]
    founders.sort(key=lambda founder: int(founder["founds"]["place"]))
    return founders, open_ids, gone


def _is_refused(doc: Doc) -> bool:
    return "template_refused" in doc and "template_prototype" not in doc


def _digest(doc: Doc) -> str:
    return content_hash([doc.get("structure"), doc.get("dimension_claimed")])


def _members(group: Doc) -> list[Doc]:
    index = PrototypeIndex()
    place = 0
    standing = {founder["id"] for founder in group["founders"]}
    for founder in group["founders"]:
        slots = tuple(founder["slots"])
        prototype = prototype_of(founder["id"], founder["founds"], standing)
        index.restore(prototype, slots, partial(from_plain, founder["structure"]))
        place = max(place, int(founder["founds"]["place"]) + 1)
    # What was a template keeps its dimensionality, by which those who made something of it hear that it is none.
    earlier = group["dimensions"]
    docs: list[Doc] = [{"material_id": key, "template_dimension": earlier[key]} for key in group["gone"]]
    for record in sorted(group["open"], key=lambda doc: str(doc["material_id"])):
        known: Doc = {"version": TemplateStage.version, "digest": _digest(record)}
        key = record["material_id"]
        doc: Doc = {"material_id": key, "template": known, "template_dimension": earlier.get(key)}
        try:
            structure, dimension = usable(record)
            doc["template_dimension"] = dimension
            # Those who made something of it as what it was have to hear of it, however often it changed since.
            served = {*(group["served_as"].get(key) or ()), earlier.get(key), dimension} - {None}
            if len(served) > 1:
                known["served_as"] = sorted(served)
            number = space_group(structure, tolerance=SYMMETRY_TOLERANCE).number
            membership = index.add(key, structure)
        except ValueError as refused:  # BadStructure, NotATemplate, NoPrototypeError, ElementOffScaleError …
            doc["template_refused"] = str(refused)
        else:
            doc["template_prototype"] = membership.prototype
            size = size_of(structure, dimension)
            known |= {"slots": list(membership.slots), "space_group": number, "size": list(size)}
            if membership.prototype == key:
                known["founds"] = _founding(index.prototypes[membership.prototype], place)
                place += 1
        docs.append(doc)
    return docs


def usable(material: Doc) -> tuple[Structure, int]:
    """Structure of a material as a template, and what for: 2 monolayers, 3 bulk crystals.

    In a cell with vacuum may be molecules (0) or chains (1) as well, which serve for neither.

    Raises
    ------
    BadStructure
        The structure is damaged, or holds an isotope, whose compounds are other materials.
    NotATemplate
        It is disordered, too large, has none, or is not what its source says.
    """
    if not material.get("structure"):
        raise NotATemplate("its structure is gone")
    structure = from_plain(material["structure"], isotopes="refuse")
    if not structure.is_ordered:
        raise NotATemplate("it is disordered, so its elements have no places of their own")
    if len(structure) > MAX_SITES:
        raise NotATemplate(f"{len(structure)} atoms in its cell are more than {MAX_SITES}")
    claimed = material.get("dimension_claimed")
    gap = thickest_gap(structure).thickness
    if claimed is not None and claimed < 2:
        raise NotATemplate(f"it is {claimed}-dimensional; templates are layers and bulk crystals")
    if claimed == 2 and gap < MIN_GAP:
        raise NotATemplate(f"it is called two-dimensional, but its cell has no vacuum of {MIN_GAP:g} Å")
    if gap < MIN_GAP or claimed == 3:
        return structure, 3
    found = analyse_layers(structure).dimensionality
    return structure, 2 if found is None else min(found, 2)  # what is bound in a layer is a layer, however it is bound


def _founding(prototype: Prototype, place: int) -> Doc:
    return {
        "place": place,
        "kind": prototype.kind,
        "amounts": list(prototype.amounts),
        "symmetries": [list(order) for order in prototype.symmetries],
        "related": [
            {"prototype": other, "orders": [list(order) for order in orders]}
            for other, orders in prototype.related.items()
        ],
    }


def prototype_of(prototype_id: str, founds: Doc, standing: Container[str]) -> Prototype:
    """A prototype as its founder's document holds it; of its relations those to prototypes that still stand."""
    related: dict[str, Any] = {
        relation["prototype"]: tuple(tuple(order) for order in relation["orders"])
        for relation in founds["related"]
        if relation["prototype"] in standing
    }
    symmetries = tuple(tuple(order) for order in founds["symmetries"])
    return Prototype(prototype_id, founds["kind"], tuple(founds["amounts"]), symmetries, related)
