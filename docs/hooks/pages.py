"""Notebooks as pages: a hook of mkdocs, so that nothing is fetched to show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def on_files(files: Any, config: Any) -> Any:
    """Put a page in the place of each notebook."""
    from mkdocs.structure.files import File

    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            files.remove(file)
            text = page_of(Path(file.abs_src_path).read_text(encoding="utf-8"))
            files.append(File.generated(config, file.src_uri.replace(".ipynb", ".md"), content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to notebooks to their pages."""
    return markdown.replace(".ipynb)", ".md)")


def page_of(notebook: str) -> str:
    """Markdown of a notebook: its text, and its code as code."""
    parts = []
    for cell in json.loads(notebook)["cells"]:
        source = "".join(cell["source"]).strip()
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
    return "\n\n".join(parts) + "\n"
