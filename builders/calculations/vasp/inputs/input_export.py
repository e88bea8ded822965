"""Writes the VASP input that a campaign's candidates wait for: one folder per calculation, only what is new or changed.

What is due is found in `due`, settings are made in `models.calculation`, folders are written by `folders`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pymatgen.io.vasp.inputs import SETTINGS

from .....models.calculation.inputs import Inputs, NoInput, inputs
from .....models.calculation.plan import EXFOLIATION, GAP, Choices, Step, steps_for
from .....models.composition.formula.chemists_formula import chemists_formula
from .....models.structure.layered.in_plane_cell import in_plane_cell, with_in_plane_cell
from .....models.structure.serialization import BadStructure, from_plain, to_plain
from .....stores.canonical import content_hash
from .....stores.connection import Connection
from .....stores.errors import ConfigurationError
from .attempts import finished, why_again
from .due import Due, Part, find_due
from .folders import FORMAT, Tree, files_hash, folder_name, open_tree
from .mixing_needs import add_stable_phases
from .subject_structures import with_structures
from .subjects import BULK, Subject

Doc = dict[str, Any]

VERSION: Final = 3
"""Of the settings: raised when the same choices come to give different input."""
EXPECTED: Final = {"energy": "eV", "structure": "Å"}


@dataclass(slots=True)
class VaspExport:
    """What an export came to; folders by their path within the tree.

    Attributes
    ----------
    new, changed
        Written, the latter in place of input that nobody had used.
    unchanged
        How many folders held the wanted input already.
    kept
        Folders whose input would be another one now, and that were left alone, with the reason.
    failed
        Structures for which no input can be made, with the reason.
    blocked
        By gate whose value no calculation gives, how many candidates wait for it first.
    without_bulk
        Candidates whose exfoliation energy can't be calculated, with the reason.
    unplaced
        By chemical system, why its r2SCAN energies will find no place on the hull of the GGA(+U) entries.
    finished
        Calculations that are in the registry already.
    again
        Folders whose calculation is in the registry, but is not what is needed, with what has to change.
    later
        Calculations that can be written only when others are in the registry, with the reason.
    """

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    kept: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    without_bulk: dict[str, str] = field(default_factory=dict)
    unplaced: dict[str, str] = field(default_factory=dict)
    finished: int = 0
    again: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """One calculation of one structure: the structure it starts from, and what its folder is called.

    Attributes
    ----------
    after
        Name of the folder beside it whose final structure it starts from; None where it starts from `start`.
    again
        What has to change of the calculations that there are; None where there is none.
    held
        Why it can't be written yet; None where it can.
    """

    subject: Subject
    step: Step
    start: Doc
    after: str | None
    again: str | None = None
    held: str | None = None

    @property
    def folder(self) -> str:
        """Folder of the structure: another one when the structure is another one."""
        subject = self.subject
        bulk = subject.role == "bulk"
        formula = chemists_formula(subject.formula)
        parts = (formula, "bulk", subject.id.removesuffix(BULK)) if bulk else (formula, subject.id)
        identity = f"{subject.collection}:{subject.id}:{subject.role}:{subject.structure_hash}"
        return folder_name(*parts, identity=identity)

    @property
    def path(self) -> str:
        """Folder of the calculation within the tree."""
        return f"{self.folder}/{self.step.name}"

    def asked(self, choices: Choices) -> str:
        """Hash of all that the input depends on."""
        what = {
            "structure": self.start,
            "step": self.step.name,
            "role": self.step.role,
            "after": self.after,
            "layer": [choices.vacuum, choices.relax_in_plane] if self.step.role == "layer" else None,
            "version": VERSION,
            "pymatgen": version("pymatgen-core"),
        }
        return content_hash(what)

    def manifest(self, vasp_input: Inputs, choices: Choices, campaign: str) -> Doc:
        """Content of the folder's manifest, but for the hashes of its files; `folders` explains each field."""
        subject, step = self.subject, self.step
        return {
            "format": FORMAT,
            "campaign": campaign,
            "candidate_id": min(subject.candidates),
            "candidates": sorted(subject.candidates),
            "structure_id": subject.id if subject.role != "bulk" and subject.collection == "structures" else None,
            "material_id": subject.material_id if not subject.substitution else None,
            "bulk_of": min(subject.layers) if subject.role == "bulk" else None,
            "bulk_from": subject.made_from,
            "content_hash": subject.structure_hash,
            "purpose": f"{step.task} {step.role}: {', '.join(step.fields)}",
            "role": subject.role,
            "formula": subject.formula,
            "functional": vasp_input.functional,
            "task": step.task,
            "after": f"../{self.after}" if self.after else None,
            "fields": list(step.fields),
            "expected": EXPECTED | ({"band_gap": "eV"} if step.fields == (GAP,) and step.task == "static" else {}),
            "potcar": {"functional": vasp_input.potcar_functional, "symbols": list(vasp_input.potcar_symbols)},
            "order": self.asked(choices),
            "input_hash": files_hash(vasp_input.files),
            "notes": list(vasp_input.notes),
        }


