"""The allow-list, and what the docs say of it."""

from pathlib import Path

import pytest
from exfolio.models.calculation.allowed_tags import DEFAULTS, FREE_TAGS, RULED, SWITCHES, odd_tags

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = (DOCS / "vasp.md", DOCS / "vasp-tags.md")


def test_a_tag_is_in_one_table_only() -> None:
    assert not FREE_TAGS & DEFAULTS.keys()
    assert not FREE_TAGS & set(RULED)
    assert not DEFAULTS.keys() & set(RULED)


def test_every_switch_is_judged_by_itself() -> None:
    assert SWITCHES.keys() <= {*FREE_TAGS, *DEFAULTS, *RULED}


def test_the_docs_have_every_tag_of_the_tables() -> None:
    words = {word for page in PAGES for word in page.read_text(encoding="utf-8").replace(",", " ").split()}

    assert sorted((FREE_TAGS | DEFAULTS.keys() | set(RULED) - {"SIGMA", "DIPOL"}) - words) == []


@pytest.mark.parametrize(
    ("told", "taken", "odd"),
    [
        ({"NPAR": 4, "ENCUT": 520.0}, {}, []),
        ({"LSORBIT": False}, {"LSORBIT": False}, []),
        ({}, {"EFIELD": 0.3}, ["EFIELD = 0.3"]),  # VASP took it, wherever it came from
        ({}, {"A_NEW_PARAMETER": 7}, []),  # of VASP's own accord
        ({"A_NEW_TAG": 7}, {"A_NEW_TAG": 7}, ["A_NEW_TAG = 7"]),
        ({"VCA": [1.0, 1.0]}, {}, []),
        ({"VCA": [1.0, 0.5]}, {}, ["VCA = 1 0.5"]),
        ({"NUPDOWN": -1.0}, {"NUPDOWN": -1}, []),
        ({"ML_MODE": "run"}, {}, []),  # switched off
        ({"ML_MODE": "run"}, {"ML_LMLFF": True}, ["ML_LMLFF = .TRUE.", "ML_MODE = run"]),
        ({"ML_FF_LMLFF": True, "ML_FF_ISTART": 2}, {}, ["ML_FF_ISTART = 2", "ML_FF_LMLFF = .TRUE."]),
        ({"EB_K": 80.0}, {"LSOL": False}, []),
        ({"EB_K": 80.0}, {"LSOL": True}, ["EB_K = 80", "LSOL = .TRUE."]),
        ({"LVDW_EWALD": True, "LVDW": True}, {"IVDW": 0}, ["LVDW_EWALD = .TRUE."]),
    ],
)
def test_what_is_at_its_default_may_be_said(told: dict[str, object], taken: dict[str, object], odd: list[str]) -> None:
    assert odd_tags(told, taken) == odd
