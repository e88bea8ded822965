"""The collections: one mongoengine Document per module."""

from .base import RegistryDocument
from .calculation import Calculation
from .candidate import Candidate
from .composition import Composition
from .material import Material
from .property import Property
from .reference_entry import ReferenceEntry
from .structure import ProposedStructure
from .trained_model import TrainedModel

REGISTRY: tuple[type[RegistryDocument], ...] = (
    Material,
    ReferenceEntry,
    TrainedModel,
    Composition,
    ProposedStructure,
    Calculation,
    Property,
    Candidate,
)
"""Every registry collection."""

BY_COLLECTION: dict[str, type[RegistryDocument]] = {document.collection_name(): document for document in REGISTRY}
"""The Document of each collection's name."""

__all__ = [
    "BY_COLLECTION",
    "REGISTRY",
    "Calculation",
    "Candidate",
    "Composition",
    "Material",
    "Property",
    "ProposedStructure",
    "ReferenceEntry",
    "RegistryDocument",
    "TrainedModel",
]
