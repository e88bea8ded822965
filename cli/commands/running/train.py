"""``exfolio train``: train a model on what the registry holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ....builders.candidates.campaigns.yaml_limits import BeyondLimits, check_limits, read_limited
from ....builders.engine.execution.runner import run_stage
from ....builders.training.model_kinds import KINDS, kind_of_model
from ....builders.training.training_stage import TrainingStage
from ....stores.connection import connect
from ....stores.errors import ConfigurationError
from ...display.console import JsonOption, begin, err, out, print_json
from ...display.progress import stage_progress
from ...views.model_figures import print_model


def register(app: typer.Typer) -> None:
    """Add ``train`` to the app."""
    app.command()(train)


def train(
    kind: Annotated[str, typer.Argument(help=f"Kind of model: {', '.join(KINDS)}.")],
    *,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with settings of the model; the defaults without.")
    ] = None,
    settings_given: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, NAME=VALUE; wins over the file.")
    ] = None,
    queries: Annotated[
        list[str] | None,
        typer.Option("--filter", help="What a training set is drawn from, NAME=FILTER on materials (OPTIMADE)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    show_settings: Annotated[
        bool, typer.Option("--settings", help="Show the settings and filters of this kind, and leave.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Train a model on the known materials; the stages that apply such a model take the newest one.

    The training set is frozen, and recorded with config, seed, figures and versions. A training that is cut off goes
    on from its last checkpoint when the same command is given again. One that was done is not done again, unless the
    materials have changed.

    Examples
    --------
      exfolio train classifier --filter positives='source = "2dmatpedia"'

      exfolio train roost --config roost.yaml --seed 1

      exfolio train matgan --set epochs=20 --device cpu
    """
    settings = begin()
    if show_settings:
        _print_settings(kind)
        return
    stage = TrainingStage(
        kind,
        config={**_from_file(config), **_pairs(settings_given or [], "--set", as_yaml=True)},
        queries=_pairs(queries or [], "--filter"),
        seed=seed,
        device=device,
        on_new_data=True,
    )
    with connect(settings, autostart=True) as connection:
        with stage_progress(quiet=json) as progress:
            report = run_stage(stage, connection, progress=progress)
        model = connection.database["trained_models"].find_one(
            {"request": stage.request, "deprecated": False}, {"_id": 0, "facets": 0}, sort=[("created_at", -1)]
        )
        if model is None:
            raise typer.Exit(1)
        if json:
            print_json(model)
            return
        if not report.inserted:
            err.print("This model has been trained already, on the same data.", soft_wrap=True)
        print_model(model)


def _print_settings(kind: str) -> None:
    described = kind_of_model(kind)()
    out.print(described.describe_settings(), soft_wrap=True)
    for name, query in described.queries.items():
        out.print(f"--filter {name}={query or '(all materials)'}", soft_wrap=True, markup=False)


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = _loaded(read_limited(path), str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not valid YAML: it is no text in UTF-8") from None
    except BeyondLimits as error:
        raise ConfigurationError(f"{path}: {error.problem}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: settings are lines such as epochs: 20, not a {type(content).__name__}")
    return content


def _pairs(given: list[str], option: str, *, as_yaml: bool = False) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise ConfigurationError(f"{option} {pair}: has to be NAME=VALUE")
        pairs[name.strip()] = _loaded(value, f"{option} {name.strip()}") if as_yaml else value
    return pairs


def _loaded(text: str, where: str) -> Any:
    try:
        check_limits(text)
        return YAML(typ="safe").load(text)
    except BeyondLimits as error:
        raise ConfigurationError(f"{where}, line {error.line}: {error.problem}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{where}, line {line}: not valid YAML: {error.problem}") from None
    except YAMLError:
        raise ConfigurationError(f"{where}: not valid YAML: it has characters that no text has") from None
