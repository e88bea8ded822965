"""Builds a library of templates from what stage `templates` found; a structure is read when it is needed, if ever.

And predicts from it for those who ask for a single formula; those who keep no registry get the bundled templates.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import Final

from pymatgen.core.structure import Structure

from ...models.composition.formula.formulas import anonymous_formulas
from ...models.structure.cells.decorations import anonymous_formula
from ...models.structure.cells.fragments import Size
from ...models.structure.comparison.prototype_index import Membership
from ...models.structure.serialization import BadStructure, from_plain
from ...models.structure.templates import Prediction, Ranking, predict, realise
from ...models.structure.templates.library import Bucket, Template, TemplateLibrary
from ...models.structure.templates.shortlisting import shortlist
from ...stores.connection import Connection
from ...stores.documents import Material
from ..engine.batches import Doc
from ..materials.template_library_stage import prototype_of
from . import bundled_templates
from .space_group_lookup import guesses, ranking_weights

_WANTED: Final = ("material_id", "formula_reduced", "template_prototype", "template_dimension", "template")
_STRUCTURES_KEPT: Final = 2000
_TEMPLATES_KEPT: Final = 200_000  # some 100 MB


class TemplateBuckets:
    """The registry's templates, of each anonymous formula when it is asked for; the last 200,000 are kept.

    Parameters
    ----------
    connection
        The registry; None: the bundled templates.
    """

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection
        self._kept: OrderedDict[tuple[str, int], TemplateLibrary] = OrderedDict()

    def bucket(self, amounts: tuple[int, ...], dimension: int) -> Bucket | None:
        """Templates of these amounts, in the order of slots, and dimensionality; None when there are none."""
        return self._library(anonymous_formula(amounts), dimension).bucket(amounts, dimension)

    def structure_of(self, template_id: str) -> Structure:
        """Structure of a template."""
        return _structure(self._connection, template_id)

    def _library(self, anonymous: str, dimension: int) -> TemplateLibrary:
        key = anonymous, dimension
        if key not in self._kept:
            self._kept[key] = load_templates(self._connection, dimension=dimension, anonymous_formula=anonymous)
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > _TEMPLATES_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def load_templates(
    connection: Connection | None, *, dimension: int, anonymous_formula: str | None = None
) -> TemplateLibrary:
    """Build the library of the registry's templates.

    Parameters
    ----------
    connection
        The registry; None: the bundled templates.
    dimension
        2 monolayers, 3 bulk crystals.
    anonymous_formula
        Only those of this one, e.g. "AB2"; all without.

    Returns
    -------
    TemplateLibrary
        Its structures are read when they are asked for; the last 2,000 are kept.
    """
    docs = _documents(connection, dimension, anonymous_formula)
    founds = {doc["material_id"]: doc["template"]["founds"] for doc in docs if "founds" in doc["template"]}
    # A founder that serves as a template of the other dimensionality, or is being looked at anew, is not among them.
    missing = {doc["template_prototype"] for doc in docs} - founds.keys()
    founds |= _founders(connection, sorted(missing)) if missing else {}
    prototypes = {key: prototype_of(key, founder, founds.keys()) for key, founder in founds.items()}
    templates = (
        Template(
            template_id=doc["material_id"],
            formula=doc["formula_reduced"],
            membership=Membership(doc["template_prototype"], tuple(doc["template"]["slots"])),
            space_group=doc["template"].get("space_group"),
            dimension=dimension,
            size=Size(*doc["template"]["size"]) if "size" in doc["template"] else None,
        )
        for doc in sorted(docs, key=lambda doc: str(doc["material_id"]))
        if doc["template_prototype"] in prototypes
    )

    @lru_cache(maxsize=_STRUCTURES_KEPT)
    def structure_of(template_id: str) -> Structure:
        return _structure(connection, template_id)

    return TemplateLibrary(templates, prototypes, structure_of)


def _documents(connection: Connection | None, dimension: int, anonymous_formula: str | None) -> list[Doc]:
    if connection is None:
        return bundled_templates.find(dimension, anonymous_formula)
    query: Doc = {"template_dimension": dimension, "template_prototype": {"$exists": True}, "deprecated": False}
    if anonymous_formula is not None:
        query["formula_anonymous"] = anonymous_formula
    materials = connection.database[Material.collection_name()]
    return list(materials.find(query, {"_id": 0, **dict.fromkeys(_WANTED, 1)}))


def _founders(connection: Connection | None, ids: list[str]) -> dict[str, Doc]:
    """What is kept with the founders of prototypes, by id."""
    if connection is None:
        return {name: bundled_templates.bundled()[name]["template"]["founds"] for name in ids}
    query = {"material_id": {"$in": ids}, "template.founds": {"$exists": True}, "deprecated": False}
    materials = connection.database[Material.collection_name()]
    found = materials.find(query, {"_id": 0, "material_id": 1, "template.founds": 1})
    return {doc["material_id"]: doc["template"]["founds"] for doc in found}


def _structure(connection: Connection | None, template_id: str) -> Structure:
    if connection is None:
        return from_plain(bundled_templates.bundled()[template_id]["structure"])
    materials = connection.database[Material.collection_name()]
    material = materials.find_one({"material_id": template_id}, {"_id": 0, "structure": 1})
    if not material or "structure" not in material:
        raise BadStructure(f"template {template_id} has no structure any more; `exfolio run templates` notes that")
    return from_plain(material["structure"])


def predict_structures(
    connection: Connection | None,
    formula: str,
    *,
    dimension: int = 2,
    top: int = 10,
    ranking: Ranking = "prototypes",
    new: bool = False,
) -> list[Prediction]:
    """Predict the structures of a formula from the registry's templates, the known ones first, then the best.

    Parameters
    ----------
    connection
        The registry; None: the bundled templates.
    formula
        E.g. ``"MoSSe"``.
    dimension
        2 for monolayers, 3 for bulk crystals.
    top
        Structures wanted.
    ranking, new
        As for `models.structure.templates.predict`.

    Raises
    ------
    NoTemplateError, UnparsableFormula, UnknownElement, ElementOffScaleError, ValueError
        As `models.structure.templates.predict`.

    Examples
    --------
    >>> with connect() as registry:                                          # doctest: +SKIP
    ...     for found in predict_structures(registry, "MoSSe"):
    ...         print(found.template_id, found.probability, found.structure)
    """
    probabilities = None if connection is None else guesses(connection, [formula], dimension=dimension).get(formula)
    if ranking == "elmd":  # which looks at distances alone
        [anonymous] = anonymous_formulas([formula])
        library = load_templates(connection, dimension=dimension, anonymous_formula=anonymous)
        return predict(formula, library, top, dimension=dimension, ranking=ranking, space_groups=probabilities)
    weights = ranking_weights(probabilities, dimension)
    templates = TemplateBuckets(connection)
    chosen = shortlist(formula, templates, top, dimension=dimension, space_groups=weights, new=new)
    return realise(chosen.with_space_groups(probabilities), templates.structure_of)
