"""``exfolio ingest`` of live sources, from servers on loopback, as a person types it."""

import pytest
from exfolio.stores.connection import Connection
from materials_project_server import KEY, MaterialsProjectServer, element, rock_salt


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch):
    with MaterialsProjectServer() as server:
        server.put(19006, rock_salt("Mn", 4.44))
        server.put(35, element("Mn", 2.3))
        server.put(12957, element("O", 3.1))
        monkeypatch.setenv("EXFOLIO_MP_API_KEY", KEY)
        monkeypatch.setenv("EXFOLIO_MP_ENDPOINT", server.url)
        monkeypatch.setenv("EXFOLIO_WEB_FIRST_WAIT_SECONDS", "0.01")
        yield server


def test_a_first_hour_with_a_key(api, ask, asked: Connection) -> None:
    code, _, said = ask("ingest", "--kind", "materials-project", "--chemsys", "Mn-O")
    assert (code, "6 new" in said, "requests" in said) == (0, True, True)
    assert asked.database["materials"].count_documents({"source": "materials-project"}) == 3

    _, _, again = ask("ingest", "--kind", "materials-project", "--chemsys", "Mn-O")
    assert "nothing to do" in again
    assert "1 requests" in again

    code, found, _ = ask("query", "materials", 'chemsys = "Mn-O" AND energy_above_hull <= 0.05')
    assert (code, "materials-project:mp-19006" in found) == (0, True)

    code, _, refreshed = ask("run", "ingest:materials-project:Mn-O")
    assert (code, "nothing to do" in refreshed) == (0, True)


def test_a_refused_key_is_said_with_what_to_do_and_not_shown(api, ask, monkeypatch) -> None:
    wrong = "f" * 32
    monkeypatch.setenv("EXFOLIO_MP_API_KEY", wrong)

    code, printed, said = ask("ingest", "--kind", "materials-project", "--chemsys", "Mg-O")

    assert code == 2
    assert "https://materialsproject.org/api" in said
    assert wrong not in printed + said


def test_the_settings_are_shown_without_the_key(api, ask) -> None:
    _, printed, said = ask("db", "settings", "--json")

    assert '"mp_api_key": "(hidden)"' in printed
    assert KEY not in printed + said


def test_a_mistaken_key_is_not_shown_either(ask, monkeypatch) -> None:
    monkeypatch.setenv("EXFOLIO_MP_API_KEY", "too-short-a-secret")

    code, printed, said = ask("ingest", "--kind", "materials-project", "--chemsys", "Mn-O")

    assert (code, "18 characters" in said) == (2, True)
    assert "too-short-a-secret" not in printed + said


def test_a_service_that_is_away_is_told_by_the_exit_code(ask, monkeypatch) -> None:
    monkeypatch.setenv("EXFOLIO_WEB_ATTEMPTS", "1")

    code, _, said = ask("ingest", "--kind", "optimade", "--url", "http://127.0.0.1:9/optimade")

    assert (code, "connection failed" in said) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--chemsys", "Mn-O"), "are for --kind"),
        (("--kind", "materials-project", "--chemsys", "Mn-Xx"), "no chemical system"),
        (("--kind", "materials-project", "--url", "https://example.org"), "--kind optimade"),
        (("--kind", "optimade"), "--url"),
        (("--provider", "oqdm"), "no provider called 'oqdm' is ready to use"),
        (("--provider", "oqmd", "--kind", "materials-project"), "--kind optimade"),
        (("--kind", "optimade", "--url", "https://example.org", "--chemsys", "Mn-O"), "filter"),
        (("--kind", "optimade", "--url", "https://a.org", "--url", "https://b.org", "--source", "x"), "same name"),
        (("some-file.json", "--kind", "optimade", "--url", "https://example.org"), "for files"),
    ],
)
def test_what_does_not_go_together_is_said(ask, arguments, complaint) -> None:
    code, _, said = ask("ingest", *arguments)

    assert (code, complaint in " ".join(said.split())) == (2, True), said


def test_a_service_that_never_answered_is_not_registered(asked: Connection, ask, monkeypatch) -> None:
    monkeypatch.setenv("EXFOLIO_WEB_ATTEMPTS", "1")

    code, _, said = ask("ingest", "--kind", "optimade", "--url", "http://127.0.0.1:9", "--source", "nowhere")

    assert (code, "the connection failed" in said) == (3, True)
    assert "nowhere" not in ask("status")[1]
    assert "nowhere" not in ask("refresh")[2]


def test_a_service_that_was_pulled_once_stays_registered_when_it_goes_away(api, asked, ask, monkeypatch) -> None:
    question = ("ingest", "--kind", "materials-project", "--chemsys", "Mn", "--source", "mp-manganese")
    assert ask(*question)[0] == 0
    monkeypatch.setenv("EXFOLIO_MP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("EXFOLIO_WEB_ATTEMPTS", "1")

    assert ask(*question)[0] == 3

    assert "ingest:mp-manganese:Mn" in ask("status")[1]
    assert "ingest:mp-manganese:Mn" in ask("refresh")[2]


def test_known_providers_are_listed(ask, ask_json, monkeypatch) -> None:
    monkeypatch.setenv("EXFOLIO_OPTIMADE_PROVIDERS", "http://127.0.0.1:9")

    code, printed, said = ask("source", "providers")

    assert (code, "https://oqmd.org/optimade" in printed, "comes with exfolio" in said) == (0, True, True)
    found = ask_json("source", "providers")
    assert (found["bundled"], found["providers"][0]["name"]) == (True, "2dmatpedia")
