"""Formulas as textbooks and handbooks write them, from the registry's spelling."""

import csv
from pathlib import Path

import exfolio
import pytest
from exfolio.models.composition.formula.chemists_formula import chemists_formula
from exfolio.models.composition.formula.chemists_order import BY_ELECTRONEGATIVITY
from exfolio.models.composition.formula.elements import ELECTRONEGATIVITY_RANKS, SYMBOLS
from exfolio.models.composition.formula.formulas import describe_all, parse, reduced_formulas

# fmt: off
AS_WRITTEN = {
    "dichalcogenides": "MoS2 RhTe2 MoTe2 WTe2 IrTe2 MoSSe WSeTe Bi2Te3 Sb2Te3 In2Se3 As2S3 GeSe Bi2Te2Se",
    "hydroxides": "Mg(OH)2 Ca(OH)2 NaOH Ni(OH)2 Al(OH)3 FeO(OH) AlO(OH) Ca5(PO4)3OH Cu2CO3(OH)2 Zn5(CO3)2(OH)6",
    "molecules": (
        "H2O H2O2 HCl HF H2S NH3 CH4 PH3 SiH4 HCN HNO3 H2SO4 H3PO4 H2CO3 HClO4 NO2 CO2 SO3 N2O5 OF2 ClO2 POCl3"
    ),
    "nonmetals": "SiC B4C BN SiO2 CS2 Si3N4 CCl4 BrF3 PCl5 NCl3 SF6 XeF2",
    "ammonium": "NH4Cl NH4NO3 (NH4)2SO4 NH4H2PO4 (NH4)2HPO4 (NH4)2CO3 NH4HCO3",
    "oxyanions": (
        "CaCO3 NaHCO3 Ca(NO3)2 NaNO2 Al2(SO4)3 CaSO4 Ca3(PO4)2 KH2PO4 Mg(PO3)2 LiPO3 Mg(ClO4)2 KClO3 Na2S2O3 "
        "SrTeO3 Fe2(MoO4)3 ZrW2O8 KMnO4 K2CrO4 H2WO4"
    ),
    "other groups": "KCN KSCN Mg(NH2)2 LiNH2 LiPF6 NaBF4 Ca(BH4)2 CuSO4(H2O)5 MgCl2(H2O)6 MgCl2(NH3)6",
    "hydrides": "LiH MgH2 NaBH4 LiAlH4 LaNi5H6 Li2NH",
    "oxides": (
        "BaTiO3 PbTiO3 BiFeO3 LaMnO3 LiFePO4 LiCoO2 MgAl2O4 ZnFe2O4 NiFe2O4 CoFe2O4 FeCr2O4 MnCo2O4 FeTiO3 BiVO4 "
        "Bi2WO6 PbMoO4 CuAlO2 AgNbO3 La2CuO4 YBa2Cu3O7 Y3Al5O12 Ca3Al2(SiO4)3 Mg2SiO4"
    ),
    "sulfides": (
        "CuInSe2 CuFeS2 AgInTe2 CuInP2S6 MnPS3 Li3PS4 MnBi2Te4 GeSb2Te4 CrSiTe3 Fe3GeTe2 Ta2NiSe5 NbIrTe4 "
        "Cu2ZnSnS4 PbBi2Te4"
    ),
    "mixed anions": "BiOCl BiTeI CrSBr FeOCl NbOI2 WO2Cl2 ZrNCl TaON SrTaO2N BaFCl Bi2O2Se LaFeAsO Ti2CO2 Ti3C2F2",
    "intermetallics": (
        "Ni3Al TiAl CuZn LaNi5 Nd2Fe14B MgB2 Cu2MnAl Co2MnSi ZrNiSn Nb3Sn FePt BaFe2As2 Ti3AlC2 V2AlC GaAs InSb"
    ),
}
# fmt: on


@pytest.mark.parametrize("kind", AS_WRITTEN)
def test_the_registry_s_spelling_is_shown_as_textbooks_have_it(kind: str) -> None:
    written = AS_WRITTEN[kind].split()
    assert [chemists_formula(spelling) for spelling in reduced_formulas(written)] == written


def test_the_handbook_s_own_names_are_shown_as_they_are() -> None:
    path = Path(exfolio.__file__).parent / "builders/sources/bundled/handbook.csv"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    written = [row["formula"] for row in csv.DictReader(lines)]
    shown = [chemists_formula(spelling) for spelling in reduced_formulas(written)]
    # AlOOH and FeOOH are AlO(OH), FeO(OH) here; of gold and copper either goes first
    assert {a for a, b in zip(written, shown, strict=True) if a != b} <= {"AlOOH", "FeOOH", "AuCu"}
    assert len(written) > 600


def test_what_is_shown_is_the_same_composition_and_is_shown_the_same_again(shared_data: Path) -> None:
    import gzip

    with gzip.open(shared_data / "critexam.csv.gz", "rt") as lines:
        formulas = [row["formula"] for row in csv.DictReader(lines)][::10]
    stored = [facts.reduced for facts in describe_all(parse(formulas))]
    shown = [chemists_formula(spelling) for spelling in stored]
    assert reduced_formulas(shown) == stored
    assert [chemists_formula(text) for text in shown[:500]] == shown[:500]


@pytest.mark.parametrize("text", ["", "st-1890", "mp-149", "(MoS2", "Mo)S2", "Xx2", "MoS2·H2O", "no formula", "Mo0"])
def test_what_is_no_formula_is_shown_as_it_is(text: str) -> None:
    assert chemists_formula(text) == text


def test_amounts_stay_as_they_are() -> None:
    assert [chemists_formula(text) for text in ("O0.9Fe1", "S4Mo2", "Li0.5Co1O2", "O2", "Ca1H1S1O4.5")] == [
        *("FeO0.9", "Mo2S4", "Li0.5CoO2", "O2", "CaSO4(H2O)0.5")
    ]


def test_the_order_by_electronegativity_is_that_of_the_table() -> None:
    assert list(BY_ELECTRONEGATIVITY) == sorted(
        SYMBOLS[1:], key=lambda symbol: ELECTRONEGATIVITY_RANKS[SYMBOLS.index(symbol)]
    )
