"""`candidates`: the registry itself, what a person asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from mongoengine import BooleanField, DictField, FloatField, IntField, ListField, MapField, StringField

from .base import RegistryDocument, meta
from .shared_fields import FormulaFields, ScreenFields, StructureFields, ev_per_atom
from .structure import NOVELTY_CLASSES

VERDICT_LETTERS: Final = {"passed": "p", "failed": "f", "unknown": "u", "not-applicable": "n"}
"""Letters of `gate_verdicts`; an unknown one whose value is known to lie within an interval is `OPEN_LETTER`."""
OPEN_LETTER: Final = "i"


def letters(gates: Iterable[Mapping[str, Any]]) -> str:
    """The verdicts of gates, a letter each.

    Examples
    --------
    >>> letters([{"verdict": "passed"}, {"verdict": "unknown", "value": 0.2}, {"verdict": "unknown"}])
    'piu'
    """
    return "".join(
        OPEN_LETTER if gate["verdict"] == "unknown" and "value" in gate else VERDICT_LETTERS[gate["verdict"]]
        for gate in gates
    )


def letters_of(gates: str) -> dict[str, Any]:
    """The same as an expression of the server's, of a field that holds gates."""
    said, known = "$$this.verdict", {"$ne": [{"$type": "$$this.value"}, "missing"]}
    branches: list[dict[str, Any]] = [
        {"case": {"$and": [{"$eq": [said, "unknown"]}, known]}, "then": OPEN_LETTER},
        *({"case": {"$eq": [said, verdict]}, "then": letter} for verdict, letter in VERDICT_LETTERS.items()),
    ]
    letter = {"$switch": {"branches": branches, "default": "u"}}
    return {"$reduce": {"input": {"$ifNull": [gates, []]}, "initialValue": "", "in": {"$concat": ["$$value", letter]}}}


class Candidate(FormulaFields, ScreenFields, StructureFields, RegistryDocument):
    """One structure (or one composition while it has none) as one campaign judges it."""

    KEY = "candidate_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"verdict": ()}
    GROUP_FIELDS = ("structure_id",)
    VALUE_FIELDS: ClassVar[tuple[str, ...]] = (
        "formation_energy",
        "exfoliation_energy",
        "energy_above_hull",
        "pourbaix_energy",
        "band_gap",
        "dynamic_stability",
        "elastic_stability",
    )
    """Kinds of property with a field of their own; a value of any other kind lies in `values`, under its kind."""
    UNHASHED = frozenset({"gate_verdicts"})  # said by the gates, which are
    INTERVALS: ClassVar[dict[str, tuple[str, str]]] = {
        **{name: (f"lows.{name}", f"highs.{name}") for name in (*VALUE_FIELDS, "hse_band_gap")},
        "values": ("lows", "highs"),
    }

    meta = meta(
        "candidates",
        {"fields": ["candidate_id"], "unique": True},
        "structure_id",
        "facets.verdict.rev",
    )

    candidate_id = StringField(required=True, help_text="Identity: <campaign>/<structure_id or formula>")
    campaign = StringField(required=True, help_text="Campaign that judges it")
    structure_id = StringField(help_text="The structure")
    route = StringField(help_text="How: top-down, bottom-up, template, crystal-gan, distorted")
    parent_id = StringField(help_text="Material, structure or template it was made from")
    dimension = IntField(help_text="2 for a monolayer, 3 for a bulk crystal")
    thickness = FloatField(help_text="Thickness of the layer, nucleus to nucleus", unit="Å")
    known_as = ListField(StringField(), help_text="Known materials with the same structure, as proposed or relaxed")
    novel = BooleanField(
        help_text="No known material has this structure, as proposed or, where it was, relaxed; not known where it may "
        "be one that a source gives no structure of"
    )
    novelty_class = StringField(
        choices=NOVELTY_CLASSES, help_text="How new the structure is to the sources of this registry; see structures"
    )
    novelty_beside = ListField(StringField(), help_text="Materials, up to five, that put it into that class")
    relaxed_duplicate_of = StringField(help_text="The structure of lower energy that relaxed to the same")
    valid = BooleanField(help_text="Passes the checks on distances and stoichiometry")
    among_lowest = BooleanField(
        help_text="Not left out of relaxing because others of its composition were lower; yes as well once calculated"
    )
    p_2d = FloatField(help_text="Probability of forming a 2D material", min_value=0, max_value=1)
    ion_familiarity = FloatField(
        help_text="How familiar its ions are with each other, as in compositions, where a gate asks for it", max_value=0
    )
    redox_stable = BooleanField(
        help_text="No anion is oxidised and no metal reduced when it falls apart, or it lies 0.05 eV/atom below the "
        "hull of others; by a potential, where a gate asks for it, but of no layer of a crystal that has been made"
    )
    predicted_formation_energy = ev_per_atom("Formation energy predicted from the composition")
    formation_energy = ev_per_atom("Formation energy from the elements")
    exfoliation_energy = ev_per_atom("Exfoliation energy: monolayer minus bulk")
    energy_above_hull = ev_per_atom("Energy above the convex hull")
    pourbaix_energy = ev_per_atom("Least decomposition energy in water over the campaign's pH range")
    band_gap = FloatField(help_text="Band gap, by the best method known", unit="eV", min_value=0)
    hse_band_gap = FloatField(help_text="Band gap by HSE06", unit="eV", min_value=0)
    dynamic_stability = FloatField(
        help_text="Lowest frequency of vibrations where two potentials agree on its sign; negative where imaginary",
        unit="THz",
    )
    elastic_stability = FloatField(
        help_text="Least eigenvalue of the stiffness where two potentials agree on its sign, GPa, of layers N/m"
    )
    values = MapField(FloatField(), help_text="Values of further kinds of property, by kind, e.g. values.work_function")
    oxidation_state = MapField(
        FloatField(), help_text="Average oxidation state, from the formula, of the elements that gates ask about"
    )
    context = DictField(
        help_text="What is known of the composition but of no structure, by kind: value, method. No gate looks at it"
    )
    methods = DictField(help_text="How each value was got, by field")
    lows = MapField(
        FloatField(),
        help_text="Least that the true values may be, by field or kind. A value with one of `lows` and none of `highs` "
        "is a lower bound, the other way round an upper one; one with neither stands for itself",
    )
    highs = MapField(FloatField(), help_text="Most that the true values may be, by field or kind; see `lows`")
    gates = ListField(
        DictField(),
        help_text="In order: name, field, condition, value, low and high of its interval where it has one, verdict "
        "(passed, failed, unknown, not-applicable)",
    )
    gate_verdicts = StringField(
        help_text="The verdicts of the gates in order, a letter each: p passed, f failed, u unknown, i unknown though "
        "an interval or a bound is known, n not applicable"
    )
    status = StringField(
        required=True,
        choices=("promoted", "waiting", "rejected"),
        help_text="promoted: every gate passed; rejected: a gate failed; waiting: a value is not known yet",
    )
    rejected_by = StringField(help_text="Name of the first gate that failed")
    waiting_for = StringField(help_text="Name of the first gate whose value is not known yet")
    gates_passed = IntField(help_text="How many gates were passed before the first that was not", min_value=0)
    history = ListField(
        DictField(), help_text="Earlier verdicts, oldest first: status, rejected_by, gates, judged_at, until (UTC)"
    )
