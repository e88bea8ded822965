"""The allow-list: INCAR tags that may differ in a run whose results are used, each with why.

A tag that is in neither table, nor ruled on in `usability`, makes a run unusable by being set. What VASP states of its
own accord is not held against a run unless a table here knows its default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

FREE: Final[dict[str, tuple[str, ...]]] = {
    "what is written, named or analysed after the last step": (
        *("SYSTEM", "NWRITE", "LWAVE", "LCHARG", "LVTOT", "LVHAR", "LELF", "LORBIT", "LAECHG", "LDOWNSAMPLE", "LH5"),
        *("NEDOS", "EMIN", "EMAX", "RWIGS", "LDAUPRINT", "LOPTICS", "LNABLA", "CSHIFT", "OMEGAMAX", "LHYPERFINE"),
        *("LWANNIER90", "LWRITE_MMN_AMN", "LWRITE_UNK", "LKPOINTS_OPT", "KPOINTS_OPT_MODE", "LVEL", "IESPILON"),
        *("LVACPOTAV", "LWANNIER90_RUN", "LWRITE_WANPROJ", "LOCPROJ", "LKPROJ", "LBONE", "STM", "LSYNCH5"),
        *("LBEEFENS", "LBEEFBAS"),
    ),
    "how the work is shared out": (
        *("NPAR", "KPAR", "NCORE", "NSIM", "NBLK", "LPLANE", "LSCALAPACK", "LSCAAWARE", "LSCALU", "LASYNC"),
        *("LORBITALREAL", "MAXMEM", "TELESCOPE", "NTAUPAR", "NOMEGAPAR", "TAUPAR", "OMEGAPAR", "NCSHMEM", "LFOCKACE"),
    ),
    "where the electrons start from": ("INIWAV", "RANDOM_SEED", "NELMDL", "IWAVPR"),
    "how they are brought to the end that EDIFF tells": (
        *("NELM", "NELMIN", "AMIX", "BMIX", "AMIN", "AMIX_MAG", "BMIX_MAG", "IMIX", "MAXMIX", "MIXPRE", "INIMIX"),
        *("MREMOVE", "WC", "MIXFIRST", "LMAXMIX", "LMIXTAU", "LMAXTAU", "TIME", "LDIAG", "LSUBROT", "WEIMIN"),
        *("EBREAK", "DEPER", "NRMM", "ENINI", "TURBO", "IRESTART", "NREBOOT", "NMIN", "EREF", "NBANDS"),
    ),
    "how atoms are moved to the end that EDIFFG tells": (
        *("ISIF", "POTIM", "NFREE", "SMASS", "MDALGO", "NBLOCK", "KBLOCK", "NPACO", "APACO", "TEBEG", "TEEND"),
        *("POMASS", "LATTICE_CONSTRAINTS", "NSW", "IOPT", "MAXMOVE", "ILBFGSMEM", "LGLOBAL", "LAUTOSCALE", "INVCURV"),
        *("LLINEOPT", "FDSTEP", "TIMESTEP", "SDALPHA", "FTIMEMAX", "FTIMEDEC", "FTIMEINC", "FALPHA", "FNMIN"),
    ),
    "grids and projectors, converged where the cut-off is": (
        *("ENAUG", "ADDGRID", "LREAL", "NLSPLINE", "LASPH"),
        *("GGA_COMPAT", "LSYMGRAD", "PRECFOCK", "LMAXFOCK", "NMAXFOCKAE", "KSPACING", "KGAMMA"),
        *("KBLOWUP", "SAXIS"),
    ),
    "how much of the symmetry is used": ("ISYM",),
    "what the functional's name, or the pair of layer and bulk, tells": (
        *("METAGGA", "LHFCALC", "HFSCREEN", "AEXX", "AGGAX", "AGGAC", "ALDAX", "ALDAC", "AMGGAX", "AMGGAC"),
        *("GGA", "LUSE_VDW", "IVDW", "LVDW", "PARAM1", "PARAM2", "PARAM3", "ZAB_VDW", "BPARAM", "CPARAM", "IVDW_NL"),
        *("VDW_S6", "VDW_S8", "VDW_A1", "VDW_A2", "VDW_R0", "VDW_SR", "VDW_D", "VDW_C6", "VDW_RADIUS", "VDW_CNRADIUS"),
        *("LDAU", "LDAUU", "LDAUJ"),
    ),
    "parameters of response functions, which such a run does not make": (
        *("ENCUTGW", "ENCUTGWSOFT", "ENCUTLF", "NOMEGA", "NOMEGAR", "NBANDSGW", "NBANDSLF", "NELMGW", "OMEGATL"),
        *("OMEGAGRID", "OMEGAMIN", "NBANDSO", "NBANDSV", "KPOINT_BSE", "MODEL_EPS0", "MODEL_ALPHA"),
    ),
}
"""Tags of any value, by the reason for which they may have it; those that matter to a pair are compared in it."""

DEFAULTS: Final[dict[str, tuple[Any, ...]]] = {
    # spins
    "LSORBIT": (False,),
    "LNONCOLLINEAR": (False,),
    "LSPIRAL": (False,),
    "LZEROZ": (False,),
    "NUPDOWN": (-1,),
    "I_CONSTRAINED_M": (0,),
    "M_CONSTR": (0,),
    "LAMBDA": (0, 1),
    "LORBMOM": (False,),
    "ORBITALMAG": (False,),
    "QSPIRAL": (0,),
    "LMAGBLOCH": (False,),
    "LSPIN_VDW": (False,),
    # fields, charges and surroundings
    "EFIELD": (0,),
    "EFIELD_PEAD": (0,),
    "LMONO": (False,),
    "EPSILON": (1,),
    "LSOL": (False,),
    "ISOL": (0,),
    "LPEAD": (False,),
    "LCALCPOL": (False,),
    "LCALCEPS": (False,),
    "LBERRY": (False,),
    "DFIELD": (0,),
    "LPARD": (False,),
    "ICORELEVEL": (0, 1),
    "CLNT": (0,),
    "VCA": (1,),
    "OFIELD_A": (0,),
    "LVCADER": (False,),
    # forces and cell
    "PSTRESS": (0,),
    "ML_LMLFF": (False,),
    "ML_FF_LMLFF": (False,),  # its name before VASP 6.3
    "IMAGES": (0,),
    "LCLIMB": (False, True),
    "ICHAIN": (0,),
    "SCALEE": (1,),
    "VCAIMAGES": (-1,),
    "PHON_NSTRUCT": (-1,),
    "LNEB": (False,),
    "LHARRIS": (False,),
    "LCORR": (True,),
    # functional
    "VOSKOWN": (0,),
    "LTHOMAS": (False,),
    "LMODELHF": (False,),
    "LRHFCALC": (False,),
    "LHFONE": (False,),
    "EXXOEP": (0,),
    "FOURORBIT": (0,),
    "NKRED": (1,),
    "NKREDX": (1,),
    "NKREDY": (1,),
    "NKREDZ": (1,),
    "EVENONLY": (False,),
    "ODDONLY": (False,),
    "SHIFTRED": (False,),
    "ENCUTFOCK": (0,),
    "ENCUT4O": (-1,),
    "MODEL_GW": (0,),
    "LMETAGGA": (False,),
    "LRHFATM": (False,),
    "LFOCKAEDFT": (False,),
    "MCALPHA": (0,),
    # atoms, projectors, response
    "ISTART": (0, 1),  # 2 and 3 keep the plane waves of another cell
    "LMAXPAW": (-100,),
    "LCOMPAT": (False,),
    "LREAL_COMPAT": (False,),
    "ISPECIAL": (0,),
    "LMUSIC": (False,),
    "LEPSILON": (False,),
    "LRPA": (False, True),
    "LCHIMAG": (False,),
    "LEFG": (False,),
    "LNICSALL": (True,),
    "NUCIND": (False,),
    "LSPECTRAL": (False,),
    "LADDER": (False,),
    "LHARTREE": (True,),
    "LFXC": (False,),
    "ANTIRES": (0,),
    "DARWINR": (0,),
    "DARWINV": (1,),
    "LFINITE_TEMPERATURE": (False,),
}
"""Tags that must be at VASP's default (any of the values, of each element of a list)."""

