"""Writes docs/models.md from the cards of the models that come with the package; `make figures` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from exfolio.builders.training.shipped.shipped_models import MOST_BYTES, shipped, shipped_kinds

Doc = dict[str, Any]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "models.md"
HEAD: Final = f"""# Models that come along

    exfolio predict 2d MoSSe TiNCl NaCl          # how likely a composition forms a two-dimensional material
    exfolio predict energy MgMn2O4 TiNCl         # formation energy (eV/atom) with its deviation
    exfolio predict oxidation MgMn2O4            # oxidation states, the likely ones first
    exfolio predict symmetry MgMn2O4             # space groups and cells
    exfolio predict structure MgMn2O4            # structures, from the bundled crystals and layers
    exfolio predict compositions --containing Li,Fe,O     # new ones, as you wish them

Neither a database nor a training is needed. The first three and `structure` (without --relax) take 1 to 2.5 s of one
core. What a model has learnt from itself is marked `seen`: what it says of that is no prediction, and what it draws of
it is not new. `none known` says that the classifier has learnt nothing of a composition's family.

A registry applies these models until it has trained its own: a campaign whose model has `train: false`, as the demo's,
takes the newest of the registry, and the one that comes along where there is none. Their ids begin with `shipped-`;
`--model ID` asks one of the registry instead. Compositions that a shipped generator draws are `novel` only where
neither the registry nor the training sets of these models hold them (`learnt_by_models`), and `energy_learnt` marks
an energy that Roost has learnt.

The weights ({MOST_BYTES // 10**6} MB at most, together) were made from public data; they hold no structure and no
energy of it, those of space groups its lattice parameters, the classifier counts of patterns of its compositions, and
`compositions.npz` hashes of these. `make models` makes all of them again. This page is made from their cards by
`make figures`.
"""


def page() -> str:
    """Text of the page."""
    return "\n".join([HEAD, *(_section(kind) for kind in shipped_kinds())])


def _section(kind: str) -> str:
    model = shipped(kind)
    assert model is not None
    said = model.card
    sources = "\n".join(f"- {one['name']}: {one['licence']}; {one['citation']}" for one in said["sources"])
    limits = "\n".join(f"- {limit}" for limit in said["limits"])
    figures = "\n".join(f"| {name} | {value} |" for name, value in _figures(said["metrics"]))
    changed = ", ".join(f"{name}={value}" for name, value in said["config"].items())
    return f"""## {kind}

`{said["model_id"]}`, {len(model.weights) / 1e6:.1f} MB; has learnt from {said["seen"]}.

| figure | value |
|---|---:|
{figures}

**Where it fails**

{limits}

**Data**

{sources}

**Made by** `{said["command"]}`, seed {said["seed"]}, in {said["seconds"]:.0f} s, with
{", ".join(f"{name} {value}" for name, value in said["versions"].items())}.

Settings: {changed}.
"""


def _figures(metrics: Doc) -> list[tuple[str, str]]:
    """Figures of a card with their standard errors, by protocol where there are several."""
    told = []
    for name, what in (("cross_validation", "by composition"), ("cross_validation_by_family", "by family")):
        judged = metrics.get(name)
        if judged is None or "mean" not in judged:
            continue
        told += [
            (
                f"{figure.replace('_', ' ')}, {what}",
                f"{judged['mean'][figure]:.4f} ± {judged['standard_error'][figure]:.4f}",
            )
            for figure in ("auc", "average_precision", "brier", "calibration_error")
        ]
        found = judged["thresholds"][0]
        told.append((f"two-dimensional ones found at .5, {what}", f"{found['true_positive_rate']:.1%}"))
        told.append((f"false-positive rate at .5, {what}", f"{found['false_positive_rate']:.4f}"))
    if told:
        return told
    for name, value in metrics.items():
        if not isinstance(value, int | float) or name.endswith("_standard_error"):
            continue
        error = metrics.get(f"{name}_standard_error")
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        told.append((name.replace("_", " "), shown if error is None else f"{shown} ± {error:.4f}"))
    return told


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
