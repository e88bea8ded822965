"""Fields that several collections share, so that one name means one thing everywhere."""

from __future__ import annotations

from typing import Any

from mongoengine import BooleanField, DictField, FloatField, IntField, ListField, StringField


def ev_per_atom(description: str, **options: Any) -> FloatField:
    """Make a field for an energy in eV/atom."""
    return FloatField(help_text=description, unit="eV/atom", **options)


class FormulaFields:
    """What a document is made of."""

    formula = StringField(help_text="Formula as the source writes it")
    formula_reduced = StringField(help_text="Reduced formula, in pymatgen's spelling; shown as chemists write it")
    formula_anonymous = StringField(help_text="Formula with A, B, C … for the elements, e.g. AB2")
    chemsys = StringField(help_text="Chemical system: the elements in alphabetical order, joined by '-'")
    elements = ListField(StringField(), help_text="The elements, in alphabetical order")
    nelements = IntField(help_text="Number of different elements", min_value=1)


class StructureFields:
    """A crystal structure and what follows from it at once."""

    structure = DictField(help_text="Crystal structure, in the form pymatgen's Structure.from_dict reads", unit="Å")
    nsites = IntField(help_text="Number of atoms in the cell", min_value=1)
    volume = FloatField(help_text="Volume of the cell", unit="Å^3", min_value=0)
    density = FloatField(help_text="Density", unit="g/cm^3", min_value=0)
    space_group = DictField(
        help_text="Space group: number, symbol (Hermann-Mauguin) and crystal_system; of a proposal the highest "
        "within `tolerance` (Å), and `exact`, the one within 0.01 Å, where that is lower"
    )


class ScreenFields:
    """The verdicts of the chemical screens (smact's definitions)."""

    charge_neutral = BooleanField(help_text="Some assignment of oxidation states sums to zero")
    electronegativity_balanced = BooleanField(help_text="… in which no cation is more electronegative than an anion")
