"""Well-known crystals for the tests of stages: rows of the bundled handbook, put into a registry as ingestion does."""

from copy import deepcopy
from functools import cache
from typing import Any

from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.campaigns.campaign_files import parse
from exfolio.builders.recipe import stages_of
from exfolio.builders.sources.reader_kinds import reader_for
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.models.structure.layered.monolayer import monolayers
from exfolio.models.structure.serialization import from_plain, to_plain
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.documents import BY_COLLECTION, Material
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from plans import run_all

Doc = dict[str, Any]

CAMPAIGN = """\
name: layers
routes:
  top-down: {}
gates:
  - name: valid
    field: valid
    is: true
  - name: novel
    field: novel
    is: true
  - name: exfoliable
    field: exfoliation_energy
    at_most: 0.2
"""
"""A campaign small enough to foresee."""


@cache
def _rows() -> dict[str, RawRecord]:
    reader = reader_for("handbook")
    found = (record for path in reader.files() for record in reader.records(path))
    return {record.payload["row"]["id"]: record for record in found if isinstance(record, RawRecord)}


@cache
def _document(name: str) -> Doc:
    [documents] = parse_many(reader_for("handbook"), [_rows()[name]])
    assert isinstance(documents, dict), documents
    return documents["materials"][0]


def crystals(*names: str) -> list[Doc]:
    """The documents of handbook rows, fresh: the caller may change them."""
    return [deepcopy(_document(name)) for name in names]


def monolayer_of(name: str, **more: Any) -> Doc:
    """One layer of a handbook crystal, as a source of 2D materials would give it."""
    [bulk] = crystals(name)
    layer = monolayers(from_plain(bulk["structure"]))[0].structure
    kept = ("formula_reduced", "formula_anonymous", "chemsys", "elements", "nelements")
    return {
        "material_id": f"flat:{name}",
        "source": "flat",
        "source_id": name,
        "formula": bulk["formula"],
        **{field: bulk[field] for field in kept},
        "structure": to_plain(layer),
        "nsites": len(layer),
        "dimension_claimed": 2,
        **more,
    }


def put(connection: Connection, docs: list[Doc]) -> None:
    """Write materials as the ingestion of their source does."""
    for source in sorted({doc["source"] for doc in docs}):
        writer = FacetWriter(Material, "record", f"ingest:{source}", "f1", "test")
        file = [{"collection": "file", "id": f"{source}.json"}]
        ready = [writer.prepare(doc, file) for doc in docs if doc["source"] == source]
        in_transaction(connection, lambda session, w=writer, r=ready: w.write(connection.database, r, session))


def retire(connection: Connection, *ids: str) -> None:
    """Deprecate materials as the ingestion of their source does when they are no longer in it."""
    source = ids[0].split(":")[0]
    writer = FacetWriter(Material, "record", f"ingest:{source}", "f1", "test")
    reasons = dict.fromkeys(ids, f"no longer in source {source}")
    in_transaction(connection, lambda session: writer.deprecate(connection.database, reasons, session))


def campaign() -> Campaign:
    """The campaign."""
    return parse(CAMPAIGN, "layers.yaml")


def go(connection: Connection, wanted: Campaign | None = None) -> dict[str, StageReport]:
    """Run all stages of a campaign beside its sources, until nothing is due."""
    return run_all(connection, stages_of(wanted or campaign()))


def one(connection: Connection, collection: str, **query: Any) -> Doc:
    """The only document that meets a query."""
    [found] = connection.database[collection].find(query)
    return dict(found)


def keys(connection: Connection, collection: str, **query: Any) -> list[str]:
    """Keys of the documents that meet a query, sorted."""
    key = BY_COLLECTION[collection].KEY
    return sorted(doc[key] for doc in connection.database[collection].find(query, {key: 1}))


def revisions(connection: Connection) -> dict[str, int]:
    """The revision counters: what they say changes with every document that is written."""
    return {doc["_id"]: doc["rev"] for doc in connection.database["counters"].find({"rev": {"$exists": True}})}
