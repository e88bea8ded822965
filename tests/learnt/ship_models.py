"""Trains the models that come with the package, from public data, and writes their weights and cards.

    python tests/learnt/ship_models.py [KIND …] [--data FOLDER] [--out FOLDER]

What is learnt is read from files as they are published, not from a registry, so that the same command gives the same
models. `make models` runs it; the classifier takes minutes of one core, MatGAN two, Roost a quarter of an hour.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from exfolio.builders.engine.version import VERSION
from exfolio.builders.training.model_kind import Desk
from exfolio.builders.training.model_kinds import kind_of_model
from exfolio.builders.training.shipped.learnt_compositions import write as write_learnt
from exfolio.builders.training.shipped.shipped_models import write
from exfolio.models.composition.classifier.training_compositions import training_set
from exfolio.models.composition.formula.formulas import parse, reduced_formulas
from exfolio.models.composition.one_hot import representable
from exfolio.models.composition.roost.learner import RoostLearner, TrainingSet, network_of
from exfolio.models.composition.roost.model import RoostConfig, RoostEnsemble, predict
from exfolio.models.learning.loop import seed_everything, train
from exfolio.models.learning.weights import pack, unpack
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.symmetry.structure_cells import conventional
from exfolio.models.structure.vacuum import is_monolayer_cell
from pymatgen.core.structure import Structure

Doc = dict[str, Any]

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
SHIPPED: Final = Path(__file__).resolve().parents[2] / "builders" / "training" / "shipped"

MP: Final = {
    "name": "Materials Project, as in Matbench v0.1 (mp_e_form, mp_gap)",
    "licence": "CC BY 4.0",
    "citation": "Jain et al., APL Mater. 1, 011002 (2013); Dunn et al., npj Comput. Mater. 6, 138 (2020)",
}
BARTEL: Final = {
    "name": "Materials Project, least formation energies of 85,014 compositions (critexam)",
    "licence": "CC BY 4.0",
    "citation": "Jain et al., APL Mater. 1, 011002 (2013); Bartel et al., npj Comput. Mater. 6, 97 (2020)",
}
TWO_D: Final = (
    {
        "name": "2DMatPedia, compositions",
        "licence": "open access, to be cited",
        "citation": "Zhou et al., Sci. Data 6, 86 (2019)",
    },
    {
        "name": "JARVIS-DFT, exfoliable materials, as in Matbench v0.1 (jdft2d)",
        "licence": "public domain (NIST)",
        "citation": "Choudhary et al., Sci. Rep. 7, 5179 (2017)",
    },
    {
        "name": "V2DB, predicted by machine learning",
        "licence": "open access, to be cited",
        "citation": "Sorkun et al., npj Comput. Mater. 6, 106 (2020)",
    },
)

LISTS: Final = ("2dmatpedia_formulas", "matbench_jdft2d", "v2db_predictions")
"""Files with compositions that somebody calls two-dimensional, in the order of `TWO_D`."""


def column(data: Path, name: str) -> list[str]:
    """Reduced formulas of a file, each once, sorted."""
    with gzip.open(data / f"{name}.csv.gz", "rt") as lines:
        return sorted(set(reduced_formulas([row.get("formula") or row["Material"] for row in csv.DictReader(lines)])))


def two_dimensional(data: Path) -> list[str]:
    """Compositions that any source calls two-dimensional."""
    return sorted({formula for name in LISTS for formula in column(data, name)})


def materials_project(data: Path) -> list[str]:
    """All compositions of the Materials Project at hand."""
    return sorted({*column(data, "matbench_mp_e_form"), *column(data, "matbench_mp_gap")})


def classifier(data: Path, out: Path) -> None:
    """Train on all two-dimensional compositions against those of the Materials Project, judged by two protocols."""
    kind = kind_of_model("classifier")({"folds": 5, "family_folds": 5})
    learnt, is_2d = training_set(two_dimensional(data), materials_project(data))
    numbers = {"two_dimensional": int(is_2d.sum()), "others": int((~is_2d).sum())}
    told = {
        "sources": [*TWO_D, MP],
        "seen": f"{numbers['others']:,} compositions of the Materials Project as not two-dimensional",
        "limits": [
            "A composition of the Materials Project that nobody has looked at as a layer counts as none.",
            "Without a known relative (`relatives` 0) the figures are those of the folds by family.",
        ],
    }
    _train(kind, {"formulas": learnt, "is_2d": [bool(flag) for flag in is_2d]}, numbers, told, out)


def generated_from(data: Path) -> list[str]:
    """All compositions known to any of the sources that fit the generator's array."""
    known = sorted({*two_dimensional(data), *materials_project(data)})
    parsed = parse(known)
    reasons = representable(parsed).reasons
    return [name for place, name in enumerate(known) if place not in reasons and parsed.nelements[place] > 1]


