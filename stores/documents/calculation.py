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
        "match": ("structure_id", "material_id", "matched_by"),
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
    task_type = StringField(help_text="Static, Structure Optimization, NSCF Line …, as emmet-core names what was run")
    composition = DictField(help_text="Atoms of each element in the cell")
    energy = FloatField(help_text="Total energy of the cell, uncorrected", unit="eV")
    energy_per_atom = ev_per_atom("Total energy, uncorrected")
    initial_structure = DictField(help_text="The structure it started from, in the form of `structure`", unit="Å")
    band_gap = FloatField(help_text="Band gap from the eigenvalues, by `functional`", unit="eV", min_value=0)
    band_gap_direct = BooleanField(help_text="Whether both band edges are at the same k-point")
    cbm = FloatField(help_text="Conduction band minimum", unit="eV")
    vbm = FloatField(help_text="Valence band maximum", unit="eV")
    spin_polarised = BooleanField(help_text="Whether spins were treated")
    converged = BooleanField(help_text="Electronic and, where relaxed, ionic convergence reached")
    converged_electronic = BooleanField(help_text="The electrons of the last ionic step are converged")
    converged_ionic = BooleanField(help_text="The relaxation is converged, or there was none")
    trajectory = DictField(
        help_text="Ionic steps: number, first, last and lowest energy (eV), largest last force (eV/Å), volume_change"
    )
    kpoints = DictField(help_text="k-points: style, grid where there is one, count of irreducible ones")
    settings = DictField(help_text="Input settings that matter for comparability, by INCAR tag")
    warnings = ListField(StringField(), help_text="What a user of the result should know")
    manifest = DictField(help_text="What the manifest beside the input says it is for")

    structure_id = StringField(help_text="The proposed structure it belongs to")
    material_id = StringField(help_text="The known material it belongs to")
    matched_by = StringField(
        choices=("manifest", "initial structure", "final structure"), help_text="How that was found"
    )
