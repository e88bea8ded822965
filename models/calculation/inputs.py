"""The VASP input of one calculation: Materials Project settings, and what a layer, or its comparison, needs beside.

Built on the input sets of pymatgen, so that energies fit the entries of Materials Project. Reads and writes no file but
pymatgen's POTCARs where these are asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import numpy as np
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure
from pymatgen.io.vasp.inputs import Incar, Kpoints, PmgVaspPspDirError, Poscar
from pymatgen.io.vasp.sets import (
    MPHSERelaxSet,
    MPRelaxSet,
    MPScanRelaxSet,
    MPScanStaticSet,
    MPStaticSet,
    VaspInputSet,
)

from ..structure.layered.in_plane_cell import cell_along_layers
from ..structure.serialization import check_structure
from ..structure.vacuum import is_monolayer_cell, set_vacuum
from .plan import Choices, Functional, Step

R2SCAN_RVV10_B: Final = 11.95
"""b of rVV10 with r2SCAN, J. Ning et al., Phys. Rev. B 106, 075422 (2022), doi:10.1103/PhysRevB.106.075422;
pymatgen's 15.7 is that of SCAN."""
MP_R2SCAN_SPACING: Final = 0.22
"""1/Å with 2π: spacing of k-points of the r2SCAN sets for a metal, and so safe for anything."""
EXFOLIATION_SETTINGS: Final[dict[str, Any]] = {"ISMEAR": 0, "SIGMA": 0.05, "EDIFF": 1e-6, "LREAL": False}
"""Same for bulk and layer, and fixed: Materials Project's EDIFF grows with the cell, its smearing is for bulk only, and
exfoliation energies are differences of some 10 meV/atom."""
EXFOLIATION_FORCES: Final = -0.01
"""EDIFFG of their relaxations: forces below 0.01 eV/Å, for bonds between layers are soft."""
LAYER_SETTINGS: Final[dict[str, Any]] = {"ISMEAR": 0, "SIGMA": 0.05}
"""The tetrahedron method interpolates in three dimensions, and a layer has k-points in two."""
HYBRID_SETTINGS: Final[dict[str, Any]] = {
    "NSW": 0,
    "ISMEAR": 0,
    "SIGMA": 0.05,
    "ISYM": 3,
    "LCHARG": False,
    "NELMIN": 5,
    "ICHARG": None,
    "ALGO": "Damped",
    "TIME": 0.4,
    "NELM": 200,
    "EDIFF": 1e-6,
    "LREAL": False,
    "PRECFOCK": "Normal",
}
"""What makes MP's hybrid set one for gaps, after its set for hybrid band structures, whose lists of single k-points
a gap does not need. MP starts from an earlier CHGCAR (ICHARG = 1); without the tag VASP takes the WAVECAR of the PBE
run before (`PBE_INCAR`). Damped, at TIME <= 0.5, converges hybrids where mixing may not
(https://www.vasp.at/wiki/LHFCALC). MP's EDIFF grows with the cell, its projectors are in real space and its exchange is
on a coarse grid (PRECFOCK = Fast, which saves time in relaxations): a gap, a difference of two levels, is to be right
to 10 meV. No NKRED, which leaves out k-points of the exchange."""
PBE_INCAR: Final = "INCAR.PBE"
"""File beside the INCAR of a hybrid run: input of the PBE run whose WAVECAR it starts from."""
_PBE_BEFORE: Final[dict[str, Any]] = {
    **dict.fromkeys(("LHFCALC", "HFSCREEN", "AEXX", "PRECFOCK", "TIME", "ISYM")),
    "ALGO": "Normal",
    "LWAVE": True,
    "LORBIT": None,
    "NELMIN": None,
}
"""How it differs: no exact exchange, its orbitals kept."""
F_MOMENTS: Final = {"Gd": 7.0, "U": 4.0, "Np": 5.0, "Pu": 6.0}
"""µB that a calculation starts from: unpaired electrons of Gd3+ (4f7) and of the atoms U (5f3 6d1), Np (5f4 6d1) and Pu
(5f6), by the configurations of the NIST Atomic Spectra Database as pymatgen has them. Materials Project has moments of
ions only, and starts these elements, whose POTCARs have their f electrons in the valence, at 0.6."""
_SETS: Final[dict[tuple[str, str], tuple[type[VaspInputSet], dict[str, Any]]]] = {
    ("PBE", "relax"): (MPRelaxSet, {}),
    ("PBE", "static"): (MPStaticSet, {}),
    ("r2SCAN", "relax"): (MPScanRelaxSet, {}),
    ("r2SCAN", "static"): (MPScanStaticSet, {}),
    ("optB88-vdW", "relax"): (MPRelaxSet, {"vdw": "optb88"}),
    ("optB88-vdW", "static"): (MPStaticSet, {"vdw": "optb88"}),
    ("r2SCAN+rVV10", "relax"): (MPScanRelaxSet, {"vdw": "rvv10"}),
    ("r2SCAN+rVV10", "static"): (MPScanStaticSet, {"vdw": "rvv10"}),
    ("HSE06", "static"): (MPHSERelaxSet, {}),
}