RULED: Final = (
    *("NELECT", "ENCUT", "PREC", "EDIFF", "EDIFFG", "ISMEAR", "SIGMA", "ICHARG", "ALGO", "IALGO", "ISPIN", "MAGMOM"),
    *("LDAUTYPE", "LDAUL", "LDIPOL", "IDIPOL", "DIPOL", "IBRION"),
    *("NGX", "NGY", "NGZ", "NGXF", "NGYF", "NGZF", "EFERMI", "SYMPREC", "ROPT"),
)
"""Tags whose values `usability` judges by the run."""

_OF_DISPERSION: Final = r"LVDW_EWALD|LVDWEXPANSION|LVDWSCS|LSCSGRAD|LVDW_ONECELL|VDW_\w+"
SWITCHES: Final[dict[str, re.Pattern[str]]] = {
    switch: re.compile(tags)
    for switch, tags in {
        "ML_LMLFF": r"ML_\w+",
        "ML_FF_LMLFF": r"ML_\w+",
        "LSOL": r"EB_K|TAU|LAMBDA_D_K|NC_K|SIGMA_K|CION_CONC|LNLDIEL|LNLION|LRHOB|LRHOION|R_ION|R_SOLV|P_SOLV|A_K",
        "LPARD": r"EINT|NBMOD|LSEPB|LSEPK|IBAND|KPUSE",
        "LEFG": r"QUAD_EFG",
        "LHYPERFINE": r"NGYROMAG",
        "LCHIMAG": r"DQ|LLRAUG|LNMR_SYM_RED",
        "LCALCEPS": r"IPEAD|SKIP_EDOTP|SKIP_SCF",
        "LBERRY": r"IGPAR|NPPSTR",
        "METAGGA": r"CMBJ\w*",
        "IMAGES": r"SPRING|LTANGENTOLD|LDNEB|LNEBCELL|JACOBIAN",
        "IVDW": _OF_DISPERSION,
        "LVDW": _OF_DISPERSION,
    }.items()
}
"""Tags that do nothing while the switch is off, by the switch."""

