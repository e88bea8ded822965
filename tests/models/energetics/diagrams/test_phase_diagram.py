"""Phase diagrams as figures: what is drawn where, on measured formation enthalpies."""

from pathlib import Path

import pytest
from exfolio.models.energetics.diagrams.phase_diagram import DiagramError, DiagramPhase, plot_phase_diagram, position_of
from exfolio.models.energetics.diagrams.plot_labels import formula_label, species_label
from matplotlib.figure import Figure

# Formation enthalpies at 298 K, eV/atom (CRC Handbook of Chemistry and Physics).
WUSTITE = DiagramPhase("FeO", {"Fe": 1, "O": 1}, -1.41)
MAGNETITE = DiagramPhase("Fe3O4", {"Fe": 3, "O": 4}, -1.66)
HAEMATITE = DiagramPhase("Fe2O3", {"Fe": 2, "O": 3}, -1.71)
LITHIA = DiagramPhase("Li2O", {"Li": 2, "O": 1}, -2.07)
OXIDES = [WUSTITE, MAGNETITE, HAEMATITE]


def texts(figure: Figure) -> set[str]:
    axes = figure.axes
    drawn = {text.get_text() for one in axes for text in one.texts}
    legends = {text.get_text() for one in axes if (legend := one.get_legend()) for text in legend.get_texts()}
    return drawn | legends | {figure.get_suptitle()}


def test_a_binary_diagram_has_the_hull_and_says_where_the_marked_phase_stands(tmp_path: Path) -> None:
    marked = DiagramPhase("Fe4O5", {"Fe": 4, "O": 5}, -1.60, ours=True)

    figure = plot_phase_diagram(OXIDES, ["Fe", "O"], marked=marked, method="experiment")
    figure.savefig(tmp_path / "fe-o.png")

    hull = (5 / 9) / (4 / 7) * -1.66  # between Fe and Fe3O4: FeO is metastable at 298 K
    assert position_of(marked, OXIDES).energy == pytest.approx(-1.60 - hull)
    assert {product.name for product in position_of(marked, OXIDES).products} == {"Fe", "Fe3O4"}
    assert {"Fe$_{3}$O$_{4}$", "Fe$_{4}$O$_{5}$", "Fe", "O", "known, above the hull"} <= texts(figure)
    assert "FeO" not in texts(figure)
    assert "0.014 eV/atom above the hull of known phases (97 % Fe$_{3}$O$_{4}$ + 3 % Fe)" in figure.get_suptitle()
    assert figure.axes[0].get_ylabel() == "formation energy (eV/atom)"
    assert (tmp_path / "fe-o.png").stat().st_size > 10_000


def test_a_ternary_diagram_has_its_corners_and_a_new_ground_state_lies_below(tmp_path: Path) -> None:
    marked = DiagramPhase("LiFeO2", {"Li": 1, "Fe": 1, "O": 2}, -1.95, ours=True)

    figure = plot_phase_diagram([*OXIDES, LITHIA], ["Li", "Fe", "O"], marked=marked)
    figure.savefig(tmp_path / "fe-li-o.png")

    assert {"Li", "Fe", "O", "Li$_{2}$O"} <= texts(figure)
    assert "0.105 eV/atom below the hull" in figure.get_suptitle()
    assert "62 % Fe$_{2}$O$_{3}$ + 38 % Li$_{2}$O" in figure.get_suptitle()

    phone = plot_phase_diagram([*OXIDES, LITHIA], ["Li", "Fe", "O"], marked=marked, narrow=True)
    phone.draw_without_rendering()
    labels = phone.axes[0].texts
    assert {text.get_text() for text in labels} == {text.get_text() for text in figure.axes[0].texts}
    assert all(label.get_window_extent().x0 >= 0 for label in labels)
    assert all(label.get_window_extent().x1 <= phone.bbox.width for label in labels)


def test_a_quaternary_diagram_numbers_its_phases(tmp_path: Path) -> None:
    phosphates = [
        DiagramPhase("Li3PO4", {"Li": 3, "P": 1, "O": 4}, -2.71),
        DiagramPhase("FePO4", {"Fe": 1, "P": 1, "O": 4}, -2.24),
        DiagramPhase("LiFePO4", {"Li": 1, "Fe": 1, "P": 1, "O": 4}, -2.45),
    ]

    figure = plot_phase_diagram([*OXIDES, LITHIA, *phosphates], ["Li", "Fe", "P", "O"], marked=phosphates[2])
    figure.savefig(tmp_path / "fe-li-o-p.png")

    assert any(" 1  Fe$_{2}$O$_{3}$\n 2  Fe$_{3}$O$_{4}$\n 3  FePO$_{4}$" in text for text in texts(figure))
    assert "LiFePO$_{4}$: on the hull of known phases" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        (["Fe"], "Fe: a phase diagram is drawn of two to four elements, not of 1"),
        (["Al", "Fe", "Li", "O", "P"], "not of 5"),
        (["Li", "O"], "FeO has Fe, which Li-O has not"),
    ],
)
def test_what_can_not_be_drawn_is_said(elements: list[str], says: str) -> None:
    with pytest.raises(DiagramError, match=says):
        plot_phase_diagram(OXIDES, elements)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("LiFe4(PO4)4", "LiFe$_{4}$(PO$_{4}$)$_{4}$"),
        ("Mg1Mn2O4", "MgMn$_{2}$O$_{4}$"),
        ("Mn12O19", "Mn$_{12}$O$_{19}$"),
        ("Li0.5CoO2", "Li$_{0.5}$CoO$_{2}$"),
    ],
)
def test_formulas_get_subscripts(name: str, label: str) -> None:
    assert formula_label(name) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Mn[2+]", "Mn$^{2+}$"),
        ("Mn[+2]", "Mn$^{2+}$"),
        ("MnO4[-]", "MnO$_{4}$$^{-}$"),
        ("HFeO2[-1]", "HFeO$_{2}$$^{-}$"),
        ("Fe(OH)3(aq)", "Fe(OH)$_{3}$(aq)"),
        ("H1Mn1O2(s)", "MnO(OH)(s)"),
        ("Mg(HO)2(s)", "Mg(OH)$_{2}$(s)"),
    ],
)
def test_species_get_charges(name: str, label: str) -> None:
    assert species_label(name) == label