def matgan(data: Path, out: Path) -> None:
    """Train the sequential generator on all compositions known to any of the sources."""
    kind = kind_of_model("matgan")()
    learnt = generated_from(data)
    told = {
        "sources": [*TWO_D, MP],
        "seen": f"{len(learnt):,} compositions of the Materials Project and of lists of 2D materials",
        "limits": [
            "At most 8 atoms of an element in the reduced formula, 85 elements, at least two of them.",
            "The sequential generator, not the published networks.",
            "New to its training set is not new to the world.",
        ],
    }
    _train(kind, {"learnt": learnt, "held_out": []}, {"learnt": len(learnt)}, told, out)


def _train(kind: Any, content: Doc, numbers: Doc, told: Doc, out: Path) -> None:
    seed_everything(0, 2**32 - 1)  # as the stage that trains in a registry does
    desk = Desk("cpu", threads=2, progress=lambda done, of, _figures: print(f"{kind.name}: {done} of {of}", flush=True))
    trained = kind.train(content, 0, desk)
    described = {"kind": kind.name, "config": kind.config, "seed": 0, "data_query": {}, "data": numbers}
    metrics = {name: _without_curves(figure) for name, figure in trained.metrics.items()}
    # Of shares of records that one draw of folds has judged, the binomial error.
    records = numbers["learnt"] if kind.name.startswith("space-groups") else 0
    for name in [name for name in metrics if records and "_top_" in name]:
        metrics[f"{name}_standard_error"] = (metrics[name] * (1 - metrics[name]) / records) ** 0.5
    _write(out, described | {"metrics": metrics, "seconds": round(trained.seconds, 1)}, trained.weights, told)


def _without_curves(figure: Any) -> Any:
    """What a card keeps of a figure: of a cross validation not what is for plots alone."""
    if not isinstance(figure, dict):
        return figure
    dropped = (
        ("curves", "importance", "assessment", "share", "figures", "within")
        if "structures" in figure
        else (
            "curves",
            "importance",
            "assessment",
        )
    )
    return {name: value for name, value in figure.items() if name not in dropped}


