"""Makes a document of one VASP calculation: what was run, whether it converged, and what came out.

pymatgen reads the vasprun.xml, which `guards` has checked first; what the tags mean, and what the run may be used for,
is the business of `models.calculation`. It knows neither the database nor which structure the calculation is for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from pymatgen.io.vasp.inputs import Kpoints
from pymatgen.io.vasp.outputs import Vasprun

from ....models.calculation.band_edges import BandEdges, Channel, band_edges
from ....models.calculation.functional import functional_name, gga_tag, hubbards_of_run, is_meta_gga
from ....models.calculation.k_points import mesh_of_points
from ....models.calculation.numerical_quality import Run as UsedRun
from ....models.calculation.relaxation_end import (
    LOOSE_FORCE,
    electronic_entropy,
    largest_force,
    step_energy,
    unsaid_energy,
    why_atoms_moved,
    why_electrons_moved,
)
from ....models.calculation.run_kind import LINE_KINDS, MOLECULAR_DYNAMICS, RELAXATION, kind_of_run
from ....models.calculation.usability import Usability, has_unsaid_energy, judge
from ....models.calculation.vasp_tags import VaspTags
from ...engine.batches import Doc
from ...sources.files.open_files import quoted
from ...sources.records.raw_record import BadRecord
from ...sources.records.structure_fields import amounts_of, checked, structure_fields
from .crawl import Run, shown
from .guards import BadRun, plain_xml
from .manifest import read_manifest
from .valences import Species, species_of

ALWAYS_KEPT: Final = (
    *("ENCUT", "PREC", "EDIFF", "EDIFFG", "ISMEAR", "SIGMA", "ISPIN", "LASPH", "NSW", "IBRION", "ISIF"),
    *("NELECT", "NUPDOWN", "PSTRESS", "LSORBIT", "LNONCOLLINEAR"),
)
"""Settings that are kept also where the INCAR says nothing of them."""
_KEPT_WITH: Final = (("LHFCALC", ("AEXX", "HFSCREEN")), ("LUSE_VDW", ("AGGAC",)), ("LDAU", ("LDAUTYPE",)))
SETTINGS: Final = (
    *ALWAYS_KEPT,
    *("ADDGRID", "LREAL", "ALGO", "IALGO", "NELM", "KSPACING", "LDIPOL", "IDIPOL", "LATTICE_CONSTRAINTS", "PRECFOCK"),
    *(
        "GGA",
        "METAGGA",
        "LHFCALC",
        "HFSCREEN",
        "AEXX",
        "AGGAX",
        "ALDAX",
        "ALDAC",
        "AMGGAX",
        "AMGGAC",
        "LDAU",
        "LDAUTYPE",
        "LDAUL",
        "LDAUU",
        "LDAUJ",
    ),
    *(
        "IVDW",
        "LVDW",
        "LUSE_VDW",
        "AGGAC",
        "PARAM1",
        "PARAM2",
        "PARAM3",
        "ZAB_VDW",
        "BPARAM",
        "CPARAM",
        "IVDW_NL",
        "GGA_COMPAT",
    ),
    *("VDW_S6", "VDW_S8", "VDW_A1", "VDW_A2", "VDW_R0", "VDW_SR", "VDW_D", "VDW_C6", "VDW_RADIUS", "VDW_CNRADIUS"),
)
"""Tags that are kept: they decide whether two energies can be compared."""

PROGRAM: Final = "vasp"
"""How VASP calls itself. Energies of others that write such files count from another zero, whatever their tags."""
_TAIL: Final = 4096
"""Bytes at the end of a file within which its root element is closed."""
GROWN: Final = 0.15
"""Relative growth of the volume in a relaxation that leaves a tenth less than the cut-off asked for."""
_MESHES: Final = (Kpoints.supported_modes.Gamma, Kpoints.supported_modes.Monkhorst)
"""Styles of k-points whose divisions the file states."""

# What pymatgen raises on files that are XML but hold something else than VASP writes.
_UNREADABLE: Final = (ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError, ArithmeticError)


def parse_run(run: Run) -> Doc:
    """Read a calculation.

    Returns
    -------
    dict
        Fields of a `calculations` document, without its identity.

    Raises
    ------
    BadRun
        When it can't be used, with the reason.
    """
    with warnings.catch_warnings(record=True) as caught, plain_xml(run.vasprun) as path:
        warnings.simplefilter("always")
        name = quoted(run.vasprun)
        vasprun = _read(path, name)
        try:
            doc = _document(vasprun, species_of(path), set_aside=run.set_aside)
        except BadRecord as bad:
            raise BadRun(f"{name}: {bad.reason}", "Look at the calculation.") from None
        except _UNREADABLE as error:
            raise BadRun(_not_as_vasp_writes(name, error), "Fetch the file again.") from error
    doc["warnings"] = [*_told(caught), *doc["warnings"]]
    doc |= {"directory": shown(run.directory), "run": run.suffix or None, "set_aside": run.set_aside}
    if run.set_aside:
        doc["warnings"].insert(0, "an attempt that custodian set aside as failed")
    if run.manifest is not None:
        doc["manifest"], problem = read_manifest(run.manifest)
        doc["warnings"] += [problem] if problem else []
    return doc


def _read(path: Path, name: str) -> Vasprun:
    try:
        # A POTCAR is licensed and may be anything; the titles in vasprun.xml tell which were used.
        return Vasprun(path, parse_dos=False, parse_eigen=True, parse_potcar_file=False)
    except XMLSyntaxError as error:
        cut = "ends too early: the calculation still runs, or was cut off"
        whole = _is_whole(path)
        what = "is not well-formed XML" if whole else cut
        first = "Mend that line (an & or < of SYSTEM?)" if whole else "Run it to its end"
        raise BadRun(f"{name} {what} ({error.msg})", f"{first}, or fetch the file again.") from None
    except _UNREADABLE as error:
        raise BadRun(_not_as_vasp_writes(name, error), "Fetch the file again.") from error


def _is_whole(path: Path) -> bool:
    """Whether the root element is closed: a file that was cut off may end within a tag, or a number."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - _TAIL, 0))
        return b"</modeling>" in stream.read()


