"""Times the search for layers, cutting and matching against pymatgen's ways, on real crystals."""

from __future__ import annotations

import gzip
import json
import sys
import warnings
from pathlib import Path

from exfolio.models.structure.comparison.matching import Representatives
from exfolio.models.structure.covalent_radii import COVALENT_RADII
from exfolio.models.structure.dimensionality.clusters import clusters_by_tolerance
from exfolio.models.structure.dimensionality.layering import (
    DATABASE_RULES,
    DEFAULT_RULES,
    PAPER_RULES,
    LayerAnalysis,
    Rules,
    analyse_layers,
)
from exfolio.models.structure.serialization import from_plain, to_plain
from pymatgen.analysis.dimensionality import get_dimensionality_gorai, get_dimensionality_larsen
from pymatgen.analysis.graphs import StructureGraph
from pymatgen.analysis.local_env import CrystalNN, CutOffDictNN
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

sys.path.insert(0, str(Path(__file__).parent))
from report import compare

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SAMPLE = 60
TOLERANCE = 0.2


def larsen(structure: Structure) -> int:
    """Give pymatgen's dimensionality with the same bonds: covalent radii plus 0.2 Å."""
    elements = sorted({site.specie for site in structure})
    radii = {str(element): float(COVALENT_RADII[element.Z]) for element in elements}
    cutoffs = {(a, b): radii[a] + radii[b] + TOLERANCE for a in radii for b in radii}
    return int(get_dimensionality_larsen(StructureGraph.from_local_env_strategy(structure, CutOffDictNN(cutoffs))))


def gorai(structure: Structure) -> int:
    """Give pymatgen's dimensionality from slabs, a broken bond making a direction (bonds by Jmol's radii)."""
    return int(get_dimensionality_gorai(structure, max_hkl=1))


def analysed(structures: list[Structure], rules: Rules) -> list[LayerAnalysis]:
    """Analyses of many structures."""
    return [analyse_layers(structure, rules) for structure in structures]


def grouped(structures: list[Structure]) -> list[int]:
    """Number of the group of each structure."""
    known = Representatives()
    return [known.add(structure)[0] for structure in structures]


def main() -> None:
    """Print the ratios and how far the answers agree."""
    warnings.simplefilter("ignore")
    if not SHARED_DATA.is_dir():
        print("the folder of real data (shared/data beside the project) is not there")
        return
    with gzip.open(SHARED_DATA / "matbench_phonons_structures.json.gz", "rt") as file:
        dicts = [row[0] for row in json.load(file)["data"]]
    with gzip.open(SHARED_DATA / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        monolayers = [from_plain(json.loads(line)["structure"]) for line in lines]
    bulk = [from_plain(one) for one in dicts]
    sample = bulk[:: len(bulk) // SAMPLE]

    compare(
        "scores, strengths and charges against Larsen at one tolerance",
        lambda: analysed(bulk, DEFAULT_RULES),
        lambda: [larsen(one) for one in sample],
        ours_n=len(bulk),
        peer_n=len(sample),
        peer_name="get_dimensionality_larsen",
    )
    compare(
        "nine tolerances in Å against Larsen at one",
        lambda: analysed(bulk, PAPER_RULES),
        lambda: [larsen(one) for one in sample],
        ours_n=len(bulk),
        peer_n=len(sample),
        peer_name="get_dimensionality_larsen",
    )
    compare(
        "nine relative tolerances against Larsen at one",
        lambda: analysed(bulk, DATABASE_RULES),
        lambda: [larsen(one) for one in sample],
        ours_n=len(bulk),
        peer_n=len(sample),
        peer_name="get_dimensionality_larsen",
    )
    compare(
        "nine relative tolerances against Gorai",
        lambda: analysed(bulk, DATABASE_RULES),
        lambda: [gorai(one) for one in sample[:10]],
        ours_n=len(bulk),
        peer_n=10,
        repeats=1,
        peer_name="get_dimensionality_gorai",
    )
    ours = [max(cluster.dimensionality for cluster in clusters_by_tolerance(one, (TOLERANCE,))[0]) for one in sample]
    same = sum(a == larsen(one) for a, one in zip(ours, sample, strict=True))
    crystal = [get_dimensionality_larsen(CrystalNN().get_bonded_structure(one)) for one in sample]
    near = [one.dimensionality for one in analysed(sample, DATABASE_RULES)]
    print(f"dimensionality as Larsen's with the same bonds: {same} of {len(sample)}")
    angstrom = [one.dimensionality for one in analysed(sample, PAPER_RULES)]
    scored = [one.dimensionality for one in analysed(sample, DEFAULT_RULES)]
    for name, found in (("tolerances in Å", angstrom), ("relative tolerances", near), ("score and strength", scored)):
        agree = sum(a == b for a, b in zip(found, crystal, strict=True))
        print(f"dimensionality by {name} as Larsen's with CrystalNN: {agree} of {len(sample)}")

    compare(
        "grouping 980 monolayers",
        lambda: grouped(monolayers),
        lambda: StructureMatcher().group_structures(monolayers),
        ours_n=len(monolayers),
        repeats=1,
        peer_name="StructureMatcher.group_structures",
    )
    known = Representatives(monolayers)
    new = monolayers[::100]
    compare(
        "matching 10 monolayers against 980 known",
        lambda: [known.match(one) for one in new],
        lambda: [[one for one in monolayers if StructureMatcher().fit(query, one)] for query in new[:2]],
        ours_n=len(new),
        peer_n=2,
        repeats=3,
        peer_name="StructureMatcher.fit with each",
    )
    plain = [to_plain(one) for one in bulk]
    compare(
        "reading dicts, checked",
        lambda: [from_plain(one) for one in plain],
        lambda: [Structure.from_dict(one) for one in plain],
        ours_n=len(plain),
        peer_name="Structure.from_dict",
    )
    compare(
        "writing dicts",
        lambda: [to_plain(one) for one in bulk],
        lambda: [one.as_dict() for one in bulk],
        ours_n=len(bulk),
        peer_name="Structure.as_dict",
    )


if __name__ == "__main__":
    main()