def published_split(data: Path) -> dict[str, tuple[list[str], list[float]]]:
    """Formulas and formation energies (eV/atom) by part of the split of Bartel et al. (2020)."""
    parts: dict[str, tuple[list[str], list[float]]] = {}
    with gzip.open(data / "critexam.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            formulas, energies = parts.setdefault(row["split"], ([], []))
            formulas.append(row["formula"])
            energies.append(float(row["formation_energy_per_atom"]))
    return parts


def roost(data: Path, out: Path) -> None:
    """Train one network that is told of no known energy, as its weights then hold no data; the published split."""
    parts = published_split(data)
    config = RoostConfig(known_energies=False, epochs=24)
    seed_everything(0, 2**32 - 1)
    begun = time.perf_counter()
    learner = RoostLearner(config, TrainingSet.of(*parts["train"]), TrainingSet.of(*parts["val"]), seed=0)
    training = train(
        learner,
        epochs=config.epochs,
        seed=0,
        watch="validation_mae",
        progress=lambda done, of, figures: print(f"roost: {done} of {of}, {figures}", flush=True),
    )
    ensemble = RoostEnsemble((network_of(config, training.best),))
    finish_roost(ensemble, config, parts, time.perf_counter() - begun, out)


def finish_roost(
    ensemble: RoostEnsemble,
    config: RoostConfig,
    parts: dict[str, tuple[list[str], list[float]]],
    seconds: float,
    out: Path,
) -> None:
    """Round the weights to half precision, measure what is left, and write it."""
    weights = halved(ensemble.to_bytes(), "roost")
    rounded = RoostEnsemble.from_bytes(weights)
    metrics: Doc = {}
    for part, name in (("val", "validation"), ("test", "test")):
        formulas, energies = parts[part]
        errors = np.abs(predict(rounded, formulas).mean - np.array(energies))
        metrics[f"{name}_mae"] = float(errors.mean())
        metrics[f"{name}_mae_standard_error"] = float(errors.std(ddof=1) / len(errors) ** 0.5)
        metrics[f"{name}_median"] = float(np.median(errors))
        print(f"roost, {name}: {metrics[f'{name}_mae']:.4f} ± {metrics[f'{name}_mae_standard_error']:.4f} eV/atom")
    numbers = {f"{part}_compositions": len(formulas) for part, (formulas, _) in parts.items()}
    told = {
        "sources": [BARTEL],
        "seen": f"{len(parts['train'][0]):,} compositions of the Materials Project, {len(parts['val'][0]):,} chose the "
        "best epoch",
        "limits": [
            "Least formation energy of a composition by PBE and PBE+U with the Materials Project's corrections.",
            "Errors grow for elements and kinds of compounds that are rare there: see the deviation it gives.",
        ],
    }
    described = {"kind": "roost", "config": config.to_dict(), "seed": 0, "data_query": {}, "data": numbers}
    _write(out, described | {"metrics": metrics, "seconds": round(seconds, 1)}, weights, told)


def space_groups(data: Path, out: Path) -> None:
    """Train on the space groups and cells of the layers at hand."""
    with gzip.open(data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        structures = [from_plain(json.loads(line)["structure"]) for line in lines]
    _train_space_groups("space-groups", [one for one in structures if is_monolayer_cell(one)], TWO_D[0], out)


def bulk_space_groups(data: Path, out: Path) -> None:
    """Train on the space groups and cells of the bulk crystals at hand."""
    with gzip.open(data / "matbench_phonons_structures.json.gz", "rt") as file:
        structures = [from_plain(row[0]) for row in json.load(file)["data"]]
    source = {
        "name": "Materials Project, crystals of Matbench v0.1 (phonons)",
        "licence": "CC BY 4.0",
        "citation": "Petretto et al., Sci. Data 5, 180065 (2018); Dunn et al., npj Comput. Mater. 6, 138 (2020)",
    }
    _train_space_groups("space-groups-bulk", structures, source, out)


def _train_space_groups(name: str, structures: list[Structure], source: Doc, out: Path) -> None:
    kind = kind_of_model(name)({"folds": 5})
    dimension = int(kind.config["dimension"])
    found = [
        (str(one.composition.reduced_formula), *symmetrised)
        for one in structures
        if (symmetrised := conventional(one, dimension=dimension, tolerance=kind.config["tolerance"])) is not None
    ]
    learnt = sorted({(formula, number, tuple(round(value, 6) for value in cell)) for formula, number, cell in found})
    content = {
        "formulas": [one[0] for one in learnt],
        "space_groups": [one[1] for one in learnt],
        "lattices": [list(one[2]) for one in learnt],
    }
    told = {
        "sources": [source],
        "seen": f"{len(learnt):,} {'layers' if dimension == 2 else 'crystals'} of {len(set(content['formulas'])):,} "
        f"compositions, {'nearly all made from crystals ' if dimension == 2 else ''}of the Materials Project",
        "limits": [
            f"Space groups that none of these has get no probability; {len(set(content['space_groups']))} are known.",
            "Unlike the other weights these hold the lattice parameters of what was learnt, without formulas or atoms.",
            "No campaign applies it unasked: a registry ranks by space groups once it has trained a model of its own.",
        ],
    }
    _train(kind, content, {"learnt": len(learnt), "structures": len(structures)}, told, out)


def halved(packed: bytes, kind: str) -> bytes:
    """Weights with their numbers in half precision; the networks take them back to single precision."""
    config, state = unpack(packed, kind)

    def half(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32 and value.dim() > 1:
            return value.half()
        if isinstance(value, dict):
            return {name: half(inner) for name, inner in value.items()}
        return [half(inner) for inner in value] if isinstance(value, list) else value

    return pack(kind, config, half(state))


def _write(out: Path, described: Doc, weights: bytes, told: Doc) -> None:
    versions = {"exfolio": VERSION, "python": platform.python_version()}
    versions |= {name: version(name) for name in ("torch", "numpy", "scikit-learn")}
    told = {**told, "command": f"python tests/learnt/ship_models.py {described['kind']}"}
    path = write(out, described | {"versions": versions}, weights, told)
    print(f"{path}: {len(weights) / 1e6:.2f} MB, {json.dumps(described['data'])}", flush=True)


MODELS: Final[dict[str, Callable[[Path, Path], None]]] = {
    "classifier": classifier,
    "matgan": matgan,
    "roost": roost,
    "space-groups": space_groups,
    "space-groups-bulk": bulk_space_groups,
}


def learnt_compositions(data: Path, out: Path) -> None:
    """Write what each of the models has learnt from."""
    parts = published_split(data)
    by_kind = {
        "classifier": [*two_dimensional(data), *materials_project(data)],
        "matgan": generated_from(data),
        "roost": reduced_formulas([*parts["train"][0], *parts["val"][0]]),
    }
    path = write_learnt(out, by_kind)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, { ({kind: len(set(own)) for kind, own in by_kind.items()}) }")


def main() -> None:
    """Train what is asked for, all without."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(MODELS)}; all without")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for kind in given.kinds or MODELS:
        MODELS[kind](given.data, given.out)
    learnt_compositions(given.data, given.out)


if __name__ == "__main__":
    main()
