"""What a diagram lacks makes of a decomposition energy in water."""

from typing import Any

from exfolio.builders.properties.pourbaix_limits import limited_in_water

Doc = dict[str, Any]
KNOWN: list[Doc] = [{"formula_reduced": formula, "chemsys": "Mn-O"} for formula in ("MnO2", "Mn2O3")]
SOLIDS = ("MnO2", "Mn2O3", "Mn(OH)2", "MnH2O2")


def judged(product: str) -> Doc:
    energy = {"kind": "pourbaix_energy", "value": 0.02, "low": -0.19, "high": 0.23}
    return {**energy, "structure_id": "st-1", "competing": [{"id": product}], "details": {"uncertain_by": {}}}


def limited(product: str, *, dimension: int, method: str) -> Doc:
    [doc] = limited_in_water(
        [judged(product)], [{"structure_id": "st-1", "dimension": dimension}], {"Mn"}, KNOWN, SOLIDS, method=method
    )
    return doc


def test_a_layer_that_turns_into_a_solid_has_a_lower_bound_by_a_method_without_dispersion() -> None:
    layer = limited("MnO2(s)", dimension=2, method="CHGNet 0.3.0 static")

    assert (layer["low"], "high" in layer, layer["lacks"]) == (-0.19, False, ["dispersion"])


def test_a_crystal_one_that_dissolves_and_one_by_a_method_with_dispersion_keep_their_intervals() -> None:
    for product, dimension, method in (
        ("MnO2(s)", 3, "CHGNet 0.3.0 static"),
        ("Mn[2+]", 2, "CHGNet 0.3.0 static"),
        ("MnO2(s)", 2, "CHGNet 0.3.0 + D3(BJ) static"),
    ):
        assert limited(product, dimension=dimension, method=method)["high"] == 0.23
