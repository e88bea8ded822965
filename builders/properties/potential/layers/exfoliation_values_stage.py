"""Stage `exfoliation-values`: exfoliation energies by potentials, each with the interval that their errors leave it.

What the potentials say is the matter of `potential-layers`; better known errors change intervals and evaluate nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from .....models.energetics.reliability.calibration import Calibration
from .....models.energetics.reliability.error_intervals import COVERAGE
from .....stores.documents import Property, TrainedModel
from ....engine.batches import Batch, Doc, Item, Outcome
from ....engine.channels import Channel
from ....engine.selection.group_members import Members
from ....engine.selection.group_stage import GroupStage
from .. import known_potentials
from ..error_models import from_plain_errors, read_models, used_of
from ..potential_stage import DIGITS, not_installed, scheme_name
from .exfoliation_errors import ALL, KIND, bonding_class, bundled_errors, errors_of_unmeasured, model_id
from .layer_energies_stage import BINDING, BULK, STACK, WITH_DISPERSION, layer_method

STAGE: Final = "exfoliation-values"
BY_POTENTIAL: Final = (
    "by potential, not yet by DFT; on the scale of van der Waals functionals, as 0.2 eV/atom is: "
    "RPA gives about two thirds of that"
)
"""Said beside each value. T. Björkman et al., Phys. Rev. Lett. 108, 235502 (2012)."""


class ExfoliationValuesStage(GroupStage):
    """Writes exfoliation energies of layers: the mean of what potentials say, and how far it can be trusted.

    Parameters
    ----------
    potentials
        Names of the potentials.
    relax
        Whether layers and bulks were relaxed.
    """

    version = 2
    groups_per_batch = 500
    writes: ClassVar = {Property: "value"}
    writes_kinds = ("exfoliation_energy",)

    def __init__(
        self, potentials: Sequence[str] = (WITH_DISPERSION,), *, relax: bool = False, share: Doc | None = None
    ) -> None:
        self.potentials = tuple(sorted(set(potentials)))
        self.relax = relax
        self.name = f"{STAGE}{'-relaxed' if relax else ''}:{'+'.join(self.potentials)}"
        made = [known_potentials.potential(name) for name in self.potentials]
        self._names = f"{' and '.join(potential.name for potential in made)} {scheme_name(relax=relax)}"
        self._methods = {
            against: [layer_method(potential, relax=relax, against=against) for potential in made]
            for against in (BULK, STACK)
        }
        self._bundled = {
            against: bundled_errors(self.potentials, relax=relax, against=against) for against in (BULK, STACK)
        }
        self._measured = self._bundled
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Which potentials, and how they were used."""
        return {"potentials": list(self.potentials), "relax": self.relax}

    def config(self) -> Doc:
        """What the values depend on: methods, and what is known of their errors."""
        errors = {against: used_of(by_class) for against, by_class in self._measured.items()}
        return {"methods": self._methods, "errors": errors}

    def before_run(self) -> None:
        """Read how large the errors are."""
        identity = model_id(self.potentials, relax=self.relax)
        self._measured = read_models(self.db, identity) or self._bundled

    def looks_at(self) -> tuple[Channel, ...]:
        """Error models, of which `config` tells."""
        return (*super().looks_at(), Channel(TrainedModel.collection_name(), "training", frozenset([KIND])))

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read what the potentials say of each layer."""
        methods = [method for against in (BULK, STACK) for method in self._methods[against]]
        fixed: Doc = {"kind": BINDING, "method": {"$in": methods}}
        details = ("details.bulk", "details.elements")
        fields = ("property_id", "structure_id", "method", "value", "per_area", "refused", *details)
        return (Members(Property, "structure_id", ("value",), fields, fixed=fixed),)

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of layers, each with how large the errors are."""
        batch = super().batch_of(names)
        for item in batch.items:
            item.content["errors"] = self._measured
        return batch

    def process(self, items: list[Item]) -> list[Outcome]:
        """Join what the potentials say of each layer."""
        return [{"properties": list(self._values(item.content))} for item in items]

    def select(self) -> Iterator[Batch]:
        """Yield what is due; say which potentials are missing."""
        made = [known_potentials.potential(name) for name in self.potentials]
        if missing := [potential for potential in made if not potential.is_installed()]:
            self.report.note = not_installed(missing[0])
        yield from super().select()

    def _values(self, group: Doc) -> Iterator[Doc]:
        for against in (BULK, STACK):
            by_method = {doc["method"]: doc for doc in group["properties"]}
            said = [by_method[method] for method in self._methods[against] if method in by_method]
            if len(said) == len(self.potentials):
                yield self._document(said, against, group.get("errors", self._measured)[against])

    def _document(self, said: list[Doc], against: str, measured: Doc) -> Doc:
        method = f"{self._names}, {against}"
        structure_id = said[0]["structure_id"]
        doc: Doc = {
            "property_id": f"{structure_id}/exfoliation_energy/{method}",
            "structure_id": structure_id,
            "kind": "exfoliation_energy",
            "method": method,
            "basis": "potential",
            "unit": "eV/atom",
            "made_of": [one["property_id"] for one in said],
        }
        if refusals := list(dict.fromkeys(one["refused"] for one in said if one.get("refused"))):
            return {**doc, "value": None, "refused": "; ".join(refusals)}
        values = [one["value"] for one in said]
        value, spread = sum(values) / len(values), max(values) - min(values)
        group = bonding_class(said[0]["details"]["elements"])
        group, plain = (group, measured[group]) if group in measured else (ALL, measured.get(ALL))
        errors = (from_plain_errors(plain) if plain else Calibration(errors_of_unmeasured())).of(structure_id)
        low, high = errors.interval(value, spread)
        warnings = [BY_POTENTIAL]
        if plain is None:
            warnings.append("the errors of this method were never measured: the interval is twice as wide as any other")
        basis = {"of": group, "quantile": errors.quantile, "measured_on": plain["measured_on"] if plain else "nothing"}
        details: Doc = {"errors": {**basis, "model": model_id(self.potentials, relax=self.relax)}}
        if len(said) > 1:
            by_potential = dict(zip(self.potentials, values, strict=True))
            details |= {"spread": round(spread, DIGITS), "by_potential": by_potential}
        if (bulk := said[0].get("details", {}).get("bulk")) is not None:
            details["bulk"] = bulk
        doc |= {
            "value": round(value, DIGITS),
            "low": round(low, DIGITS),
            "high": round(high, DIGITS),
            "per_area": round(sum(one["per_area"] for one in said) / len(said), 2),
            "warnings": warnings,
            "details": details,
        }
        return {**doc, "coverage": COVERAGE} if plain else doc
