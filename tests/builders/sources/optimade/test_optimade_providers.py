"""The known OPTIMADE providers: those of the providers' own list where it answers, the bundled ones elsewhere."""

from typing import Any

import pytest
from exfolio.builders.sources.optimade.optimade import Optimade
from exfolio.builders.sources.optimade.optimade_providers import BUNDLED, known_providers, ready_provider
from exfolio.builders.sources.records.source_options import SourceOptionError
from exfolio.stores.settings import Settings
from loopback import Loopback

READY = ["2dmatpedia", "mc2d", "c2db", "jarvis", "alexandria", "oqmd", "mp", "exfolio"]


def link(name: str, url: str | None, kind: str) -> dict[str, Any]:
    return {"id": name, "attributes": {"name": name.upper(), "base_url": url, "link_type": kind}}


class Index(Loopback):
    """The list of providers, and the indices of some of them."""

    def answer(self, path: str, query: dict[str, str], key: str | None) -> tuple[int, Any]:  # noqa: ARG002
        links = {
            "/v1/links": [
                link("oqmd", f"{self.url}/oqmd", "external"),
                link("odbx", f"{self.url}/odbx", "external"),
                link("lonely", f"{self.url}/lonely", "external"),
                link("aiida", None, "external"),
            ],
            "/oqmd/v1/links": [
                link("oqmd", "https://moved.oqmd.org/optimade/", "child"),
                link("optimade-providers", "https://providers.optimade.org", "providers"),
            ],
            "/odbx/v1/links": [link("odbx_misc", "https://optimade-misc.odbx.science", "child")],
        }
        return (200, {"data": links[path]}) if path in links else (404, {"errors": [{"detail": "no index"}]})


def test_the_list_gives_the_addresses_of_today_and_further_providers() -> None:
    with Index() as index:
        known, why_bundled = known_providers(Settings(optimade_providers=index.url))
        lonely = f"{index.url}/lonely"

    urls = {provider.name: provider.url for provider in known}
    assert why_bundled == ""
    assert [provider.name for provider in known if provider.ready] == READY
    assert urls["oqmd"] == "https://moved.oqmd.org/optimade"
    assert urls["odbx_misc"] == "https://optimade-misc.odbx.science"
    assert urls["lonely"] == lonely, "a provider without an index is its own database"
    assert "aiida" not in urls


def test_without_the_list_the_bundled_one_is_given_with_the_reason() -> None:
    known, why_bundled = known_providers(Settings(optimade_providers="http://127.0.0.1:9"))

    assert known == list(BUNDLED)
    assert "the connection failed" in why_bundled


@pytest.mark.parametrize("name", READY)
def test_a_provider_is_ready_by_its_name(name: str) -> None:
    provider = ready_provider(name.upper())

    source = Optimade(**{"url": "https://registry.example.org", **provider.options})

    assert source.source == f"{name}-optimade"
    assert {mapped.field for mapped in source.mapped} == provider.fields.keys()


def test_a_name_that_is_none_gets_those_that_are() -> None:
    with pytest.raises(SourceOptionError, match=r"'oqdm'.*2dmatpedia, mc2d, c2db, jarvis, alexandria, oqmd, mp"):
        ready_provider("oqdm")