class NoInput(ValueError):
    """A structure for which no input can be written, with the reason."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input of one calculation.

    Attributes
    ----------
    files
        Text by file name: INCAR, KPOINTS, POSCAR, and POTCAR, or POTCAR.spec with the symbols, one a line; for a hybrid
        run INCAR.PBE as well, of the run in the same folder that is to come before.
    functional
        The functional as run, ``PBE+U`` where Hubbard terms are on.
    potcar_functional, potcar_symbols
        Which POTCARs, in the order of the POSCAR.
    notes
        What a person should know: warnings of the input sets, what was chosen for a layer.
    """

    files: dict[str, str]
    functional: str
    potcar_functional: str
    potcar_symbols: tuple[str, ...]
    notes: tuple[str, ...]


def inputs(structure: Structure, step: Step, choices: Choices | None = None, *, potcar: bool = False) -> Inputs:
    """Input files of a calculation, by name.

    Parameters
    ----------
    structure
        What is calculated. A layer is put upright into a cell with the chosen vacuum; the bulk of one into a cell with
        its layers along a and b, whose mesh has the same in-plane points.
    step
        Which calculation.
    choices
        As for the plan; the defaults when None.
    potcar
        Give a POTCAR, from the folder of POTCARs that pymatgen is told of by PMG_VASP_PSP_DIR, in place of the
        POTCAR.spec.

    Raises
    ------
    NoInput
        The structure is disordered or unsound, a layer has no vacuum, or there is no POTCAR for an element.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vasp_input = input_set(structure, step, choices)
        incar = vasp_input.incar
        symbols = tuple(vasp_input.potcar_symbols)
        files = {
            "INCAR": str(Incar(incar)),
            "KPOINTS": str(vasp_input.kpoints),
            "POSCAR": _poscar(vasp_input.structure, step.name),
        }
        if step.functional == "HSE06":
            changed = {**incar, **_PBE_BEFORE}
            files[PBE_INCAR] = str(Incar({tag: value for tag, value in changed.items() if value is not None}))
        if potcar:
            files["POTCAR"] = _potcar(vasp_input)
        else:
            files["POTCAR.spec"] = "\n".join(symbols)
    files = {name: text if text.endswith("\n") else f"{text}\n" for name, text in files.items()}
    notes = dict.fromkeys(
        str(warning.message).partition("\n")[0]
        for warning in caught
        if not issubclass(warning.category, DeprecationWarning | PendingDeprecationWarning)
    )
    if step.role == "layer" and step.task == "relax" and "LATTICE_CONSTRAINTS" not in incar:
        notes["ISIF = 2: the in-plane cell stays as it is"] = None
    if "LATTICE_CONSTRAINTS" in incar:
        notes["LATTICE_CONSTRAINTS: VASP before 6.5 does not know it in relaxations, and would relax the vacuum"] = None
    return Inputs(
        files=files,
        functional=f"{step.functional}+U" if incar.get("LDAU") else step.functional,
        potcar_functional=str(vasp_input.user_potcar_functional),
        potcar_symbols=symbols,
        notes=tuple(notes),
    )


def hubbards_of(functional: Functional, elements: Iterable[str]) -> dict[str, float]:
    """U by element, eV, that the input of a compound has by a functional.

    Examples
    --------
    >>> hubbards_of("PBE", ["Fe", "O"]), hubbards_of("PBE", ["Fe", "S"]), hubbards_of("r2SCAN", ["Fe", "O"])
    ({'Fe': 5.3}, {}, {})
    """
    by_anion = _SETS[functional, "static"][0].CONFIG["INCAR"].get("LDAUU", {})
    symbols = set(elements)
    us = by_anion.get(max(symbols, key=lambda symbol: Element(symbol).X), {})
    return {symbol: float(us[symbol]) for symbol in sorted(symbols & us.keys())}


def cutoff_of(functional: Functional) -> float:
    """ENCUT, eV, that the input by a functional has."""
    return float(_SETS[functional, "static"][0].CONFIG["INCAR"]["ENCUT"])


def input_set(structure: Structure, step: Step, choices: Choices | None = None) -> VaspInputSet:
    """Input set of a calculation as pymatgen has it, with its structure: what a workflow program takes.

    Raises
    ------
    NoInput
        As `inputs`.
    """
    choices = choices or Choices()
    if reason := check_structure(structure, ordered=True):
        raise NoInput(reason)
    cell = _bare(structure)
    if step.role == "layer":
        if not is_monolayer_cell(cell):
            raise NoInput("it is to be calculated as a layer, and its cell holds no vacuum")
        cell = set_vacuum(cell, choices.vacuum)
    elif step.role == "bulk":
        cell = cell_along_layers(cell)
    kind, options = _SETS[step.functional, step.task]
    cell = cell.get_sorted_structure()
    if missing := sorted({element.symbol for element in cell.composition.elements} - set(kind.CONFIG["POTCAR"])):
        raise NoInput(f"Materials Project has no POTCAR for {', '.join(missing)}")
    vasp_input = kind(structure=cell, user_incar_settings=_settings(step, cell, choices), **options)
    vasp_input.user_kpoints_settings = _mesh(vasp_input, cell, step)
    return vasp_input


def _poscar(structure: Structure, name: str) -> str:
    comment = f"{structure.composition.formula} {name}"
    return str(Poscar(structure, comment=comment).get_str(significant_figures=12))


def _potcar(vasp_input: VaspInputSet) -> str:
    try:
        return str(vasp_input.potcar)
    except PmgVaspPspDirError as error:
        raise NoInput("there is no folder of POTCARs: PMG_VASP_PSP_DIR is not set") from error
    except (OSError, ValueError) as error:
        raise NoInput(f"no POTCAR: {error}".replace("\n", " ")) from error


def _bare(structure: Structure) -> Structure:
    """Leave elements, positions and magnetic moments: oxidation states would change which moments are guessed."""
    cell = structure.copy()
    for name in cell.site_properties.keys() - {"magmom"}:
        cell.remove_site_property(name)
    if any(value is None for value in cell.site_properties.get("magmom", [])):
        cell.remove_site_property("magmom")
    cell.remove_oxidation_states()
    cell.properties = {}
    return cell


def _settings(step: Step, cell: Structure, choices: Choices) -> dict[str, Any]:
    """INCAR settings that differ from Materials Project's."""
    changed: dict[str, Any] = {}
    if cell.composition.get_el_amt_dict().keys() & F_MOMENTS.keys():
        changed["MAGMOM"] = _SETS[step.functional, step.task][0].CONFIG["INCAR"]["MAGMOM"] | F_MOMENTS
    if step.functional == "HSE06":
        changed |= HYBRID_SETTINGS
    if step.functional == "r2SCAN+rVV10":
        changed["BPARAM"] = R2SCAN_RVV10_B
    if step.role == "layer":
        changed |= LAYER_SETTINGS
        centre = [0.5, 0.5, float(np.mean(cell.frac_coords[:, 2]))]
        changed |= {"LDIPOL": True, "IDIPOL": 3, "DIPOL": [round(x, 6) for x in centre]}
        if step.task == "relax":
            changed["ISIF"] = 3 if choices.relax_in_plane else 2
            if choices.relax_in_plane:
                changed["LATTICE_CONSTRAINTS"] = ".TRUE. .TRUE. .FALSE."
    if step.functional in ("optB88-vdW", "r2SCAN+rVV10"):
        changed |= EXFOLIATION_SETTINGS
        if step.task == "relax":
            changed["EDIFFG"] = EXFOLIATION_FORCES
    return changed


