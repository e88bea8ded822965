"""The order in which chemists write the elements of a formula: cations before anions, and what custom makes of that.

Among metals pure electronegativity gives formulas that nobody writes (``TiPbO3``, ``InCuSe2``, ``Fe2NiO4``); what
stands here follows usage, checked against the names in handbooks. Makes no groups: `chemists_formula` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BY_ELECTRONEGATIVITY: Final = _symbols(
    "Fr Cs K Rb Ba Ra Na Sr Li Ca Ac La Tb Yb Ce Pm Pr Nd Sm Eu Gd Dy Y Ho Er Tm Lu Pu Am Bk Cf Cm Es Fm "
    "Hf Lr Md No Th Mg Zr Np Sc U Pa Ta Ti Mn Be Nb Al Tl V Zn Cr Cd In Ga Fe Co Cu Re Si Tc Ni Ag Sn Hg "
    "Po Ge Bi B Sb Te Mo As P At H Ir Os Pd Rn Ru Pt Rh Pb W Au C Se S Xe I Br Kr N Cl O F Ar Bh Cn Db Ds "
    "Fl He Hs Lv Mc Mt Ne Nh Og Rf Rg Sg Ts"
)
"""All elements by Pauling's electronegativity, then by symbol; those without one last. A test holds it to the table."""
NONMETALS: Final = _symbols("Rn Xe Kr Ar Ne He B Si C As P H Te Se S N At I Br Cl O F")
"""Elements that are written after metals, in the order among themselves of IUPAC's Nomenclature of Inorganic Chemistry
(1970), rule 2.161, which usage kept: NH3, OF2, ClO2."""
HALOGENS: Final = ("F", "Cl", "Br", "I", "At")
CHALCOGENS: Final = ("O", "S", "Se", "Te")
ALKALI: Final = ("Li", "Na", "K", "Rb", "Cs", "Fr")
ALKALINE_EARTHS: Final = ("Be", "Mg", "Ca", "Sr", "Ba", "Ra")
RARE_EARTHS: Final = _symbols("Sc Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu")
ACTINIDES: Final = _symbols("Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr")

_ELECTROPOSITIVE: Final = (ALKALI, ALKALINE_EARTHS, (*RARE_EARTHS, *ACTINIDES))
_D_BLOCK: Final = _symbols("Ti Zr Hf V Nb Ta Cr Mo W Mn Tc Re Fe Ru Os Co Rh Ir Ni Pd Pt Cu Ag Au")
_IN_OXIDES: Final = _symbols(
    "Tl Ag Pb Bi Cu Hg Cd Zn Pd Pt Ni Co Mn Fe Rh Ir Ru Os Au Sn In Ga Al Sb Zr Hf Ti Cr V Nb Ta Mo W Re Tc Ge Po"
)
"""Metals beside oxygen and halogens, about as their usual charges ascend: PbTiO3, BiFeO3, NiFe2O4, CuAl2O4, FeWO4."""
_IN_CHALCOGENIDES: Final = _symbols(
    "Tl Ag Pb Cu Hg Cd Zn Pd Pt Ni Co Mn Fe Rh Ir Ru Os Au Sn In Ga Al Zr Hf Ti Cr V Nb Ta Mo W Re Tc Ge Bi Sb Po"
)
"""Metals beside S, Se, Te: MnBi2Te4, GeSb2Te4, CuInSe2, AgCrSe2."""
_ACID_FORMING: Final = ("V", "Nb", "Ta", "Cr", "Mo", "W", "Re")
_OF_SPINELS: Final = ("Mn", "Fe", "Co", "Ni")
_LATE: Final = ("Fe", "Co", "Ni", "Pd", "Pt", "Rh", "Ir", "Ru", "Os")
_EARLY: Final = ("Nb", "Ta")


def ordered(amounts: Mapping[str, float]) -> list[str]:
    """Order the elements of a compound, where no groups are made of them.

    Parameters
    ----------
    amounts
        Atoms by element.

    Examples
    --------
    >>> ordered({"O": 3, "Ti": 1, "Pb": 1}), ordered({"Te": 2, "Mo": 1})
    (['Pb', 'Ti', 'O'], ['Mo', 'Te'])
    """
    metals = [symbol for symbol in amounts if symbol not in NONMETALS]
    others = [symbol for symbol in amounts if symbol in NONMETALS]
    if not metals and {"C", "H"} <= amounts.keys():  # Hill's order
        return ["C", "H", *sorted(amounts.keys() - {"C", "H"})]
    if not metals:
        return _nonmetals(others)
    if len(metals) == 1 and metals[0] in _ACID_FORMING and {"H", "O"} == set(others):  # H2WO4
        return ["H", metals[0], "O"]
    return [*_metals(metals, amounts), *_anions(others, metals, amounts)]


def _electronegativity(symbol: str) -> int:
    return BY_ELECTRONEGATIVITY.index(symbol)


