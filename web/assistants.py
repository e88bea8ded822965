"""An MCP server: few tools by which an assistant reads the registry, each limited and labelled as reading only.

Source: Model Context Protocol, https://modelcontextprotocol.io
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field
from pymongo.errors import PyMongoError

from .. import __version__
from ..builders.candidates.campaigns.gate_outline import outlines
from ..builders.candidates.funnel import count, count_compositions
from ..builders.candidates.verdicts import verdicts_on
from ..builders.exports.file_text import as_cif
from ..builders.structures.template_loading import predict_structures
from ..stores.connection import Connection
from ..stores.errors import ExfolioError
from ..stores.query.columns import columns_of
from ..stores.query.language.fields import fields_of
from ..stores.query.language.spelling import reduced
from ..stores.query.lookup import find_document
from ..stores.query.provenance import values_of
from ..stores.query.search import Search
from .json_values import public

Doc = dict[str, Any]

COLLECTIONS: Final = ("candidates", "materials", "structures", "properties", "compositions")
MOST: Final = 25
_MOST_PREDICTED: Final = 5
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_INSTRUCTIONS: Final = (
    "A registry of known and candidate materials, to read only. Values that are intervals have `lows` and `highs`; one "
    "with a low and no high is a lower bound, and the other way round. A candidate is promoted, waiting or rejected by "
    "the gates of a campaign: ask `why` before you state a reason. `novel` is new to the sources of this registry."
)


def assistant_server(connection: Connection) -> MCPServer:
    """MCP server of one registry.

    Parameters
    ----------
    connection
        The database; a user who can only read is enough.
    """
    server = MCPServer("exfolio", version=__version__, instructions=_INSTRUCTIONS, log_level="WARNING")

    @server.tool(title="Search the registry", annotations=_READS)
    def search(
        collection: Annotated[str, Field(description=f"One of {', '.join(COLLECTIONS)}")] = "candidates",
        filter: Annotated[  # noqa: A002 - OPTIMADE's word
            str,
            Field(
                description='OPTIMADE filter, e.g. elements HAS ALL "Mo","S" AND status = "promoted"', max_length=2000
            ),
        ] = "",
        sort: Annotated[str, Field(description="A field, - in front for descending")] = "",
        limit: Annotated[int, Field(ge=1, le=MOST)] = 10,
    ) -> Doc:
        """Find documents by a filter; gives their main fields and how many match."""
        return _explained(lambda: _search(connection, collection, filter, sort, limit))

    @server.tool(title="Fetch a document", annotations=_READS)
    def fetch(
        identity: Annotated[str, Field(description="Id of a document, or the beginning of it", max_length=200)],
    ) -> Doc:
        """Give one document with its values, methods and warnings, and its structure as CIF."""
        return _explained(lambda: _fetch(connection, identity))

    @server.tool(title="Why a candidate stands where it does", annotations=_READS)
    def why(
        identity: Annotated[str, Field(description="Id of a candidate or structure, or a formula", max_length=200)],
    ) -> Doc:
        """Give every gate of a candidate: value, interval, condition, verdict, warnings."""
        return _explained(lambda: _why(connection, identity))

    @server.tool(title="Funnel of a campaign", annotations=_READS)
    def funnel(
        campaign: Annotated[str, Field(description="Its name; all campaigns are listed without")] = "",
    ) -> Doc:
        """Count how many candidates reach and pass each gate of a campaign."""
        return _explained(lambda: _funnel(connection, campaign))

    @server.tool(title="Predict structures of a formula", annotations=_READS)
    def predict(
        formula: Annotated[str, Field(description="e.g. MoSSe", max_length=60)],
        dimension: Annotated[int, Field(description="2 for monolayers, 3 for bulk crystals", ge=2, le=3)] = 3,
    ) -> Doc:
        """Predict structures of a formula from known ones like it, the likeliest first; nothing is stored."""
        return _explained(lambda: _predict(connection, formula, dimension))

    return server


def _explained(answer: Callable[[], Doc]) -> Doc:
    try:
        return answer()
    except ExfolioError as error:
        raise ToolError(str(error)) from error
    except ValueError as error:  # a formula that is none, a composition without template
        raise ToolError(str(error)) from error
    except PyMongoError as error:
        raise ToolError("the database does not answer") from error


def _search(connection: Connection, collection: str, text: str, sort: str, limit: int) -> Doc:
    if collection not in COLLECTIONS:
        raise ToolError(f"there is no collection {collection!r}; there are: {', '.join(COLLECTIONS)}")
    key = fields_of(collection).key
    columns = tuple(dict.fromkeys([key, *columns_of(collection)]))
    asked = Search(collection, text, fields=columns, sort=(sort,) if sort else (), limit=limit)
    counted = asked.count_quickly(connection)
    found = [public(document) for document in asked.documents(connection)]
    return {"number": counted.number, "number_is_exact": counted.exact, "documents": found}


def _fetch(connection: Connection, identity: str) -> Doc:
    stored = find_document(connection, identity)
    if stored.collection not in COLLECTIONS:
        raise ToolError(f"there is no document {identity!r} to read")
    document = public(stored.document)
    if document.pop("structure", None):
        document["cif"] = _cif(stored.document["structure"])
    told = [public({k: v for k, v in value.items() if k != "structure"}) for value in values_of(connection, stored)]
    return {"collection": stored.collection, "id": stored.key, "document": document, "values": told[:MOST]}


def _why(connection: Connection, identity: str) -> Doc:
    try:
        formula = reduced(identity)
    except ValueError:
        formula = None
    found = verdicts_on(connection, identity, formula=formula)
    return {"verdicts": [public({k: v for k, v in doc.items() if k != "structure"}) for doc in found[:MOST]]}


def _funnel(connection: Connection, name: str) -> Doc:
    known = {campaign.name: campaign for campaign in outlines(connection)}
    if name not in known:
        if name:
            raise ToolError(f"no campaign is called {name!r}; there are: {', '.join(known) or 'none'}")
        return {"campaigns": sorted(known)}
    rows, totals = count(connection, known[name])
    return {"campaign": name, "compositions": count_compositions(connection, known[name]), "gates": rows, **totals}


def _predict(connection: Connection, formula: str, dimension: int) -> Doc:
    found = predict_structures(connection, formula, dimension=dimension, top=_MOST_PREDICTED, new=False)
    return {
        "structures": [
            {
                "known_as": prediction.duplicate_of,
                "probability": prediction.probability,
                "space_group": prediction.space_group,
                "template": prediction.template_id,
                "checks": {check.name: check.passed for check in prediction.checks},
                "cif": as_cif(prediction.structure),
            }
            for prediction in found
        ]
    }


def _cif(plain: Doc) -> str:
    from ..models.structure.serialization import from_plain

    return as_cif(from_plain(plain))
