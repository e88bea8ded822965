"""Reads campaign files: YAML, checked against what a campaign may say, with errors that name file, line and remedy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from ....stores.errors import ConfigurationError
from .campaign import FROM_FILE, Campaign
from .yaml_limits import BeyondLimits, check_limits, read_limited


class CampaignError(ConfigurationError):
    """A campaign file that can't be used; names the file, the line and what would be right."""


def shipped() -> list[str]:
    """Names of the campaigns that come with exfolio."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in files(__package__).iterdir() if entry.name.endswith(".yaml")
    )


def load(name_or_path: str) -> Campaign:
    """Load a campaign by the name of a shipped one, or by the path of a file.

    Raises
    ------
    CampaignError
        There is none, or it is wrong: names file, line, and what would be right.
    """
    if name_or_path in shipped():
        resource = files(__package__).joinpath(f"{name_or_path}.yaml")
        return parse(resource.read_text(encoding="utf-8"), f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if not path.is_file():
        raise CampaignError(
            f"no campaign is called {name_or_path!r}, and there is no such file",
            f"Shipped campaigns: {', '.join(shipped())}. For one of your own give the path of its YAML file.",
        )
    try:
        # Without .., so that files keep their names wherever the campaign is named from.
        return parse(read_limited(path), str(path), Path(os.path.normpath(path.absolute())).parent)
    except BeyondLimits as error:
        raise CampaignError(f"{path}: {error.problem}", _REMEDY) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(f"{path}: can't be read: {error}") from error


def parse(text: str, file: str, folder: Path | None = None) -> Campaign:
    """Make a campaign of YAML text.

    Parameters
    ----------
    text
        The YAML.
    file
        Names it in errors.
    folder
        Where paths in it begin that are not absolute; the working directory without.

    Raises
    ------
    CampaignError
        As `load`.
    """
    try:
        check_limits(text)
        content = YAML(typ="rt").load(StringIO(text))
    except BeyondLimits as error:
        raise CampaignError(f"{file}, line {error.line}: {error.problem}", _REMEDY) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CampaignError(f"{file}, line {line}: not valid YAML: {error.problem}", _REMEDY) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise CampaignError(f"{file}, line {line}: not valid YAML: {error.reason}", _REMEDY) from None
    if not isinstance(content, CommentedMap):
        content_kind = "the file is empty" if content is None else f"this is a {type(_plain(content)).__name__}"
        problem = f"a campaign is a mapping with name, gates and so on; {content_kind}"
        raise CampaignError(f"{file}, line 1: {problem}", _REMEDY)
    plain = _plain(content)
    if folder is not None:
        _find_from(folder, plain)
    try:
        return Campaign.model_validate(plain, context=FROM_FILE)
    except ValidationError as error:
        problems = [_explain(problem, content, file) for problem in error.errors(include_url=False)]
    raise CampaignError("\n".join(problems), _REMEDY)


def line_of(text: str, location: Sequence[str | int]) -> int:
    """Line of a campaign's YAML text, from 1, at which a field stands; of the nearest around it where it is not there.

    Parameters
    ----------
    location
        Names of fields, and places in lists, from the outermost.
    """
    content = YAML(typ="rt").load(StringIO(text))
    return _line_of(content, list(location))[0]


_REMEDY = "Correct the line; docs/campaigns.md describes the fields of a campaign, two-dimensional.yaml is an example."
_MESSAGES = {
    "missing": "this field is needed",
    "string_pattern_mismatch": "lower case letters, digits and dashes only, at most 63",
    "tuple_type": "has to be a list",
    "model_type": "has to be a mapping of fields",
}


def _find_from(folder: Path, campaign: dict[str, Any]) -> None:
    """Have the paths of a campaign begin where its file is, whichever folder it is refreshed from."""
    compositions = campaign.get("compositions")
    if isinstance(compositions, dict) and isinstance(file := compositions.get("formulas_from"), str):
        compositions["formulas_from"] = str(folder / Path(file).expanduser())
    sources = campaign.get("sources")
    for source in sources if isinstance(sources, list) else ():
        options = source.get("options") if isinstance(source, dict) else None
        if not isinstance(options, dict):
            continue
        if isinstance(paths := options.get("paths"), str):
            options["paths"] = str(folder / paths)
        elif isinstance(paths, list):
            options["paths"] = [str(folder / path) if isinstance(path, str) else path for path in paths]


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    return float(node) if isinstance(node, float) else str(node)


def _explain(problem: Any, content: CommentedMap, file: str) -> str:
    location = [*problem["loc"]]
    if problem["type"] == "same_name":
        location.append(problem["ctx"]["index"])
    line, where = _line_of(content, location)
    message = _MESSAGES.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "extra_forbidden":
        message = f"no such field; there are: {', '.join(_fields_beside(location))}"
    elif not isinstance(problem["input"], dict | list) and problem["type"] != "same_name":
        message += f" (is {problem['input']!r})"
    return f"{file}, line {line}: {where}: {message}" if where else f"{file}, line {line}: {message}"


def _fields_beside(location: Sequence[Any]) -> list[str]:
    model: type[BaseModel] = Campaign
    for part in location[:-1]:
        inner = (field.annotation for name, field in model.model_fields.items() if part in (name, field.alias))
        model = next((described for annotation in inner if (described := _model_in(annotation))), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for part in get_args(annotation) if (inner := _model_in(part))), None)


def _line_of(content: CommentedMap, location: list[Any]) -> tuple[int, str]:
    node: Any = content
    line = int(content.lc.line) + 1
    met: list[str] = []
    for part in location:
        if isinstance(node, CommentedMap) and part in node:
            line = int(node.lc.key(part)[0]) + 1
            node = node[part]
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = int(node.lc.item(part)[0]) + 1
            node = node[part]
        elif isinstance(node, CommentedMap | CommentedSeq):  # what is missing
            met.append(str(part))
            break
        else:  # a member of a union, a number of a pair
            break
        met.append(str(part))
    return line, ".".join(met)