def export_vasp(
    connection: Connection,
    campaign: str,
    out: Path,
    *,
    choices: Choices | None = None,
    everything: bool = False,
    verify: bool = False,
    part: Part | None = None,
    potcar: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> VaspExport:
    """Write the calculations that a campaign's candidates wait for.

    Parameters
    ----------
    campaign
        Its name.
    out
        Top of the tree of folders.
    choices
        Functionals, vacuum; the defaults when None.
    everything, verify
        As for `due.find_due`.
    part
        Which candidates; all when None. What others wait for stays as it is in the tree.
    potcar
        Write POTCARs, from the person's own folder of them; without it POTCAR.spec.
    progress
        Called with the number of structures done, and of all.

    Raises
    ------
    ConfigurationError
        The folder can't be used, the filter is wrong, or there are no POTCARs.
    CannotRunError
        Another export is writing into it.
    """
    choices = choices or Choices()
    if potcar:
        require_potcars()
    due = find_due(connection, campaign, everything=everything, verify=verify, part=part)
    whole = part is None or part.is_whole
    unplaced = add_stable_phases(connection, due) if choices.hull == "r2SCAN" else {}
    done = VaspExport(blocked=due.blocked, without_bulk=due.without_bulk, unplaced=unplaced)
    with open_tree(out) as tree:
        listed = tree.folders()
        for entry in listed.values():
            if entry.get("campaign") == campaign and whole:
                entry["due"] = False
        written: set[str] = set()
        for number, subject in enumerate(with_structures(connection, due), 1):
            for path, entry in _export(tree, subject, choices, done, campaign, potcar=potcar).items():
                listed[path] = {**entry, "campaign": campaign, "due": True}
                written.add(path.partition("/")[0])
            if progress:
                progress(number, len(due.subjects))
        _put_scripts(tree, listed, written)
        tree.put_folders(listed)
    return done


def orders(connection: Connection, due: Due, choices: Choices) -> Iterator[Order]:
    """Order the calculations that are due, structure by structure, each after those it depends on."""
    if choices.hull == "r2SCAN":
        add_stable_phases(connection, due)
    for subject in with_structures(connection, due):
        yield from (order for order in _orders(subject, choices) if not order.held)


def require_potcars() -> None:
    """Check that the person has a folder of POTCARs.

    Raises
    ------
    ConfigurationError
        pymatgen has not been told of one, or it is not there.
    """
    folder = SETTINGS.get("PMG_VASP_PSP_DIR")
    if not folder:
        raise ConfigurationError(
            "there is no folder of POTCARs: PMG_VASP_PSP_DIR is not set",
            "Leave out --potcar to get POTCAR.spec, which names them, or set that variable.",
        )
    if not Path(folder).expanduser().is_dir():
        raise ConfigurationError(
            f"PMG_VASP_PSP_DIR={folder} is not a folder", "Point it at the folder of your POTCARs."
        )


def _export(
    tree: Tree, subject: Subject, choices: Choices, done: VaspExport, campaign: str, *, potcar: bool
) -> dict[str, Doc]:
    """Write what is due of one structure, and give the entries for the manifest of the tree, by folder."""
    due_here = list(_orders(subject, choices))
    done.finished += len(_steps(subject, choices)) - len(due_here)
    entries: dict[str, Doc] = {}
    if due_here:
        tree.clear(due_here[0].folder)
    for order in due_here:
        if order.held:
            done.later[order.path] = order.held
            continue
        if order.again:
            done.again[order.path] = order.again
        try:
            entries[order.path] = _write(tree, order, choices, done, campaign, potcar=potcar)
        except (NoInput, BadStructure) as bad:
            done.failed[f"{subject.collection}:{subject.id} {order.step.name}"] = str(bad)
    return entries


def _put_scripts(tree: Tree, listed: dict[str, Doc], written: set[str]) -> None:
    """Write the script of each structure: all calculations its folder holds, of earlier exports as well."""
    by_folder: dict[str, list[tuple[str, str | None]]] = {}
    for path, entry in listed.items():
        folder, _, name = path.partition("/")
        if folder in written:
            after = entry.get("after")
            by_folder.setdefault(folder, []).append((name, after.removeprefix("../") if after else None))
    for folder, steps in by_folder.items():
        tree.put_script(folder, sorted(steps, key=lambda step: (step[1] is not None, step[0])))


def _write(tree: Tree, order: Order, choices: Choices, done: VaspExport, campaign: str, *, potcar: bool) -> Doc:
    """Write one folder if that is called for, and give its entry in the manifest of the tree."""
    present = tree.look(order.path)
    same = present.manifest.get("order") == order.asked(choices)
    lacks_potcar = potcar and present.state == "untouched" and "POTCAR" not in present.manifest["files"]
    if same and not lacks_potcar:
        done.unchanged += 1
        return _entry(order, present.manifest)
    vasp_input = inputs(from_plain(order.start), order.step, choices, potcar=potcar)
    manifest = order.manifest(vasp_input, choices, campaign)
    if (
        present.manifest.get("input_hash") == manifest["input_hash"] and not lacks_potcar
    ):  # asked otherwise, to no effect
        done.unchanged += 1
        return _entry(order, present.manifest)
    if present.state == "absent":
        done.new.append(order.path)
    elif present.state == "untouched":
        done.changed.append(order.path)
    else:
        done.kept[order.path] = "; ".join(filter(None, (_KEPT[present.state], order.again and _MOVE_AWAY)))
        return _entry(order, present.manifest or manifest)
    tree.put(order.path, vasp_input.files, manifest)
    return _entry(order, manifest)


def _entry(order: Order, manifest: Doc) -> Doc:
    names = ("structure_id", "material_id", "bulk_of", "content_hash", "role", "functional", "task", "after", "fields")
    told = {name: manifest[name] for name in names if manifest.get(name) is not None}
    return {**told, "candidates": sorted(order.subject.candidates)}


def _steps(subject: Subject, choices: Choices) -> list[Step]:
    """Pick the steps of this structure alone: a plan names those of a layer and of its bulk."""
    dimension = 3 if subject.role == "crystal" else 2
    return [step for step in steps_for(subject.fields, dimension, choices) if step.role == subject.role]


def _orders(subject: Subject, choices: Choices) -> Iterator[Order]:
    for step in _steps(subject, choices):
        if finished(subject, step) is not None:
            continue
        start, after = subject.structure, None
        if step.after is not None:
            relaxed = (finished(subject, step.after) or {}).get("structure")
            start, after = (relaxed, None) if relaxed else (start, step.after.name)
        held = None
        if EXFOLIATION in step.fields and subject.bulk and not choices.relax_in_plane and start is subject.structure:
            bulk = finished(subject.bulk, replace(step, role="bulk", task="relax")) or {}
            if relaxed := bulk.get("structure"):
                plane = in_plane_cell(from_plain(relaxed))
                start = to_plain(with_in_plane_cell(from_plain(start), plane))
            else:
                held = _STARTS_FROM_BULK.format(subject.bulk.id)
        yield Order(subject, step, start, after, why_again(subject, step), held)


_STARTS_FROM_BULK: Final = (
    "it starts from the in-plane cell of its bulk, {}, whose relaxation is not in the registry yet: export again then"
)
_MOVE_AWAY: Final = "move its results away to have new input written"
_KEPT: Final = {
    "begun": "a calculation has begun there",
    "edited": "a file there has been changed or added",
    "foreign": "it is not a folder of exfolio's",
}
