"""What README.md and docs/ name exists: commands with their options, pages, their sections, files of the repository."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from exfolio.cli.main import build

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PACKAGES: Final = "builders|cli|docs|models|stores|tests"
NAVIGATION: Final = set(re.findall(r"- ([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
APP: Final = typer.main.get_command(build())

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="only in the repository, not in a wheel")


def commands_in(text: str) -> Iterator[str]:
    """Find lines of blocks, fenced or indented, that call exfolio, and calls within a sentence."""
    text = re.sub(r"\\\n\s*", " ", text)
    blocks, prose = "\n".join(FENCED.findall(text)), FENCED.sub("", text)
    yield from re.findall(r"^ *(?:\$ )?(exfolio .*)", blocks, re.MULTILINE)
    yield from re.findall(r"^ {4,}(?:\$ )?(exfolio .*)", prose, re.MULTILINE)
    yield from (" ".join(call.split()) for call in re.findall(r"`(exfolio [^`]+)`", prose))


def fault_of(call: str) -> str | None:
    """Say what of a call the command line does not know: a command, or an option; None where all is known."""
    words = shlex.split(re.sub(r"[\[\]]", "", call), comments=True)[1:]
    command: Any = APP
    while words and (inner := getattr(command, "commands", None)) and not words[0].startswith("-"):
        if words[0] not in inner:
            return f"no command {words[0]}"
        command = inner[words.pop(0)]
    command = command.make_context(command.name, words[:1], resilient_parsing=True).command  # it may hand over
    known = {"--help", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}
    used = {word.partition("=")[0] for word in words if re.match(r"--[a-z]|-[a-z]$", word)}
    return f"no option {', '.join(sorted(used - known))}" if used - known else None


def anchors_of(page: Path) -> set[str]:
    """Find the anchors that GitHub gives the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_what_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#") for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)]
    targets = [((page.parent / path) if path else page, anchor) for path, _, anchor in links]
    files = re.findall(rf"`((?:{PACKAGES})/[\w/.-]+)`", text)
    listed = page.parent == ROOT or page.relative_to(ROOT / "docs").as_posix() in NAVIGATION

    assert [f"{call}: {fault}" for call in commands_in(text) if (fault := fault_of(call))] == []
    assert [str(target) for target, _ in targets if not target.exists()] == []
    assert [f"{where.name}#{anchor}" for where, anchor in targets if anchor and anchor not in anchors_of(where)] == []
    assert listed, "mkdocs.yml leads nowhere to this page"
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_a_wrong_command_and_a_wrong_option_are_found() -> None:
    text = "See `exfolio source lst`:\n\n    exfolio export vasp --campaign a --outt b  # --what\n"

    assert [fault_of(call) for call in commands_in(text)] == ["no option --outt", "no command lst"]
