"""Pages that are made when the documentation is built: commands, collections, settings, campaigns, the Python API.

A hook of mkdocs. What the pages say comes from the program itself, so that they can't be out of date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args, get_origin

import exfolio
import typer
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.cli.main import COMMANDS, PANELS, build
from exfolio.stores.query.language.fields import ALL_DOCUMENTS, fields_of
from exfolio.stores.settings import PREFIX, Settings
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those that mkdocs has found."""
    from mkdocs.structure.files import File

    for path, text in pages():
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of every page of the reference."""
    yield "reference/commands.md", commands_page()
    yield "reference/settings.md", settings_page()
    yield "reference/campaign-fields.md", campaign_page()
    yield "reference/python-api.md", python_page()
    for name, document in ALL_DOCUMENTS.items():
        yield f"reference/collections/{name}.md", collection_page(name, document)
    yield "reference/collections/index.md", collections_page()


def commands_page() -> str:
    """All commands with their help, by the rooms that `exfolio --help` shows."""
    app: Any = typer.main.get_command(build())
    parts = ["# Commands", "What `--help` says of each. `exfolio --help` lists them.", app.help]
    for room, heading in PANELS.items():
        parts.append(f"## {heading}")
        for module, names in COMMANDS.items():
            if module.partition(".")[0] == room:
                for name in names:
                    parts += _command(f"exfolio {name}", app.commands[name], 3)
    return "\n\n".join(parts) + "\n"


def _command(called: str, command: Any, depth: int) -> Iterator[str]:
    yield f"{'#' * depth} {called}"
    command = command.make_context(called, [], resilient_parsing=True).command
    yield _help(command.help or "")
    rows = [
        ("`" + ", ".join(option.opts + option.secondary_opts) + "`", option.help or "")
        if option.param_type_name == "option"
        else (f"`{option.metavar or option.name.upper()}`", getattr(option, "help", "") or "")
        for option in command.params
        if option.name != "help"
    ]
    if rows:
        yield _table(("argument or option", "means"), rows)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _command(f"{called} {name}", inner, depth + 1)


def _help(text: str) -> str:
    """Text of a command's help, its examples as code."""
    text = inspect.cleandoc(text).replace("\b", "").replace("\f", "")
    text, _, examples = re.sub(r"\n-{4,}\n", "\n", text).partition("Examples")
    lines = [line.strip() for line in examples.lstrip(":").splitlines() if line.strip()]
    code = "```bash\n" + "\n".join(lines) + "\n```" if lines else ""
    one = re.sub(r"Example: (.+)", r"```bash\n\1\n```", _plain(text))
    return f"{one}\n\n{code}".strip()


def _plain(text: str) -> str:
    return re.sub(r"\[/?[a-z ]*\]", "", text).strip()


def settings_page() -> str:
    """All settings with variable, default and meaning."""
    parts = [
        "# Settings",
        "From a TOML file or the environment, which wins: [where they are looked for](../registry.md#settings). "
        "`exfolio db settings` shows what holds on your machine.",
        _settings(Settings, PREFIX, ""),
    ]
    for name, field in Settings.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            parts += [f"## {name}", _settings(inner, f"{PREFIX}{name.upper()}__", f"{name}.")]
    return "\n\n".join(parts) + "\n"


