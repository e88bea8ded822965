"""The documentation as a site: its reference has all that there is, links lead somewhere, and nothing is fetched."""

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from exfolio.cli.main import COMMANDS
from exfolio.stores.query.language.fields import ALL_DOCUMENTS, fields_of
from exfolio.stores.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="only in the repository, not in a wheel")


def hook(name: str) -> ModuleType:
    spec = spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return dict(hook("reference").pages())


def test_the_reference_has_every_command_setting_collection_and_field(reference: dict[str, str]) -> None:
    commands, settings = reference["reference/commands.md"], reference["reference/settings.md"]
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    assert [name for names in COMMANDS.values() for name in names if f"\n### exfolio {name}\n" not in commands] == []
    assert Settings.model_fields.keys() - set(re.split(r"[\s`]", settings)) == set()
    for name in ALL_DOCUMENTS:
        page = reference[f"reference/collections/{name}.md"]
        assert [path for path in fields_of(name).by_path if f"| `{path}` |" not in page] == []
        assert f"reference/collections/{name}.md" in navigation
    assert "| `exfoliation_energy` | number | eV/atom |" in reference["reference/collections/candidates.md"]
    assert "`formulas_from`" in reference["reference/campaign-fields.md"]
    assert "## query" in reference["reference/python-api.md"]


def test_no_default_of_a_setting_tells_of_the_machine(reference: dict[str, str]) -> None:
    assert str(Path.home()) not in reference["reference/settings.md"]
    assert str(ROOT) not in "".join(reference.values())


@pytest.mark.endurance
def test_the_site_is_built_without_a_broken_link_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]

    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    assert built.returncode == 0, built.stdout + built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(ALL_DOCUMENTS)
    fetched = re.compile(r"<(?:script|img|iframe|source)[^>]+src=\"(?:https?:)?//|<link[^>]+href=\"(?:https?:)?//")
    assert [page.name for page in pages if fetched.search(page.read_text(encoding="utf-8"))] == []
    own = (tmp_path / "site.css").read_text(encoding="utf-8")
    assert "url(" not in own
    assert "@import" not in own