def _mesh(made: VaspInputSet, cell: Structure, step: Step) -> Kpoints:
    """As dense as the input set has it, with one point along a layer's vacuum.

    The sets' densities hold per reciprocal volume in such a way that in-plane divisions do not depend on the height of
    an upright cell: a layer and its bulk, whose third vector is taken for upright, get the same.
    """
    if step.role == "bulk":
        a, b, c = cell.lattice.matrix
        normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        cell = Structure([a, b, (c @ normal) * normal], cell.species, cell.frac_coords)
    if "KSPACING" in made.CONFIG["INCAR"]:
        heights = np.linalg.norm(cell.lattice.reciprocal_lattice.matrix, axis=1)  # with 2π, as VASP reads KSPACING
        divisions = [max(1, int(np.ceil(length / MP_R2SCAN_SPACING - 1e-6))) for length in heights]
        style = Kpoints.supported_modes.Gamma
    else:
        # Everything but the relaxation and static run of a crystal is Gamma-centred: gaps and layers want that point.
        density = getattr(made, "reciprocal_density", None) or made.CONFIG["KPOINTS"]["reciprocal_density"]
        as_mp = step.role == "crystal" and step.functional == "PBE"
        mesh = Kpoints.automatic_density_by_vol(cell, int(density), force_gamma=not as_mp)
        divisions, style = list(mesh.kpts[0]), mesh.style
    if step.functional == "HSE06":
        divisions = _with_corners(divisions, cell)
    if step.role == "layer":
        divisions[2] = 1
    return Kpoints(f"{step.name} {step.role}", 0, style, (tuple(divisions),), (0, 0, 0))


def _with_corners(divisions: list[int], cell: Structure) -> list[int]:
    """Change a mesh a little so that it holds the zone's corners and edges, where gaps often are.

    Half-way points need even divisions; K of a hexagonal plane, at thirds, needs multiples of three as well.
    """
    a, b, _ = cell.lattice.abc
    hexagonal = abs(a - b) < 1e-3 * a and abs(abs(90 - cell.lattice.gamma) - 30) < 0.1
    even = [n if n == 1 else 2 * ceil(n / 2) for n in divisions]
    if hexagonal and max(divisions[:2]) > 1:
        even[:2] = [max(6, 6 * round(n / 6)) for n in divisions[:2]]
    return even
