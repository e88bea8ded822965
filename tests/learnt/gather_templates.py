"""Writes the templates that come with the package: what stage `templates` makes of the bundled crystals and layers.

    EXFOLIO_HOME=EMPTY_FOLDER python tests/learnt/gather_templates.py

The registry in that folder gets the handbook and the list of known monolayers, and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

import zstandard
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.template_library_stage import TemplateStage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.builders.structures import bundled_templates
from exfolio.stores import schema
from exfolio.stores.connection import connect
from exfolio.stores.settings import load_settings

FOLDER = Path(bundled_templates.__file__).parent


def main() -> None:
    """Fill the registry, and write its templates."""
    with connect(load_settings(), autostart=True) as connection:
        schema.initialise(connection)
        for stage in (SourceStage("handbook"), SourceStage("known-monolayers"), TemplateStage()):
            print(run_stage(stage, connection))
        query = {"template_prototype": {"$exists": True}, "deprecated": False}
        wanted = {"_id": 0, **dict.fromkeys(bundled_templates.FIELDS, 1)}
        documents = list(connection.database["materials"].find(query, wanted).sort("material_id", 1))
    text = json.dumps(documents, separators=(",", ":"), sort_keys=True)
    path = FOLDER / bundled_templates.FILE
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(text.encode()))
    print(f"{path.name}: {len(documents)} templates, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