def _told(caught: list[warnings.WarningMessage]) -> list[str]:
    """What other libraries warned of: data, not something to print."""
    notes = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    # pymatgen's word on convergence holds the path; ours is in the fields.
    return [note for note in dict.fromkeys(notes) if "unconverged" not in note]


def _not_as_vasp_writes(name: str, error: BaseException) -> str:
    return f"{name} is not as VASP writes it: {type(error).__name__}: {error}"


def _document(vasprun: Vasprun, species: list[Species], *, set_aside: bool) -> Doc:
    if (program := str(vasprun.generator.get("program", "")).strip()).lower() != PROGRAM:
        raise BadRecord(f"it was written by {program or 'a program that does not say its name'}, not by VASP")
    if not vasprun.ionic_steps:
        raise BadRecord("it holds no ionic step")
    tags = VaspTags.of(vasprun.incar.data, vasprun.parameters.data)  # its own way in costs milliseconds
    last = vasprun.ionic_steps[-1]
    energy = _final_energy(last)
    structure = checked(vasprun.final_structure)
    initial = checked(vasprun.initial_structure)
    titles = [str(symbol) for symbol in vasprun.potcar_symbols]
    elements = [title.split()[1].partition("_")[0] for title in titles if len(title.split()) > 1]
    _check_elements(vasprun.atomic_symbols, species, titles, elements)
    hubbards = hubbards_of_run(tags, elements)
    mesh = _mesh(vasprun)
    kind = kind_of_run(tags, k_points_along_lines=mesh is None, k_point_weights=vasprun.actual_kpoints_weights)
    missing = unsaid_energy(last)
    unsaid = missing < 0 and has_unsaid_energy(tags, kind, missing, len(structure))
    functional = functional_name(tags, titles, hubbards, unsaid_dispersion=unsaid)
    movable = _movable(vasprun.initial_structure)
    electrons_moved = why_electrons_moved(tags, vasprun.ionic_steps)
    atoms_moved = why_atoms_moved(kind, tags, vasprun.ionic_steps, movable)
    unconverged = [f"the electrons of the last step are not converged: {electrons_moved}"] if electrons_moved else []
    if atoms_moved:
        what = "the molecular dynamics" if kind == MOLECULAR_DYNAMICS else "the relaxation"
        unconverged.append(f"{what} stopped before it converged: {atoms_moved}")
    neutral = sum(one.atoms * one.valence for one in species) if species else None
    doc: Doc = {
        **structure_fields(structure),
        "initial_structure": structure_fields(initial)["structure"],
        "composition": amounts_of(structure),
        "code": f"VASP {vasprun.vasp_version.strip()}",
        "functional": functional,
        "hubbards": hubbards,
        "potcar_symbols": titles,
        "task_type": kind,
        "energy": energy,
        "energy_per_atom": energy / len(structure),
        "converged_electronic": electrons_moved is None,
        "converged_ionic": atoms_moved is None,
        "converged": not unconverged,
        "spin_polarised": tags.number("ISPIN", 1) == 2,
        "settings": settings_of(tags),
        "kpoints": _kpoints(vasprun, mesh),
        "warnings": list(unconverged),
    }
    if is_meta_gga(tags) and not tags.on("LASPH"):
        doc["warnings"].append("LASPH is off: the energy of a meta-GGA lacks what is aspherical within the PAW spheres")
    if movable is not None and kind == RELAXATION and (held := _force_on_held(last, movable)) > LOOSE_FORCE:
        told = f"atoms that were held in place still feel {held:.2g} eV/Å: the energy is not a minimum's"
        doc["warnings"].append(told)
    if neutral is not None:
        doc["charge"] = round(neutral - tags.number("NELECT", neutral), 6)
    edges = _edges(vasprun, tags, doc)
    doc["trajectory"] = _trajectory(vasprun, doc["warnings"])
    run = UsedRun(
        tags=tags,
        kind=kind,
        functional=functional,
        structure=structure,
        potcar_titles=titles,
        species=elements,
        valence_electrons=neutral,
        mesh=mesh,
        band_gap=edges.gap if edges else None,
        filling_of_highest=_filling_of_highest(vasprun),
        entropy=electronic_entropy(last),
        unsaid_energy=missing,
        unconverged=unconverged,
        gap_doubt=edges.doubt if edges else "the file holds no eigenvalues",
        set_aside=set_aside,
    )
    return doc | usability_fields(judge(run))


