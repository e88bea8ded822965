"""What to cite for a release: BibTeX of the sources and methods that its documents name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final

_OF_SOURCES: Final[Mapping[str, str]] = {
    "materials-project": "jain2013",
    "mp": "jain2013",
    "2dmatpedia": "zhou2019",
    "jarvis": "choudhary2020",
    "c2db": "haastrup2018",
    "mc2d": "mounet2018",
    "oqmd": "saal2013",
    "alexandria": "schmidt2023",
    "aflow-prototypes": "hicks2021",
}
"""Entry of the bundled bibliography by the beginning of a source's name."""
_OF_METHODS: Final[Mapping[str, str]] = {
    "CHGNet": "deng2023",
    "SevenNet": "park2024",
    "D3(BJ)": "grimme2011",
    "MaterialsProject2020": "wang2021",
    "MP2020": "wang2021",
    "Roost": "goodall2020",
    "matgan": "dan2020",
    "classifier": "song2021",
    "crystal-gan": "kim2020",
    "space-groups": "liang2020",
    "HSE06": "krukau2006",
    "PBE": "perdew1996",
    "r2SCAN": "furness2020",
    "optB88": "klimes2011",
}
"""The same by a word in the name of a method or the id of a trained model."""


def cited(sources: Iterable[str], methods: Iterable[str]) -> list[str]:
    """Keys of the bibliography for sources, methods and trained models, sorted; exfolio's own is always among them."""
    keys = {"exfolio"}
    for source in sources:
        begins = {name: source == name or source.startswith((f"{name}-", f"{name}:")) for name in _OF_SOURCES}
        keys |= {key for name, key in _OF_SOURCES.items() if begins[name]}
    for method in methods:
        keys |= {key for word, key in _OF_METHODS.items() if word.casefold() in method.casefold()}
    return sorted(keys)


def bibtex(keys: Iterable[str]) -> str:
    """BibTeX of some entries of the bundled bibliography."""
    entries = bibliography()
    return "\n".join(entries[key] for key in keys)


def bibliography() -> dict[str, str]:
    """Text of every entry of the bundled bibliography, by its key."""
    text = files(__package__).joinpath("bibliography.bib").read_text(encoding="utf-8")
    entries = (entry for entry in text.split("\n@") if "{" in entry)
    return {entry.partition("{")[2].partition(",")[0]: f"@{entry.lstrip('@').rstrip()}\n" for entry in entries}
