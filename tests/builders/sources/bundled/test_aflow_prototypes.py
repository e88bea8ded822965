"""pymatgen's AFLOW prototypes: all 285 that are crystals, each under an id of its own."""

from typing import Any

from exfolio.builders.sources.bundled.aflow_prototypes import Prototypes
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer


def test_all_prototypes(read: Any) -> None:
    reading = read(Prototypes())
    assert (len(reading.materials), len(set(reading.ids)), reading.bad) == (285, 285, [])
    assert all(material["space_group"]["number"] for material in reading.materials)
    by_id = {material["source_id"]: material for material in reading.materials}
    cinnabar = by_id["AB_hP6_154_a_b"]
    assert (cinnabar["prototype"], cinnabar["formula_reduced"]) == ("Cinnabar", "HgS")
    assert cinnabar["space_group"] == {"number": 154, "crystal_system": "trigonal"}
    assert cinnabar["extra"]["strukturbericht"] == "B9"
    # a label that stands for several prototypes
    assert by_id["AB_oP8_62_c_c.MnP"]["formula_reduced"] == "MnP"
    assert by_id["A_oC8_64_f.alpha-Ga"]["prototype"] == "alpha Ga"


# Prototypes whose coordinates, as published, have a higher (or another) symmetry than their label says.
UNLIKE_THEIR_LABEL = {"AB3_tI16_140_b_ah": 123, "AB_oP8_33_a_a": 62, "A2B_oC12_38_de_ab": 63}


def test_the_space_group_of_the_label_is_that_of_the_structure(read: Any) -> None:
    unlike = {}
    for material in read(Prototypes()).materials[1::3]:
        found = SpacegroupAnalyzer(Structure.from_dict(material["structure"]), symprec=0.01).get_space_group_number()
        if found != material["space_group"]["number"]:
            unlike[material["source_id"]] = found
    assert unlike.items() <= UNLIKE_THEIR_LABEL.items()