def _check_elements(symbols: list[str], species: list[Species], titles: list[str], elements: list[str]) -> None:
    """Refuse atoms that are called by another element than their POTCAR is of: X is read as Xe, whatever it was."""
    if not len(species) == len(titles) == len(elements):
        return
    first = 0
    for one, title, element in zip(species, titles, elements, strict=True):
        named = {str(symbol) for symbol in symbols[first : first + one.atoms]}
        first += one.atoms
        if named - {element}:
            raise BadRecord(f"atoms are read as {', '.join(sorted(named))}, and their POTCAR is {title}")


def usability_fields(usability: Usability) -> Doc:
    """Fields of a document that say what a calculation is usable for."""
    return {
        "usable": usability.usable,
        "usable_for": list(usability.usable_for),
        "unusable_because": list(usability.reasons[usability.purpose]),
        "unusable_for": {str(purpose): list(why) for purpose, why in usability.reasons.items() if why},
    }


def settings_of(tags: VaspTags) -> Doc:
    """Settings that are kept: what VASP took where it says so, else what the INCAR says."""
    settings: Doc = {}
    for tag in SETTINGS:
        kept = tag in tags.told or tag in ALWAYS_KEPT or any(tags.on(part) and tag in its for part, its in _KEPT_WITH)
        value = tags.get(tag) if kept else None
        if value is not None and _storable(value):
            settings[tag] = value
    if "PREC" in settings:
        first = str(settings["PREC"]).strip().upper()[:1]
        settings["PREC"] = {"A": "Accurate", "N": "Normal", "H": "High"}.get(first, settings["PREC"])
    if gga := gga_tag(tags):
        settings["GGA"] = gga
    else:
        settings.pop("GGA", None)
    if metagga := tags.word("METAGGA"):
        settings["METAGGA"] = metagga
    else:
        settings.pop("METAGGA", None)
    return settings


