"""What holds for every address of the server: it only reads, it has limits, it tells nothing of the machine."""

from collections.abc import Callable

import pytest
import requests
from exfolio.stores.connection import Connection, may_write
from pymongo.errors import OperationFailure

Get = Callable[..., requests.Response]
pytestmark = [
    pytest.mark.filterwarnings("ignore:Accessing the 'model_fields'"),  # by optimade-python-tools
    pytest.mark.filterwarnings("ignore::optimade.warnings.OptimadeWarning"),  # part of the answers
]


def test_the_user_of_the_server_cannot_write(registry: Connection) -> None:
    assert not may_write(registry)

    with pytest.raises(OperationFailure, match="not authorized"):
        registry.database["materials"].insert_one({"material_id": "x"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_reading_is_answered(address: str, method: str) -> None:
    answer = requests.request(method, f"{address}/api/v1/status", timeout=10)

    assert answer.status_code == 405


def test_an_address_that_is_too_long_is_refused(get: Get) -> None:
    answer = get("/api/v1/collections/materials", filter=" OR ".join(['elements HAS "Mo"'] * 1_000))

    assert answer.status_code == 414
    assert "bytes" in answer.json()["errors"][0]["detail"]


def test_browsers_are_told_to_load_nothing_from_elsewhere(get: Get) -> None:
    headers = get("/api/v1/status").headers

    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "hostile",
    [
        '{"$where": "sleep(1000)"}',
        'elements HAS "Mo" AND (',
        "((((((((((((((((((((((((((((((1=1",
        'formula_reduced = "\\u0000"',
        '$where = "1"',
        'material_id MATCHES ".*"',
        f"nsites = {'9' * 5_000}",
        "elements LENGTH 99999999999999999999",
    ],
)
def test_hostile_filters_are_bad_requests_that_point_at_the_place(get: Get, hostile: str) -> None:
    for path in ("/api/v1/collections/materials", "/optimade/materials/v1/structures"):
        answer = get(path, filter=hostile)

        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", ["/api/v1/documents/../../etc/passwd", "/api/v1/nothing", "/api/v1/documents/nobody"])
def test_what_is_not_there_is_not_found(address: str, path: str) -> None:
    assert requests.get(f"{address}{path}", timeout=10).status_code == 404


def test_no_folder_of_the_machine_is_shown(get: Get) -> None:
    origins = get("/api/v1/documents/bulk:mos2/origins").text

    assert "bulk.json" in origins
    assert small_file_folder() not in origins


def small_file_folder() -> str:
    import small_registry

    return small_registry.FILE.rpartition("/")[0]
