"""Notebooks as pages, and drawings of imports as tables: a hook of mkdocs, so that nothing is fetched to show them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

_DRAWING = re.compile(r"```mermaid\nflowchart TD\n(.*?)```", re.DOTALL)
_ARROW = re.compile(r"(\w+) --> (\w+)")


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
    """Lead links to notebooks to their pages, and draw arrows between rooms as a table."""
    return as_table(markdown).replace(".ipynb)", ".md)")


def page_of(notebook: str) -> str:
    """Markdown of a notebook: its text, and its code as code."""
    parts = []
    for cell in json.loads(notebook)["cells"]:
        source = "".join(cell["source"]).strip()
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
    return "\n\n".join(parts) + "\n"


def as_table(markdown: str) -> str:
    """The page with each drawing of arrows as a table: which room imports which."""

    def table(drawing: re.Match[str]) -> str:
        imports: dict[str, list[str]] = defaultdict(list)
        for who, what in _ARROW.findall(drawing.group(1)):
            imports[who].append(f"`{what}`")
        rows = [f"| `{who}` | {', '.join(what)} |" for who, what in imports.items()]
        return "\n".join(["| room | imports |", "|---|---|", *rows])

    return _DRAWING.sub(table, markdown)