FREE_TAGS: Final = frozenset(tag for tags in FREE.values() for tag in tags)


def odd_tags(told: Mapping[str, Any], taken: Mapping[str, Any]) -> list[str]:
    """Tags, with their values, that are neither in the allow-list nor at their default.

    Parameters
    ----------
    told
        The INCAR's tags.
    taken
        What VASP states it took.
    """
    odd: dict[str, Any] = {}
    for tag, value in (*taken.items(), *told.items()):
        if tag in DEFAULTS:
            if not _at_default(value, DEFAULTS[tag]):
                odd[tag] = value
        elif tag in told and tag not in FREE_TAGS and tag not in RULED and not _switched_off(tag, told, taken):
            odd[tag] = value
    return [f"{tag} = {shown(value)}" for tag, value in sorted(odd.items())]


def _switched_off(tag: str, told: Mapping[str, Any], taken: Mapping[str, Any]) -> bool:
    switches = [switch for switch, tags in SWITCHES.items() if tags.fullmatch(tag)]
    return bool(switches) and not any(_is_on(taken.get(switch, told.get(switch))) for switch in switches)


def _is_on(value: Any) -> bool:
    return str(value).strip().upper() not in ("NONE", "", "--", "FALSE", "F", ".FALSE.", ".F.", "0", "0.0", "[]")


def shown(value: Any) -> str:
    """A value as an INCAR would have it.

    Examples
    --------
    >>> [shown(value) for value in (True, 5.0, [2, -1], "Auto")]
    ['.TRUE.', '5', '2 -1', 'Auto']
    """
    if isinstance(value, bool):
        return ".TRUE." if value else ".FALSE."
    if isinstance(value, list):
        return " ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _at_default(value: Any, defaults: tuple[Any, ...]) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(any(_same(item, default) for default in defaults) for item in values)


def _same(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return bool(value) is default if isinstance(value, bool) and isinstance(default, bool) else False
    return isinstance(value, int | float) and abs(float(value) - default) <= 1e-8
