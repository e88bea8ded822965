"""Name of the exchange-correlation functional of a VASP run, by the tags that make it.

Names are those of Materials Project where it has one (``GGA`` is PBE); what has no name is told by its parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from .vasp_tags import VaspTags

PBE: Final = "GGA"
"""Materials Project's name of PBE, whether by GGA = PE or by the POTCARs."""

_GGA: Final = {
    "PE": PBE,
    "91": "PW91",
    "PS": "PBEsol",
    "RP": "RPBE",
    "RE": "revPBE",
    "AM": "AM05",
    "CA": "LDA",
    "OR": "optPBE exchange",
    "BO": "optB88 exchange",
    "MK": "optB86b exchange",
    "ML": "rPW86 exchange",
    "CX": "LV-PW86r exchange",
    "BF": "BEEF exchange",
}
"""By GGA tag, https://www.vasp.at/wiki/index.php/GGA; VASP reads its first two letters."""
_META_GGA: Final = frozenset(
    {
        *("TPSS", "RTPSS", "M06L", "MS0", "MS1", "MS2", "SCAN", "RSCAN", "R2SCAN"),
        *("SCANL", "RSCANL", "R2SCANL", "OFR2", "MBJ", "LMBJ"),
    }
)
"""By METAGGA tag, https://www.vasp.at/wiki/index.php/METAGGA, but for halves of them (SCAN_X) and LIBXC, which names
none."""
_POTCAR_FUNCTIONAL: Final = {"PAW_PBE": PBE, "PAW_GGA": "PW91", "PAW": "LDA"}
"""Functional that POTCARs are for, by the first word of their title: what runs where GGA is not set."""

_DEFAULT_ZAB: Final = -0.8491
_SECOND_ZAB: Final = -1.8867
_NONLOCAL: Final[tuple[tuple[str, dict[str, float], str], ...]] = (
    ("RE", {"ZAB_VDW": _DEFAULT_ZAB}, "vdW-DF"),
    ("OR", {"ZAB_VDW": _DEFAULT_ZAB}, "optPBE-vdW"),
    ("BO", {"ZAB_VDW": _DEFAULT_ZAB, "PARAM1": 0.18333333, "PARAM2": 0.22}, "optB88-vdW"),
    ("MK", {"ZAB_VDW": _DEFAULT_ZAB, "PARAM1": 0.1234, "PARAM2": 1.0}, "optB86b-vdW"),
    ("MK", {"ZAB_VDW": _SECOND_ZAB, "PARAM1": 0.1234, "PARAM2": 0.711357}, "rev-vdW-DF2"),
    ("ML", {"ZAB_VDW": _SECOND_ZAB}, "vdW-DF2"),
    ("CX", {"ZAB_VDW": _DEFAULT_ZAB}, "vdW-DF-cx"),
)
"""GGA tag and parameters of the functionals with LUSE_VDW and AGGAC = 0, which takes PBE's correlation away:
https://www.vasp.at/wiki/index.php/Nonlocal_vdW-DF_functionals; J. Klimeš et al., Phys. Rev. B 83, 195131 (2011)."""
_DEFAULTS: Final = {"ZAB_VDW": _DEFAULT_ZAB, "PARAM1": 0.1234, "PARAM2": 1.0}
_RVV10: Final = {"BPARAM": 6.3, "CPARAM": 0.0093}
"""b and C of rVV10 as VASP takes them by itself: R. Sabatini et al., Phys. Rev. B 87, 041108 (2013)."""
_RVV10_OF_META_GGA: Final = {"SCAN": 15.7, "R2SCAN": 11.95}
"""b that belongs to a meta-GGA: H. Peng et al., Phys. Rev. X 6, 041005 (2016); J. Ning et al., Phys. Rev. B 106, 075422
(2022)."""

