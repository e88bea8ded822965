"""The OPTIMADE providers that are known: some ready to be pulled by name, all others from the list that they keep.

Addresses and properties were looked up in the providers' own index (https://github.com/Materials-Consortia/providers,
``src/index-metadbs``) and in clients that ask for them; addresses change, so the list is asked where it can be reached.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ....stores.errors import AccessError
from ....stores.settings import Settings
from ..records.source_options import SourceOptionError
from ..records.units import UNITS_OF_FIELD
from ..services.http_client import SourceUnavailable, WebClient
from .optimade_record import TEXT_FIELDS

logger = logging.getLogger(__name__)

_AT_ONCE = 8
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class KnownProvider:
    """A database behind an OPTIMADE address.

    Attributes
    ----------
    name
        Its id in the providers' list, or the shorter one by which it is known here.
    title
        What it is.
    url
        Base address.
    ready
        Whether `exfolio ingest --provider NAME` knows what to ask for.
    listed_as
        Its id in the providers' list, where that is another.
    dimension
        2 where all of it are layers.
    method, reference
        How its values were got, and what to cite.
    fields
        Its values in exfolio's fields, with their units.
    keep
        Further properties that are kept as they are.
    methods_from
        Property that says how each value was got, where it is not one method for all.
    page_limit
        Structures that it gives at once.
    """

    name: str
    title: str
    url: str
    ready: bool = False
    listed_as: str = ""
    dimension: int | None = None
    method: str | None = None
    reference: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[str] = ()
    methods_from: str = ""
    page_limit: int = 100

    @property
    def options(self) -> dict[str, Any]:
        """Options of the source that pulls it."""
        stated = {
            "url": self.url,
            "source": f"{self.name}-optimade",
            "dimension": self.dimension,
            "method": self.method,
            "reference": self.reference,
            "fields": dict(self.fields),
            "keep": list(self.keep),
            "methods_from": self.methods_from,
            "page_limit": self.page_limit,
        }
        return {name: value for name, value in stated.items() if value}


BUNDLED: Final = (
    KnownProvider(
        name="2dmatpedia",
        title="2DMatPedia: monolayers, top-down and bottom-up",
        url="http://optimade.2dmatpedia.org",
        ready=True,
        listed_as="twodmatpedia",
        dimension=2,
        method="PBE",
        reference="https://doi.org/10.1038/s41597-019-0097-3",
        fields={"band_gap": "_twodmatpedia_band_gap:eV"},
    ),
    KnownProvider(
        name="mc2d",
        title="Materials Cloud two-dimensional crystals database (structures)",
        url="https://aiida.materialscloud.org/mc2d/optimade",
        ready=True,
        dimension=2,
        reference="https://doi.org/10.1038/s41565-017-0035-5",
    ),
    KnownProvider(
        name="c2db",
        title="Computational Materials Repository: C2DB and its other projects (structures)",
        url="https://cmr-optimade.fysik.dtu.dk",
        ready=True,
        listed_as="cmr",
    ),
    KnownProvider(
        name="jarvis",
        title="JARVIS-DFT",
        url="https://jarvis.nist.gov/optimade/jarvisdft",
        ready=True,
        method="OptB88vdW",
        reference="https://doi.org/10.1038/s41524-020-00440-1",
        fields={"formation_energy": "_jarvis_formation_energy_peratom:eV/atom"},
    ),
    KnownProvider(
        name="alexandria",
        title="Alexandria: PBE calculations of stable and metastable crystals",
        url="https://alexandria.icams.rub.de/pbe",
        ready=True,
        listed_as="alexandria-pbe",
        method="PBE",
        reference="https://doi.org/10.1002/adma.202210788",
        fields={
            "band_gap": "_alexandria_band_gap:eV",
            "energy_above_hull": "_alexandria_hull_distance:eV/atom",
            "formation_energy": "_alexandria_formation_energy_per_atom:eV/atom",
        },
    ),
    KnownProvider(
        name="oqmd",
        title="The Open Quantum Materials Database",
        url="https://oqmd.org/optimade",
        ready=True,
        method="PBE",
        reference="https://doi.org/10.1038/npjcompumats.2015.10",
        fields={"band_gap": "_oqmd_band_gap:eV", "formation_energy": "_oqmd_delta_e:eV/atom"},
    ),
    KnownProvider(
        name="mp",
        title="The Materials Project, without a key",
        url="https://optimade.materialsproject.org",
        ready=True,
        method="GGA_GGA+U",
        reference="https://doi.org/10.1063/1.4812323",
        fields={
            "energy_above_hull": "_mp_stability.gga_gga+u.energy_above_hull:eV/atom",
            "formation_energy": "_mp_stability.gga_gga+u.formation_energy_per_atom:eV/atom",
        },
    ),
    KnownProvider(
        name="exfolio",
        title="Another registry of exfolio, at the address that --url gives",
        url="",
        ready=True,
        fields={
            **{name: f"_exfolio_{name}:{unit}" for name, (unit, _) in UNITS_OF_FIELD.items()},
            **{name: f"_exfolio_{name}" for name in TEXT_FIELDS},
        },
        keep=[f"_exfolio_{name}" for name in ("source", "source_id", "synthesised", "synthesis_method", "extra")],
        methods_from="_exfolio_methods",
        page_limit=500,
    ),
    KnownProvider(
        name="mc3d",
        title="Materials Cloud three-dimensional crystals database",
        url="https://aiida.materialscloud.org/mc3d/optimade",
    ),
    KnownProvider(
        name="alexandria-pbesol",
        title="Alexandria: PBEsol calculations",
        url="https://alexandria.icams.rub.de/pbesol",
    ),
    KnownProvider(
        name="cod", title="Crystallography Open Database", url="https://www.crystallography.net/cod/optimade"
    ),
)
"""Providers as of 2026-11."""


def ready_provider(name: str) -> KnownProvider:
    """Find a provider that can be pulled by name.

    Raises
    ------
    SourceOptionError
        None is called so.
    """
    for provider in BUNDLED:
        if provider.ready and name.lower() in (provider.name, provider.listed_as):
            return provider
    names = ", ".join(provider.name for provider in BUNDLED if provider.ready)
    raise SourceOptionError(f"no provider called {name!r} is ready to use; there are: {names}")


def known_providers(settings: Settings) -> tuple[list[KnownProvider], str]:
    """List the providers, with the addresses that their own list has now.

    Returns
    -------
    providers
        Those that are ready to use first.
    why_bundled
        Why the list is the one that comes with exfolio; empty where the providers' own list could be read.
    """
    try:
        listed = {provider.name: provider for provider in _listed(settings)}
    except (SourceUnavailable, AccessError) as trouble:
        return list(BUNDLED), trouble.message
    known = []
    for provider in BUNDLED:
        now = listed.pop(provider.listed_as or provider.name, None)
        known.append(replace(provider, url=now.url) if now is not None else provider)
    return [*known, *sorted(listed.values(), key=lambda provider: provider.name)], ""


def _listed(settings: Settings) -> list[KnownProvider]:
    providers = [
        (name, attributes) for name, attributes in _links(settings, settings.optimade_providers) if _url_of(attributes)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda provider: list(_databases(settings, *provider)), providers)
    return [database for databases in found for database in databases]


def _databases(settings: Settings, name: str, attributes: Mapping[str, Any]) -> Iterator[KnownProvider]:
    """The databases of a provider, whose address in the list is that of an index of them, or of its only one."""
    url = _url_of(attributes)
    title = str(attributes.get("name") or name)
    try:
        children = [
            child for child in _links(settings, url) if child[1].get("link_type") == "child" and _url_of(child[1])
        ]
    except (SourceUnavailable, AccessError) as trouble:
        logger.info("%s: %s", url, trouble.message)
        children = []
    for child, about in children:
        yield KnownProvider(name=child, title=f"{title}: {about.get('name') or child}", url=_url_of(about))
    if not children:
        yield KnownProvider(name=name, title=title, url=url)


def _links(settings: Settings, base: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
    client = WebClient(base, timeout=min(settings.web_timeout_seconds, _PATIENCE_SECONDS), attempts=1)
    try:
        data = client.get("v1/links").get("data")
    finally:
        client.close()
    listed = data if isinstance(data, list) else []
    return [
        (str(link["id"]), link["attributes"])
        for link in listed
        if isinstance(link, Mapping) and link.get("id") and isinstance(link.get("attributes"), Mapping)
    ]


def _url_of(attributes: Mapping[str, Any]) -> str:
    url = attributes.get("base_url")
    url = url.get("href") if isinstance(url, Mapping) else url
    return url.rstrip("/") if isinstance(url, str) and url.startswith(("http://", "https://")) else ""
