"""Writes the tables of the elements that the package holds, as matminer and smact have them.

    python tests/learnt/read_element_tables.py

Both take seconds to import, and every command needs their numbers: so these come along, and tests compare them with
what is installed.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Final

import smact
from exfolio.models.composition.formula.elements import SYMBOLS
from exfolio.models.composition.oxidation_states import SMACT_DEFAULT_CONSENSUS
from matminer.featurizers.composition import ElementProperty
from smact.utils.oxidation import ICSD24OxStatesFilter

FOLDER: Final = Path(__file__).resolve().parents[2] / "models" / "composition"

#: The names smact's elements have for its sets.
SMACT_ATTRIBUTES: Final = {
    "icsd24": "oxidation_states_icsd24",
    "icsd16": "oxidation_states_icsd16",
    "smact14": "oxidation_states_smact14",
    "pymatgen_sp": "oxidation_states_sp",
    "wiki": "oxidation_states_wiki",
}

#: The last element that smact knows (lawrencium).
SMACT_MAX_Z: Final = 103


def magpie() -> dict[str, Any]:
    """Properties that matminer's preset ``magpie`` takes, those that are missing as it fills them in."""
    preset = ElementProperty.from_preset("magpie")
    tables = [preset.data_source.all_elemental_props[name] for name in preset.features]
    return {
        "statistics": list(preset.stats),
        "properties": list(preset.features),
        "values": {symbol: [float(table[symbol]) for table in tables] for symbol in SYMBOLS[1:]},
    }


def smact_facts() -> dict[str, Any]:
    """Oxidation states by set, Pauling electronegativities and metals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # smact warns of some missing data when an element is made
        elements = {symbol: smact.Element(symbol) for symbol in SYMBOLS[1 : SMACT_MAX_Z + 1]}
    table = ICSD24OxStatesFilter().filter(consensus=SMACT_DEFAULT_CONSENSUS, include_zero=False, commonality="low")
    default = zip(table["element"], table["oxidation_state"], strict=True)
    counted = {str(symbol): [int(state) for state in str(listed).split()] for symbol, listed in default}
    states = {"smact_default": counted}
    for name, attribute in SMACT_ATTRIBUTES.items():
        states[name] = {symbol: list(getattr(element, attribute) or []) for symbol, element in elements.items()}
    return {
        "oxidation_states": states,
        "electronegativities": {symbol: element.pauling_eneg for symbol, element in elements.items()},
        "metals": sorted(smact.metals),
    }


def main() -> None:
    """Write both files, an element a line."""
    for name, facts in (("magpie_elements", magpie()), ("smact_elements", smact_facts())):
        text = json.dumps(facts, indent=None, separators=(",", ":")).replace("},", "},\n").replace("],", "],\n")
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
