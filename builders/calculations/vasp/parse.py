"""Makes a document of one VASP calculation: what was run, whether it converged, and what came out.

pymatgen reads the vasprun.xml, which `guards` has checked first; what the tags mean, and what the run may be used for,
is the business of `models.calculation`. It knows neither the database nor which structure the calculation is for.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped]
from pymatgen.io.vasp.inputs import Kpoints
from pymatgen.io.vasp.outputs import Vasprun

from ....models.calculation.functional import functional_name, hubbards_of_run, is_meta_gga
from ....models.calculation.k_points import mesh_of_points
from ....models.calculation.numerical_quality import Run as UsedRun
from ....models.calculation.relaxation_end import (
    LOOSE_FORCE,
    electronic_entropy,
    unsaid_energy,
    why_atoms_moved,
    why_electrons_moved,
)
from ....models.calculation.run_kind import MOLECULAR_DYNAMICS, RELAXATION, kind_of_run
from ....models.calculation.usability import Usability, has_unsaid_energy, judge
from ....models.calculation.vasp_tags import VaspTags
from ...engine.batches import Doc
from ...sources.files.open_files import quoted
from ...sources.records.raw_record import BadRecord
from ...sources.records.structure_fields import amounts_of, checked, structure_fields
from .band_structure import edges_of, filling_of_highest
from .crawl import Run, shown
from .guards import BadRun, plain_xml
from .ionic_steps import final_energy, force_on_held, movable_coordinates, trajectory
from .kept_settings import settings_of
from .manifest import read_manifest
from .valences import Species, species_of

PROGRAM: Final = "vasp"
"""How VASP calls itself. Energies of others that write such files count from another zero, whatever their tags."""
_TAIL: Final = 4096
"""Bytes at the end of a file within which its root element is closed."""
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
    energy = final_energy(last)
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
    movable = movable_coordinates(vasprun.initial_structure)
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
    if movable is not None and kind == RELAXATION and (held := force_on_held(last, movable)) > LOOSE_FORCE:
        told = f"atoms that were held in place still feel {held:.2g} eV/Å: the energy is not a minimum's"
        doc["warnings"].append(told)
    if neutral is not None:
        doc["charge"] = round(neutral - tags.number("NELECT", neutral), 6)
    edges = edges_of(vasprun, tags, doc)
    doc["trajectory"] = trajectory(vasprun, doc["warnings"])
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
        filling_of_highest=filling_of_highest(vasprun),
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