def _metals(metals: list[str], amounts: Mapping[str, float]) -> list[str]:
    salt = bool(amounts.keys() & {*CHALCOGENS, *HALOGENS})
    groups = _ELECTROPOSITIVE if salt else (sum(_ELECTROPOSITIVE, ()), (), ())  # MgY2S4, but LaMg3
    first = [sorted(amounts.keys() & set(group), key=_electronegativity) for group in groups]
    if {"Ba", "Cu", "O"} <= amounts.keys() and len(first[2]) == 1:  # YBa2Cu3O7
        first[1], first[2] = first[2], first[1]
    electropositive = [symbol for group in first for symbol in group]
    rest = [symbol for symbol in metals if symbol not in electropositive]
    if amounts.keys() & {"O", *HALOGENS}:
        rest.sort(key=lambda symbol: _place(symbol, _IN_OXIDES))
        if len(rest) == 2 and set(rest) < set(_OF_SPINELS) and [amounts[symbol] for symbol in rest] == [2, 1]:
            rest.reverse()  # MnCo2O4 beside CoMn2O4
    elif amounts.keys() & set(CHALCOGENS):
        early = [symbol for symbol in rest if symbol in _EARLY] if set(rest) & set(_LATE) else []  # Ta2NiSe5, NbIrTe4
        rest = [*early, *sorted((symbol for symbol in rest if symbol not in early), key=_in_chalcogenides)]
    else:
        twice = [] if len(amounts) != 3 else [symbol for symbol in rest if symbol in _D_BLOCK and amounts[symbol] == 2]
        heusler = twice if sorted(amounts.values()) == [1, 1, 2] else []  # Cu2MnAl
        rest.sort(key=lambda symbol: (symbol not in heusler, symbol not in _D_BLOCK, _electronegativity(symbol)))
    return [*electropositive, *rest]


def _in_chalcogenides(symbol: str) -> tuple[int, int]:
    return _place(symbol, _IN_CHALCOGENIDES)


def _place(symbol: str, order: tuple[str, ...]) -> tuple[int, int]:
    return (order.index(symbol) if symbol in order else len(order), _electronegativity(symbol))


def _nonmetals(symbols: list[str]) -> list[str]:
    """Order molecules and crystals without a metal: NH3, POCl3, SF6, B4C."""
    halogens = [symbol for symbol in symbols if symbol in HALOGENS]
    if {"H", "O"} < set(symbols) and len(symbols) == 3 and halogens:  # HClO4
        return ["H", *halogens, "O"]
    if "O" in symbols and len(symbols) > 2 and halogens:  # POCl3, where a binary compound is Cl2O
        symbols = [symbol for symbol in symbols if symbol not in halogens]
        return [*_nonmetals(symbols), *sorted(halogens, key=HALOGENS.index)]
    if set(symbols) == {"H", "N"}:
        return ["N", "H"]
    if "H" in symbols and symbols != ["H"] and set(symbols) & {"N", *CHALCOGENS, *HALOGENS}:
        return ["H", *_nonmetals([symbol for symbol in symbols if symbol != "H"])]  # HNO3, H2SO4, HCN
    if "N" in symbols and set(symbols) & {"S", "Se", "Te"}:
        return sorted(symbols, key=lambda symbol: (symbol == "N", NONMETALS.index(symbol)))
    return sorted(symbols, key=lambda symbol: NONMETALS.index(symbol) if symbol != "N" else NONMETALS.index("H"))


_ANIONS: Final = _symbols("B Si C As P H O S Se Te N F Cl Br I At")
"""Nonmetals after metals, within a group the lighter first: MoSSe, BaFCl, Bi2O2Se; BiOCl, ZrNCl, SrTaO2N, LaFeAsO."""


def _anions(symbols: list[str], metals: list[str], amounts: Mapping[str, float]) -> list[str]:
    order = [*_ANIONS]
    if not set(symbols) & {*HALOGENS, "O", "S", "Se", "Te"}:  # LiNH2, NaBH4: hydrogen is the anion, or within one
        order = [*(symbol for symbol in order if symbol != "H"), "H"]
    elif any(_is_cation(symbol, metals, amounts) for symbol in symbols):  # SrTeO3, Na2S2O3, but Bi2O2Se
        order.remove("O")
        order.insert(order.index("Te") + 1, "O")
    elif set(metals) <= {"Bi", "Sb"} and set(symbols) <= {"S", "Se", "Te"}:  # Bi2Te2Se
        return sorted(symbols, key=lambda symbol: (-amounts[symbol], symbol))
    return sorted(symbols, key=lambda symbol: order.index(symbol) if symbol in order else -1)


def _is_cation(symbol: str, metals: list[str], amounts: Mapping[str, float]) -> bool:
    """Whether a chalcogen has so much oxygen that it must be positive."""
    if symbol not in ("S", "Se", "Te"):
        return False
    salt = symbol == "S" and set(metals) <= {*ALKALI, *ALKALINE_EARTHS}
    return amounts.get("O", 0) >= (1.5 if salt else 2.5) * amounts[symbol]