_DISPERSION: Final = {
    1: "DFT-D2",
    10: "DFT-D2",
    11: "DFT-D3",
    12: "DFT-D3-BJ",
    13: "DFT-D4",
    3: "DFT-ulg",
    2: "TS",
    20: "TS",
    21: "TS-H",
    202: "MBD",
    263: "MBD-FI",
    4: "dDsC",
}
"""By IVDW, https://www.vasp.at/wiki/index.php/IVDW."""
_DAMPING_OF_PBE: Final[dict[str, dict[str, float]]] = {
    "DFT-D2": {"VDW_S6": 0.75, "VDW_SR": 1.0, "VDW_D": 20.0},
    "DFT-D3": {"VDW_S6": 1.0, "VDW_S8": 0.722, "VDW_SR": 1.217},
    "DFT-D3-BJ": {"VDW_S6": 1.0, "VDW_S8": 0.7875, "VDW_A1": 0.4289, "VDW_A2": 4.4407},
    "TS": {"VDW_S6": 1.0, "VDW_SR": 0.94, "VDW_D": 20.0},
    "TS-H": {"VDW_S6": 1.0, "VDW_SR": 0.94, "VDW_D": 20.0},
}
"""Damping of dispersion beside PBE, which VASP sets by itself: S. Grimme, J. Comput. Chem. 27, 1787 (2006); S. Grimme
et al., J. Chem. Phys. 132, 154104 (2010) and J. Comput. Chem. 32, 1456 (2011); A. Tkatchenko, M. Scheffler, Phys. Rev.
Lett. 102, 073005 (2009)."""
_DAMPED_BY_VASP: Final[dict[str, tuple[str, ...]]] = {
    "DFT-D2": ("revPBE", "PBE0", "TPSS", "B3LYP"),
    **dict.fromkeys(
        ("DFT-D3", "DFT-D3-BJ"), ("RPBE", "revPBE", "PBEsol", "TPSS", "M06L", "SCAN", "B3LYP", "PBE0", "HF")
    ),
}
"""What VASP has damping for beside PBE, https://www.vasp.at/wiki/index.php/DFT-D3 and DFT-D2; elsewhere a run has to
give its own."""
_DAMPING_TO_GIVE: Final[dict[str, tuple[str, ...]]] = {
    "DFT-D2": ("VDW_S6",),
    "DFT-D3": ("VDW_S8", "VDW_SR"),
    "DFT-D3-BJ": ("VDW_S8", "VDW_A1", "VDW_A2"),
    "TS": ("VDW_SR",),
    "TS-H": ("VDW_SR",),
}
UNSAID_DISPERSION: Final = "+vdW-unsaid"
"""Ends the name of a run whose energy holds a dispersion term that its file does not name."""

_HYBRIDS: Final[tuple[tuple[str, float, tuple[float, float], str], ...]] = (
    (PBE, 0.25, (0.0, 0.0), "PBE0"),
    (PBE, 0.25, (0.2, 0.2085), "HSE06"),
    (PBE, 0.25, (0.3, 0.3), "HSE03"),
    ("PBEsol", 0.25, (0.2, 0.2085), "HSEsol"),
)
"""Semilocal part, AEXX, limits of HFSCREEN (1/Å), name: Heyd, Scuseria, Ernzerhof, J. Chem. Phys. 118, 8207 (2003) and
124, 219906 (2006); Krukau et al., J. Chem. Phys. 125, 224106 (2006), whose 0.11/bohr is 0.2079/Å; Schimka et al., J.
Chem. Phys. 134, 024116 (2011)."""
_AEXX: Final = 0.25
"""What VASP takes with LHFCALC, https://www.vasp.at/wiki/index.php/AEXX."""
_TOLERANCE: Final = 1e-3


def functional_name(
    tags: VaspTags,
    potcar_titles: Sequence[str],
    hubbards: Mapping[str, float] | None = None,
    *,
    unsaid_dispersion: bool = False,
) -> str:
    """Name of the functional of a run.

    Parameters
    ----------
    tags
        Of the run.
    potcar_titles
        Titles of its POTCARs, such as ``PAW_PBE Fe_pv 06Sep2000``: they decide where GGA is not set.
    hubbards
        U - J by element, eV; any that is not zero adds ``+U``.
    unsaid_dispersion
        The energy holds a dispersion term that no tag names.

    Examples
    --------
    >>> functional_name(VaspTags.of({"GGA": "Pe"}, {}), ["PAW_PBE Si 05Jan2001"])
    'GGA'
    >>> hybrid = {"LHFCALC": True, "AEXX": 0.25, "HFSCREEN": 0.2}
    >>> functional_name(VaspTags.of(hybrid, {}), ["PAW_PBE Si 05Jan2001"])
    'HSE06'
    """
    semilocal = _semilocal(tags, potcar_titles)
    name = _nonlocal(tags, semilocal)
    if any(abs(value) > _TOLERANCE for value in (hubbards or {}).values()):
        name += "+U"
    dispersion = 1 if tags.on("LVDW") else int(tags.number("IVDW", 0))
    if dispersion:
        added = _DISPERSION.get(dispersion, f"IVDW={dispersion}")
        name += f"+vdW-{added}{' (dispersion twice)' if tags.on('LUSE_VDW') else _damping(tags, added, semilocal)}"
    elif unsaid_dispersion:
        name += UNSAID_DISPERSION
    return name


