"""Two small campaigns as files, over one source: layers cut from well-known crystals, and drawn compositions."""

import json
from pathlib import Path
from typing import Any, Final

from known_crystals import CAMPAIGN, crystals
from ruamel.yaml import YAML

Doc = dict[str, Any]
LAYERED: Final = ("MoS2-2H", "MoS2-3R", "NbSe2-2H", "SnS2-1T", "CdI2-CdI2", "BN-h", "TiSe2-1T", "WS2-2H", "HfSe2-1T")
OTHERS: Final = ("NaCl-rocksalt", "MgO-rocksalt", "KBr-rocksalt", "ZnS-sphalerite", "CdTe-sphalerite", "CaO-rocksalt")
DRAWN: Final[Doc] = {
    "name": "drawn",
    "dimension": 3,
    "compositions": {
        "draws": 300,
        "matgan": {"config": {"warm_up_epochs": 2, "adversarial_epochs": 0, "report_draws": 100, "width": 32}},
        "classifier": {"config": {"kind": "forest", "forest_trees": 20, "folds": 0}},
        "roost": {"config": {"epochs": 1, "width": 8, "hidden": 16, "trunk": [16]}},
        "energies_from": None,
        "gates": [{"name": "balanced", "field": "electronegativity_balanced", "is": True}],
    },
    "routes": {"template": {"structures": 2, "min_p_2d": None, "max_predicted_formation_energy": None}},
    "gates": [{"name": "valid", "field": "valid", "is": True}],
}


def rows() -> list[Doc]:
    """Records of the crystals, as a file of structures has them."""
    fields = ("structure", "band_gap", "formation_energy", "exfoliation_energy")
    return [
        {"material_id": doc["source_id"], **{field: doc[field] for field in fields if field in doc}}
        for doc in crystals(*LAYERED, *OTHERS)
    ]


def write_rows(file: Path, records: list[Doc]) -> None:
    """Write records as lines of JSON."""
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))


def write_campaigns(folder: Path, *more_sources: Doc) -> list[str]:
    """Write both campaigns and their source's file; returns the paths of the campaigns."""
    write_rows(source := folder / "lab.jsonl", rows())
    pulled = {"sources": [{"kind": "structures", "options": {"paths": [str(source)]}}, *more_sources]}
    files = []
    for campaign in (YAML(typ="safe").load(CAMPAIGN), DRAWN):
        file = folder / f"{campaign['name']}.yaml"
        file.write_text(json.dumps({**campaign, **pulled}))  # which is YAML as well
        files.append(str(file))
    return files
