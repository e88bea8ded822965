"""`calculations`: one ingested first-principles calculation."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, ListField, StringField

from .base import RegistryDocument, meta
from .shared_fields import FormulaFields, StructureFields, ev_per_atom


class Calculation(FormulaFields, StructureFields, RegistryDocument):
    """What was run, whether it converged, and what came out; `structure` is the final one."""

    KEY = "calculation_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {
        "record": (),
        "match": ("structure_id", "material_id", "matched_by", "mismatch"),
    }
    GROUP_FIELDS = ("formula_reduced", "chemsys", "structure_id")

    meta = meta(
        "calculations",
        {"fields": ["calculation_id"], "unique": True},
        "structure_id",
        "material_id",
        "formula_reduced",
        "chemsys",
        "functional",
        "facets.record.rev",
        "facets.match.rev",
    )

    calculation_id = StringField(
        required=True, help_text="Identity: calc- and a hash of the folder it was first read from; a moved one keeps it"
    )
    directory = StringField(help_text="Folder the calculation was read from")
    run = StringField(help_text="Which of several calculations in the folder, e.g. relax1")
    directory_hash = StringField(help_text="Hash of the content of the files it was read from")
    set_aside = BooleanField(help_text="An attempt that custodian gave up; never used")
    code = StringField(help_text="Program and version")
    functional = StringField(
        help_text="Exchange-correlation functional with U and van der Waals terms, as run: GGA, GGA+U, R2SCAN, HSE06 …"
    )
    hubbards = DictField(help_text="Hubbard U by element, where any was used", unit="eV")
    potcar_symbols = ListField(StringField(), help_text="Pseudopotentials, by title, in the order of the species")
    task_type = StringField(
        help_text="What was run: Static, Structure Optimization (with any ISIF), NSCF Line, Molecular Dynamics …"
    )
    composition = DictField(help_text="Atoms of each element in the cell")
    energy = FloatField(help_text="Total energy of the cell, uncorrected", unit="eV")
    energy_per_atom = ev_per_atom("Total energy, uncorrected")
    initial_structure = DictField(help_text="The structure it started from, in the form of `structure`", unit="Å")
    charge = FloatField(
        help_text="Charge of the cell: electrons that its POTCARs bring, less those it was run with", unit="e"
    )
    band_gap = FloatField(
        help_text="Band gap by `functional`, by counting electrons; 0 of a metal", unit="eV", min_value=0
    )
    band_gap_direct = BooleanField(help_text="Whether both band edges are at the same k-point")
    band_gap_by_spin = DictField(help_text="Band gap within each spin channel, up and down", unit="eV")
    band_gap_from = StringField(
        choices=("mesh", "lines", "one k-point"), help_text="k-points that the eigenvalues are of"
    )
    magnetization = FloatField(
        help_text="Total moment of the cell: electrons of spin up less those of spin down", unit="µB"
    )
    cbm = FloatField(help_text="Conduction band minimum", unit="eV")
    vbm = FloatField(help_text="Valence band maximum", unit="eV")
    spin_polarised = BooleanField(help_text="Whether spins were treated")
    usable = BooleanField(
        help_text="Whether it may be used for what it serves by what was run: an energy on the hull, a pair of layer "
        "and bulk (van der Waals functionals), a band gap (hybrid functionals, non-self-consistent runs)"
    )
    unusable_because = ListField(StringField(), help_text="All reasons why it is not usable, with tag and value")
    usable_for = ListField(StringField(choices=("energy", "exfoliation", "gap")), help_text="All it may be used for")
    unusable_for = DictField(help_text="For each other use the reasons against it")
    converged = BooleanField(help_text="Electronic and, where relaxed, ionic convergence reached")
    converged_electronic = BooleanField(help_text="The electrons of the last ionic step are converged")
    converged_ionic = BooleanField(help_text="The relaxation is converged, or there was none")
    trajectory = DictField(
        help_text="Ionic steps: number, first, last and lowest energy (eV), largest last force (eV/Å), volume_change"
    )
    kpoints = DictField(help_text="k-points: style, grid where there is one, count of irreducible ones")
    settings = DictField(help_text="Settings that matter for comparability, by INCAR tag, as VASP took them")
    warnings = ListField(StringField(), help_text="What a user of the result should know")
    manifest = DictField(help_text="What the manifest beside the input says it is for")

    structure_id = StringField(help_text="The proposed structure it belongs to")
    material_id = StringField(help_text="The known material it belongs to")
    matched_by = StringField(
        choices=("manifest", "initial structure", "final structure"), help_text="How that was found"
    )
    mismatch = StringField(help_text="Why what its manifest names is not believed")