def hubbards_of_run(tags: VaspTags, species: Sequence[str]) -> dict[str, float]:
    """U - J by element, eV, where any is not zero; empty where the tags do not fit the species.

    Parameters
    ----------
    tags
        Of the run.
    species
        Element of each POTCAR.
    """
    us, js = tags.numbers("LDAUU"), tags.numbers("LDAUJ")
    if not tags.on("LDAU") or len(us) != len(species):
        return {}
    js = js if len(js) == len(us) else [0.0] * len(us)
    return {element: u - j for element, u, j in zip(species, us, js, strict=True) if abs(u - j) > 1e-8}


def is_hybrid(tags: VaspTags) -> bool:
    """Whether a run has exact exchange."""
    return tags.on("LHFCALC") and _exact_exchange(tags) > 0


def _exact_exchange(tags: VaspTags) -> float:
    """Share of exact exchange of a run with LHFCALC, which is without it only where it was told so."""
    stated = tags.number("AEXX", _AEXX)
    return stated if stated > 0 or "AEXX" in tags.told else _AEXX


def is_meta_gga(tags: VaspTags) -> bool:
    """Whether a run has a functional of the kinetic energy density."""
    return tags.word("METAGGA") != ""


def gga_tag(tags: VaspTags) -> str:
    """The two letters of GGA that VASP reads; empty where the POTCARs decide."""
    value = tags.get("GGA")
    if isinstance(value, float):  # GGA = 91, which looks like a number
        return f"{value:.0f}"
    word = str(value or "").strip().upper()[:2]
    return "" if word in ("", "--") else word


def _semilocal(tags: VaspTags, titles: Sequence[str]) -> str:
    tag = gga_tag(tags)
    kinds = {title.split()[0] for title in titles if title.split()}
    if tag:
        base = _GGA.get(tag, f"GGA={tag}")
    else:
        base = "+".join(sorted(_POTCAR_FUNCTIONAL.get(kind, kind) for kind in kinds)) or "functional not stated"
    if word := tags.word("METAGGA"):
        base = word if word in _META_GGA else f"METAGGA={word}"
    return _hybrid(tags, base) if is_hybrid(tags) else base + _scaled(tags)


def _damping(tags: VaspTags, dispersion: str, semilocal: str) -> str:
    """What is added to the name of a dispersion term whose damping is not PBE's, or is neither VASP's nor given."""
    if semilocal == PBE:
        usual = _DAMPING_OF_PBE.get(dispersion, {})
        taken = {tag: tags.number(tag, value) for tag, value in usual.items()}
        return _in_brackets({tag: value for tag, value in taken.items() if not _close(value, usual[tag])})
    known = semilocal in _DAMPED_BY_VASP.get(dispersion, ())
    given = all(tag in tags.told for tag in _DAMPING_TO_GIVE.get(dispersion, ()))
    return "" if known or given else " (its damping is not given)"


def _in_brackets(odd: Mapping[str, float]) -> str:
    return f" ({', '.join(f'{tag}={value:g}' for tag, value in odd.items())})" if odd else ""


def _scaled(tags: VaspTags) -> str:
    """What is added to the name of a functional of which a part has been scaled."""
    parts = ["ALDAX", "ALDAC", *(("AMGGAX", "AMGGAC") if is_meta_gga(tags) else ("AGGAX", "AGGAC"))]
    if tags.on("LUSE_VDW"):
        parts = [part for part in parts if part != "AGGAC"]  # PBE's correlation goes where the nonlocal one comes
    odd = {part: tags.number(part, 1.0) for part in parts if not _close(tags.number(part, 1.0), 1.0)}
    return _in_brackets(odd)


