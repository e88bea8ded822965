"""Makes a document of one VASP calculation: what was run, whether it converged, and what came out.

pymatgen reads the vasprun.xml, which `guards` has checked first; emmet-core names the kind of task. It knows neither
the database nor which structure the calculation is for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from emmet.core.vasp.calc_types.utils import task_type
from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped]
from pymatgen.io.vasp.outputs import Vasprun

from ...engine.batches import Doc
from ...sources.files.open_files import quoted
from ...sources.records.material_fields import amounts_of, checked, structure_fields
from ...sources.records.raw_record import BadRecord
from .crawl import Run, shown
from .guards import BadRun, plain_xml
from .manifest import read_manifest

SETTINGS: Final = (
    *("ENCUT", "PREC", "EDIFF", "EDIFFG", "ISMEAR", "SIGMA", "ISPIN", "LASPH", "ADDGRID", "LREAL", "ALGO"),
    *("NSW", "IBRION", "ISIF", "NELM", "KSPACING", "LDIPOL", "IDIPOL", "LSORBIT"),
    *("GGA", "METAGGA", "LHFCALC", "HFSCREEN", "AEXX", "LDAU", "LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ"),
    *("IVDW", "LUSE_VDW", "AGGAC", "PARAM1", "PARAM2", "ZAB_VDW", "BPARAM", "CPARAM"),
)
"""INCAR tags that are kept: they decide whether two energies can be compared."""

_NONLOCAL: Final = {"BO": "optB88-vdW", "MK": "optB86b-vdW", "OR": "optPBE-vdW", "RE": "vdW-DF", "ML": "vdW-DF2"}
"""Names of the exchange part (GGA tag) with the nonlocal correlation of vdW-DF: Klimeš et al., Phys. Rev. B 83, 195131
(2011). pymatgen calls whatever has LUSE_VDW "+rVV10"."""

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
    with plain_xml(run.vasprun) as path:
        vasprun, notes = _read(path, quoted(run.vasprun))
    try:
        doc = _document(vasprun, notes)
    except BadRecord as bad:
        raise BadRun(f"{quoted(run.vasprun)}: {bad.reason}", "Look at the calculation.") from None
    except _UNREADABLE as error:
        raise BadRun(_not_as_vasp_writes(quoted(run.vasprun), error), "Fetch the file again.") from error
    doc |= {"directory": shown(run.directory), "run": run.suffix or None, "set_aside": run.set_aside}
    if run.set_aside:
        doc["warnings"].insert(0, "an attempt that custodian set aside as failed")
    if run.manifest is not None:
        doc["manifest"], problem = read_manifest(run.manifest)
        doc["warnings"] += [problem] if problem else []
    return doc


def _read(path: Any, name: str) -> tuple[Vasprun, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # A POTCAR is licensed and may be anything; the titles in vasprun.xml tell which were used.
            vasprun = Vasprun(path, parse_dos=False, parse_eigen=True, parse_potcar_file=False)
        except XMLSyntaxError as error:
            cut = "Premature end" in str(error) or "no element found" in str(error)
            what = "ends too early: the calculation still runs, or was cut off" if cut else "is not well-formed XML"
            raise BadRun(f"{name} {what} ({error.msg})", "Run it to its end, or fetch the file again.") from None
        except _UNREADABLE as error:
            raise BadRun(_not_as_vasp_writes(name, error), "Fetch the file again.") from error
    # pymatgen's word on convergence holds the path; ours is in the fields.
    notes = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    return vasprun, [note for note in dict.fromkeys(notes) if "unconverged" not in note]


def _not_as_vasp_writes(name: str, error: BaseException) -> str:
    return f"{name} is not as VASP writes it: {type(error).__name__}: {error}"


def _document(vasprun: Vasprun, notes: list[str]) -> Doc:
    if not vasprun.ionic_steps:
        raise BadRecord("it holds no ionic step")
    energy = _final_energy(vasprun)
    structure = checked(vasprun.final_structure)
    initial = checked(vasprun.initial_structure)
    incar = {str(key): value for key, value in vasprun.incar.items()}
    electronic, ionic = bool(vasprun.converged_electronic), bool(vasprun.converged_ionic)
    doc: Doc = {
        **structure_fields(structure),
        "initial_structure": structure_fields(initial)["structure"],
        "composition": amounts_of(structure),
        "code": f"VASP {vasprun.vasp_version.strip()}",
        "functional": _functional(vasprun),
        "hubbards": {str(el): float(u) for el, u in vasprun.hubbards.items() if u} if vasprun.is_hubbard else {},
        "potcar_symbols": [str(symbol) for symbol in vasprun.potcar_symbols],
        "task_type": str(task_type({"incar": incar, "kpoints": _kpoints_of(vasprun)}).value),
        "energy": energy,
        "energy_per_atom": energy / len(structure),
        "converged_electronic": electronic,
        "converged_ionic": ionic,
        "converged": electronic and ionic,
        "spin_polarised": bool(vasprun.is_spin),
        "settings": _settings(vasprun, incar),
        "kpoints": _kpoints(vasprun),
        "warnings": notes,
    }
    if not electronic:
        doc["warnings"].append("the electrons of the last step are not converged")
    if not ionic:
        doc["warnings"].append("the relaxation stopped before it converged")
    doc |= _gap(vasprun, doc["warnings"])
    doc["trajectory"] = _trajectory(vasprun, doc["warnings"])
    return doc


def _functional(vasprun: Vasprun) -> str:
    name = str(vasprun.run_type)
    exchange = str(vasprun.incar.get("GGA") or "").strip().upper()
    if name.endswith("+rVV10") and not str(vasprun.incar.get("METAGGA") or "--").strip("-") and exchange in _NONLOCAL:
        return _NONLOCAL[exchange] + ("+U" if vasprun.is_hubbard else "")
    return name


def _final_energy(vasprun: Vasprun) -> float:
    last = vasprun.ionic_steps[-1]
    energy = float(vasprun.final_energy)  # pymatgen mends a fault of VASP's from the last electronic step
    told = {"final energy": energy}
    for step in (last, *last.get("electronic_steps", [])[-1:]):
        told |= {str(name): step[name] for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy") if name in step}
        for name, value in told.items():
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise BadRecord(f"the energy of the last step is no number ({name} is {value})")
    return energy


def _kpoints_of(vasprun: Vasprun) -> Doc:
    kpoints = vasprun.kpoints
    return {"labels": list(kpoints.labels or []), "nkpoints": int(kpoints.num_kpts or 0), "kpts_weights": None}


def _kpoints(vasprun: Vasprun) -> Doc:
    kpoints = vasprun.kpoints
    facts: Doc = {"style": kpoints.style.name.lower(), "count": len(vasprun.actual_kpoints)}
    if kpoints.num_kpts == 0 and len(kpoints.kpts) == 1:
        facts["grid"] = [int(n) for n in kpoints.kpts[0]]
    return facts


def _settings(vasprun: Vasprun, incar: Doc) -> Doc:
    settings: Doc = {}
    for tag in SETTINGS:
        value = incar.get(tag)
        if value is not None and _storable(value):
            settings[tag] = value
    # What VASP took where the INCAR says nothing.
    for tag, parameter in (("ENCUT", "ENMAX"), ("PREC", "PREC"), ("ISPIN", "ISPIN"), ("LASPH", "LASPH")):
        value = vasprun.parameters.get(parameter)
        if tag not in settings and value is not None and _storable(value):
            settings[tag] = value
    return settings


def _storable(value: Any) -> bool:
    if isinstance(value, list):
        return all(_storable(item) for item in value)
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _gap(vasprun: Vasprun, notes: list[str]) -> Doc:
    if not vasprun.eigenvalues:
        return {}
    gap, cbm, vbm, direct = vasprun.eigenvalue_band_properties
    if not all(math.isfinite(float(value)) for value in (gap, cbm, vbm)):
        notes.append("no band gap: there is no empty, or no filled, band")
        return {}
    gap_facts: Doc = {"band_gap": float(gap), "cbm": float(cbm), "vbm": float(vbm)}
    return {**gap_facts, "band_gap_direct": bool(direct)} if gap > 0 else gap_facts


def _trajectory(vasprun: Vasprun, notes: list[str]) -> Doc:
    steps = vasprun.ionic_steps
    facts: Doc = {"steps": len(steps)}
    energies = _finite(step.get("e_0_energy") for step in steps)
    if len(energies) < len(steps):
        notes.append(f"{len(steps) - len(energies)} of {len(steps)} ionic steps have no finite energy")
    if energies:
        facts |= {"first_energy": energies[0], "last_energy": energies[-1], "lowest_energy": min(energies)}
    forces = np.asarray(steps[-1].get("forces", []), dtype=np.float64)
    if forces.ndim == 2 and forces.size:
        largest = float(np.linalg.norm(forces, axis=1).max())
        if math.isfinite(largest):
            facts["largest_force"] = largest
        else:
            notes.append("the last forces are not finite")
    first, last = vasprun.initial_structure.volume, vasprun.final_structure.volume
    facts["volume_change"] = float(last / first - 1.0)
    return facts


def _finite(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