def _settings(model: type[BaseModel], prefix: str, before: str) -> str:
    rows = [
        (f"`{before}{name}`", f"`{prefix}{name.upper()}`", _default(field), field.description or "")
        for name, field in model.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    return _table(("setting", "variable", "default", "means"), rows)


def _default(field: Any) -> str:
    if field.default_factory is not None:
        return "by the machine" if field.annotation in (int, float) else ""
    value = field.default
    if value in (None, PydanticUndefined, ()) or isinstance(value, SecretStr):
        return ""
    return f"`{value!s}`" if not isinstance(value, BaseModel) else ""


def campaign_page() -> str:
    """All fields of a campaign's file, part by part."""
    parts = [
        "# Fields of a campaign",
        "What they do together: [Campaigns](../campaigns.md). `exfolio campaign new NAME` writes a file to begin with.",
    ]
    parts += _model("The file", Campaign, set())
    return "\n\n".join(parts) + "\n"


def _model(title: str, model: type[BaseModel], seen: set[type]) -> Iterator[str]:
    seen.add(model)
    yield f"## {title}"
    yield inspect.cleandoc(model.__doc__ or "")
    rows, inner = [], {}
    for name, field in model.model_fields.items():
        shown = field.alias or name
        for kind in _models_in(field.annotation):
            inner.setdefault(kind, shown)
        default = "needed" if field.is_required() else _default(field)
        rows.append((f"`{shown}`", default, field.description or _first_line(field.annotation)))
    yield _table(("field", "default", "means"), rows)
    for kind, shown in inner.items():
        if kind not in seen:
            yield from _model(shown, kind, seen)


def _first_line(annotation: Any) -> str:
    return next((inspect.cleandoc(kind.__doc__ or "").splitlines()[0] for kind in _models_in(annotation)), "")


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not get_origin(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    if get_origin(annotation) is not None or isinstance(annotation, UnionType):
        return [kind for part in get_args(annotation) for kind in _models_in(part)]
    return []


def collections_page() -> str:
    """All collections with what they hold."""
    rows = [(f"[{name}]({name}.md)", _said(document)) for name, document in ALL_DOCUMENTS.items()]
    head = "What each field means is kept with the Document classes; `exfolio query NAME --fields-help` shows it too."
    return f"# Collections\n\n{head}\n\n{_table(('collection', 'holds'), rows)}\n"


def collection_page(name: str, document: Any) -> str:
    """All fields of a collection that can be asked for."""
    fields = fields_of(name)
    rows = [
        (f"`{field.path}`", field.kind, field.unit, field.description + _choices(field.choices))
        for field in fields.by_path.values()
    ]
    identity = f"Key: `{fields.key}`; class `exfolio.stores.documents.{document.__name__}`."
    return f"# {name}\n\n{_said(document)}\n\n{identity}\n\n{_table(('field', 'kind', 'unit', 'means'), rows)}\n"


def _said(document: Any) -> str:
    return inspect.cleandoc(document.__doc__ or "").splitlines()[0]


def _choices(choices: tuple[str, ...]) -> str:
    return f" ({', '.join(choices)})" if choices else ""


def python_page() -> str:
    """What `from exfolio import …` has, with its documentation."""
    parts = ["# Python API", "How it is used: [The registry from Python](../python.md)."]
    for name in sorted(exfolio.__all__):
        thing = getattr(exfolio, name)
        if not callable(thing):
            continue
        parts += [f"## {name}", f"```python\n{name}{inspect.signature(thing)}\n```", _numpy(thing.__doc__ or "")]
    return "\n\n".join(parts) + "\n"


def _numpy(text: str) -> str:
    """Markdown of a numpydoc docstring: headings in bold, names of parameters as code."""
    text = re.sub(r"(?m)^([A-Z][\w ]+)\n-{3,}$", r"\n**\1**\n", inspect.cleandoc(text))
    text = re.sub(r"(?m)^(\w[\w, ]*)\n {4}(?=\S)", r"- `\1`: ", text)
    return re.sub(r"(?ms)^>>> .*", lambda code: f"```pycon\n{code.group()}\n```", text)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    table = "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)
    return f'<div class="stacked" markdown>\n\n{table}\n\n</div>'  # one under the other on a phone


def _cell(text: str) -> str:
    """Text of a cell, with nothing in it that would end the cell or be read as markup."""
    text = " ".join(_plain(text).split()).replace("|", "\\|")
    if text.startswith(("`", "[")):
        return text
    return re.sub(r"([*_])", r"\\\1", text.replace("<", "&lt;"))
