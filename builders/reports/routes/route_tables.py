"""Figures of routes and models as tables in Markdown, each with what it counts; and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from ....models.evaluation.distances import Distance
from ....models.evaluation.shares import Share
from ....stores.documents.property import COMPOUNDS
from .held_out import TOPS
from .route_coverage import Covered
from .route_figures import RouteFigures, RouteReport
from .route_likeness import Likeness
from .route_records import LAYER
from .route_stability import METASTABLE, STABLE, Stability

HULLS: Final = {
    "calculation": "reference entries and calculations, corrected alike",
    "same-structure": "as the source of that known structure states it",
    "known hull": "formation energies of known materials by this method",
    "potential": "known materials by this potential",
}
"""Against which hull a distance is, by the basis of the value."""
_LACKS: Final = {COMPOUNDS: "known compounds"}
_HEADINGS: Final = {
    "made": "made by|made|drawn|valid|by CDVAE's rule|unique|novel|RMSD to relaxed|elements' supply (HHI)",
    "stability": "made by|energies|hull|with energy|stable|<= {limit:g}|S.U.N.|M.S.U.N.",
    "likeness": "made by|of|compared|density or mass per area|number of elements|space groups|elements",
    "covered": "made by|of|compared|COV recall|COV precision|AMSD recall|AMSD precision",
    "recovered": "templates of|tried|left out|in the first|in the first 5|in the first 10|no template left",
    "found": "made by|known ones of what was tried|found again|made of",
}


def tables(report: RouteReport) -> str:
    """Write the figures as tables in Markdown."""
    if not report.rows:
        return "No structures have been proposed yet.\n"
    sources = report.reference.sources
    total, with_structure = (sum(counts[i] for counts in sources.values()) for i in (0, 1))
    named = ", ".join(f"{name} ({n:,})" for name, (_, n) in sources.items() if n) or "none"
    parts = [
        "Shares are of all structures made, ± their standard error by counting; what repeats another counts once. "
        f"Novel to {len(sources)} sources with {total:,} materials, {with_structure:,} of them with an ordered "
        f"structure: {named}; in brackets without and with those that may be known.",
        _table("made", [_made(row) for row in report.rows]),
        _listed("Not valid because of", [(row.name, row.faults) for row in report.rows]),
        _listed("How new the distinct valid ones are", [(row.name, row.classes) for row in report.rows]),
        "At most 0 (stable) and 0.1 eV/atom above the hull, values taken as they are; in brackets what is certain to "
        "what is possible, where values are bounds, have intervals or are missing. S.U.N.: stable, unique and novel; "
        "M.S.U.N.: the same at 0.1.",
        _table("stability", [_stable(row, one) for row in report.rows for one in row.stability]),
        "Distances of distinct valid structures to known ones of these elements, in brackets those of as many known "
        "ones drawn at random: Wasserstein (g/cm^3, of layers mg/m^2; elements), Jensen-Shannon (0 to 1).",
        _table("likeness", [_alike(row, one) for row in report.rows for one in row.likeness]),
        _covering(report),
        _table("found", [_found(row) for row in report.rows]),
        _found_without(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(report: RouteReport) -> dict[str, Any]:
    """The figures as plain data; of each share also its standard error and its interval."""
    rows = []
    for row in report.rows:
        data = {"name": row.name, **asdict(row), "novel": _plain_share(row.novel)}
        data["stability"] = [
            {
                **asdict(one),
                "hull": HULLS.get(one.basis, one.basis),
                **{name: _plain_share(getattr(one, name)) for name in ("stable", "metastable", "sun", "msun")},
            }
            for one in row.stability
        ]
        rows.append(data)
    sources = {name: {"materials": n, "with_structure": m} for name, (n, m) in report.reference.sources.items()}
    held_out = [
        {**asdict(one), "found": {top: _plain_share(share) for top, share in one.found.items()}}
        for one in report.recovered
    ]
    limits = {"stable": STABLE, "metastable": METASTABLE}
    return {"compared_with": sources, "limits": limits, "routes": rows, "held_out": held_out}


def _plain_share(share: Share) -> dict[str, float]:
    low, high = share.interval
    return {**asdict(share), "standard_error": share.standard_error, "low": low, "high": high}


def _table(name: str, rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    headings = _HEADINGS[name].format(limit=METASTABLE).split("|")
    lines = [f"| {' | '.join(headings)} |", f"|---|{'---:|' * (len(headings) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])


def _listed(told: str, counts: Sequence[tuple[str, dict[str, int]]]) -> str:
    lines = []
    for name, counted in counts:
        parts = ", ".join(f"{what.replace('_', ' ')} {n:,}" for what, n in counted.items())
        lines += [f"- {name}: {parts}"] if parts else []
    return "\n".join([f"{told}:", "", *lines]) if lines else ""


def _made(row: RouteFigures) -> list[str]:
    drawn = "–" if row.drawn is None else f"{row.drawn:,}, {_percent(row.drawn_valid or 0, row.drawn)} valid"
    supply = "–"
    if row.supply is not None:
        known = row.supply
        supply = f"{known.production:,.0f} made, {known.reserves:,.0f} reserves ({known.known:,})"
    moved = "–" if row.moved is None else f"{row.moved.mean:.2f} Å ({row.moved.structures:,})"
    shares = (_counted(n, row.made) for n in (row.valid, row.cdvae_valid, row.unique))
    return [row.name, f"{row.made:,}", drawn, *shares, _share(row.novel), moved, supply]


def _stable(row: RouteFigures, one: Stability) -> list[str]:
    lacking = "".join(f"; {n:,} lack {_LACKS.get(what, what)}" for what, n in sorted(one.lacks.items()))
    hull = f"{HULLS.get(one.basis, one.basis)}{lacking}"
    return [row.name, one.method, hull, f"{one.known:,}", *map(_share, (one.stable, one.metastable, one.sun, one.msun))]


def _alike(row: RouteFigures, one: Likeness) -> list[str]:
    distances = (one.density, one.number_of_elements, one.space_groups, one.elements)
    return [row.name, _kind(one.dimension), f"{one.made:,} with {one.known:,}", *map(_distance, distances)]


def _covering(report: RouteReport) -> str:
    rows = [_cover(row, one) for row in report.rows for one in row.covered]
    told = (
        "Coverage by fingerprints (CrystalNN, Magpie; near within 0.4 and 10), of samples: known ones that have one "
        "made near, made ones that have a known one near, mean distances of structures to the nearest; in brackets "
        "those of other known ones in place of what was made."
    )
    return f"{told}\n\n{_table('covered', rows)}" if rows else ""


def _cover(row: RouteFigures, one: Covered) -> list[str]:
    names = ("recall", "precision", "amsd_recall", "amsd_precision")
    made, known = ([f"{getattr(of, name):.2f}" if of else "–" for name in names] for of in (one.by_route, one.by_known))
    cells = [f"{value} ({beside})" for value, beside in zip(made, known, strict=True)]
    return [row.name, _kind(one.dimension), f"{one.made:,} with {one.known:,}", *cells]


def _found_without(report: RouteReport) -> str:
    told = "Known structures that templates find again, which were left out with all of their composition, or family:"
    rows = [
        [_kind(one.dimension), f"{one.found[TOPS[0]].total:,}", one.left_out]
        + [_share(one.found[top]) for top in TOPS]
        + [f"{one.without:,}"]
        for one in report.recovered
    ]
    return f"{told}\n\n{_table('recovered', rows)}" if rows else ""


def _kind(dimension: int) -> str:
    return "layers" if dimension == LAYER else "crystals"


def _found(row: RouteFigures) -> list[str]:
    found = row.found
    if found is None:
        return [row.name, "–", "–", "–"]
    made_of = ", ".join(f"{n:,} of {what}" for what, n in found.made_of.items()) or "–"
    share = f"{found.found:,} ({_counted(found.found, found.there)})" if found.there else "–"
    return [row.name, f"{found.there:,}", share, made_of]


def _share(share: Share) -> str:
    if not share.total:
        return "–"
    told = f"{share.by_value:,}: {share.by_value / share.total:.1%} ± {share.standard_error:.1%}"
    if share.certain == share.possible:
        return told
    return f"{told} ({share.certain / share.total:.1%} to {share.possible / share.total:.1%})"


def _distance(distance: Distance | None) -> str:
    return "–" if distance is None else f"{distance.value:.2f} ({distance.by_chance:.2f})"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _counted(part: int, whole: int) -> str:
    """A share with its standard error."""
    return f"{part / whole:.1%} ± {Share(part, part, part, whole).standard_error:.1%}" if whole else "–"