def _final_energy(last: Doc) -> float:
    energy = step_energy(last)
    told: Doc = {}
    for step in (last, *last.get("electronic_steps", [])[-1:]):
        told |= {str(name): step[name] for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy") if name in step}
        for name, value in told.items():
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise BadRecord(f"the energy of the last step is no number ({name} is {value})")
    if energy is None:
        raise BadRecord("the last step has no total energy")
    return round(energy, 8)


def _movable(structure: Structure) -> NDArray[np.bool_] | None:
    """Which coordinates may move, (n, 3), by the structure that the run began with: later ones don't say."""
    flags = structure.site_properties.get("selective_dynamics")
    return None if flags is None else np.asarray(flags, dtype=bool)


def _force_on_held(last: Doc, movable: NDArray[np.bool_]) -> float:
    """Largest force, eV/Å, on an atom none of whose coordinates may move."""
    held = np.broadcast_to(~movable.any(axis=1, keepdims=True), movable.shape)
    return largest_force(last, held) or 0.0


def _mesh(vasprun: Vasprun) -> list[int] | None:
    """Divisions of the mesh of k-points; None where they lie along lines."""
    kpoints = vasprun.kpoints
    if kpoints.style in _MESHES and len(kpoints.kpts[0]) == 3:
        return [int(n) for n in kpoints.kpts[0]]
    if kpoints.style is Kpoints.supported_modes.Line_mode:
        return None
    return mesh_of_points(vasprun.actual_kpoints, vasprun.actual_kpoints_weights)


def _kpoints(vasprun: Vasprun, mesh: list[int] | None) -> Doc:
    facts: Doc = {"style": vasprun.kpoints.style.name.lower(), "count": len(vasprun.actual_kpoints)}
    return facts | ({"grid": mesh} if mesh else {})


def _storable(value: Any) -> bool:
    if isinstance(value, list):
        return all(_storable(item) for item in value)
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _edges(vasprun: Vasprun, tags: VaspTags, doc: Doc) -> BandEdges | None:
    """Band edges, put into the document with what is to be said of them."""
    if not vasprun.eigenvalues:
        return None
    spins = {spin.value: values for spin, values in vasprun.eigenvalues.items()}
    if -1 in spins and len(vasprun.actual_kpoints_weights):
        doc["magnetization"] = _moment(spins[1][..., 1], spins[-1][..., 1], vasprun.actual_kpoints_weights)
    names: dict[Channel, int] = {"up": 1, "down": -1} if -1 in spins else {"both": 1}
    edges = band_edges(
        {name: spins[value][..., 0] for name, value in names.items()},
        {name: spins[value][..., 1] for name, value in names.items()},
        np.asarray(vasprun.actual_kpoints_weights, dtype=np.float64),
        tags.number("NELECT", 0.0),
        spinors=tags.on("LNONCOLLINEAR") or tags.on("LSORBIT"),
    )
    doc["warnings"] += edges.notes
    if edges.doubt:
        doc["warnings"].append(f"no band gap to rely on: {edges.doubt}")
    if edges.gap is None:
        return edges
    told = {"band_gap": edges.gap, "band_gap_direct": edges.direct, "cbm": edges.cbm, "vbm": edges.vbm}
    doc |= {name: value for name, value in told.items() if value is not None}
    doc["band_gap_from"] = (
        "one k-point" if doc["kpoints"]["count"] == 1 else "lines" if doc["task_type"] in LINE_KINDS else "mesh"
    )
    if edges.by_channel:
        doc["band_gap_by_spin"] = dict(edges.by_channel)
    return edges


def _moment(up: NDArray[np.float64], down: NDArray[np.float64], weights: Sequence[float]) -> float:
    """Total moment of a cell, µB: electrons of spin up less those of spin down, by occupations (k-points, bands)."""
    share = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return round(float(share @ (up - down).sum(axis=1)), 4)


def _filling_of_highest(vasprun: Vasprun) -> float:
    levels = (vasprun.eigenvalues or {}).values()
    return max((float(values[:, -1, 1].max()) for values in levels if values.size), default=0.0)


def _trajectory(vasprun: Vasprun, notes: list[str]) -> Doc:
    steps = vasprun.ionic_steps
    facts: Doc = {"steps": len(steps)}
    energies = _finite(step_energy(step) for step in steps)
    if len(energies) < len(steps):
        notes.append(f"{len(steps) - len(energies)} of {len(steps)} ionic steps have no finite energy")
    if energies:
        facts |= {"first_energy": energies[0], "last_energy": energies[-1], "lowest_energy": min(energies)}
    force = largest_force(steps[-1])
    if force is not None:
        facts["largest_force"] = force
    elif len(steps[-1].get("forces", [])):
        notes.append("the last forces are not finite")
    stress = np.array(steps[-1].get("stress", []), dtype=np.float64)
    if stress.shape == (3, 3) and np.isfinite(stress).all():
        facts["stress"] = stress.round(6).tolist()
    first, last = vasprun.initial_structure.volume, vasprun.final_structure.volume
    facts["volume_change"] = float(last / first - 1.0)
    if facts["volume_change"] > GROWN:
        notes.append(
            f"the cell grew by {facts['volume_change']:.0%}, and its plane waves are those of the cell at the start: "
            "a static run of its end is needed for the energy"
        )
    return facts


def _finite(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