def _hybrid(tags: VaspTags, base: str) -> str:
    exact, screening = _exact_exchange(tags), tags.number("HFSCREEN", 0.0)
    usual = _hybrid_defaults(exact)
    shares = {tag: tags.number(tag, default) if tag in tags.told else default for tag, default in usual.items()}
    odd = {tag: value for tag, value in shares.items() if not _close(value, usual[tag])}
    if not odd and not tags.on("LTHOMAS"):
        for semilocal, share, (low, high), name in _HYBRIDS:
            if base == semilocal and _close(exact, share) and low - _TOLERANCE <= screening <= high + _TOLERANCE:
                return name
    if _close(exact, 1.0) and _close(shares["ALDAC"], 0.0) and _close(shares["AGGAC"], 0.0) and not screening:
        return "HF"
    if gga_tag(tags) == "B3" and _close(exact, 0.2) and not screening:
        told = {"AGGAX": 0.72, "AGGAC": 0.81, "ALDAC": 0.19}
        if all(_close(tags.number(tag, -1.0), value) for tag, value in told.items()):
            return "B3LYP"
    words = [f"AEXX={exact:g}", f"HFSCREEN={screening:g}", *(f"{tag}={value:g}" for tag, value in odd.items())]
    return f"hybrid of {'PBE' if base == PBE else base} ({', '.join(words)}{', LTHOMAS' if tags.on('LTHOMAS') else ''})"


def _hybrid_defaults(exact: float) -> dict[str, float]:
    """Shares of the semilocal parts that VASP takes by itself: https://www.vasp.at/wiki/index.php/AEXX."""
    correlation = 0.0 if _close(exact, 1.0) else 1.0
    return {"ALDAX": 1 - exact, "AGGAX": 1 - exact, "ALDAC": correlation, "AGGAC": correlation}


def _nonlocal(tags: VaspTags, semilocal: str) -> str:
    if not tags.on("LUSE_VDW"):
        return semilocal
    if tags.on("LHFCALC"):
        return f"{semilocal}+nonlocal vdW"
    values = {tag: tags.number(tag, default) for tag, default in _DEFAULTS.items()}
    kernel = {tag: tags.number(tag, default) for tag, default in _RVV10.items()}
    correlation, version = tags.number("AGGAC", 1.0), tags.told.get("IVDW_NL")
    of_rvv10 = _close(kernel["BPARAM"], 10.0)
    expected = (2,) if is_meta_gga(tags) or of_rvv10 else (1, 2) if gga_tag(tags) == "ML" else (1,)
    if version is not None and int(version) not in expected:
        values["IVDW_NL"] = float(version)  # of VASP 6.4: 1 that of Dion et al., 2 that of rVV10
    elif is_meta_gga(tags):
        usual = {**_RVV10, "BPARAM": _RVV10_OF_META_GGA.get(semilocal, math.nan)}
        return f"{semilocal}+rVV10{_in_brackets({tag: v for tag, v in kernel.items() if not _is_usual(v, usual[tag])})}"
    elif gga_tag(tags) == "BF" and _close(values["ZAB_VDW"], _SECOND_ZAB):
        return "BEEF-vdW"  # its share of PBE's correlation is part of the exchange tag
    elif _close(correlation, 0.0):
        for tag, needed, name in _NONLOCAL:
            if gga_tag(tags) == tag and all(_close(values[key], value) for key, value in needed.items()):
                return name
    elif gga_tag(tags) == "ML" and all(_is_usual(value, _RVV10[tag]) for tag, value in kernel.items()):
        return "rVV10"
    elif semilocal == PBE and of_rvv10:
        return "PBE+rVV10L"
    words = [f"AGGAC={correlation:g}", *(f"{tag}={value:g}" for tag, value in values.items())]
    return f"{semilocal}+nonlocal vdW ({', '.join(words)})"


def _is_usual(value: float, usual: float) -> bool:
    return math.isclose(value, usual, rel_tol=1e-3)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, abs_tol=_TOLERANCE)
