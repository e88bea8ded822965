"""Hostile requests: answered with 4xx, never 5xx, and nothing of the inside."""

import re
from collections.abc import Callable

import pytest
import requests
from exfolio.web.json_values import public

Get = Callable[..., requests.Response]
pytestmark = [
    pytest.mark.filterwarnings("ignore:Accessing the 'model_fields'"),  # by optimade-python-tools
    pytest.mark.filterwarnings("ignore::optimade.warnings.OptimadeWarning"),  # part of the answers
]
OPTIMADE = "/optimade/materials/v1/structures"
INSIDE = re.compile(r"Traceback|pymongo|errmsg|site-packages|mongodb://|File \"|\$and")


@pytest.mark.parametrize(
    "path",
    [
        f"{OPTIMADE}?page_offset=x",
        f"{OPTIMADE}?page_offset=9999999999999999999",
        f"{OPTIMADE}?page_number=999999999999999999",
        f"{OPTIMADE}?page_limit=-1",
        f"{OPTIMADE}?page_limit=100000",
        f"{OPTIMADE}?sort=%00",
        f"{OPTIMADE}?page_cursor=%20",
        "/api/v1/collections/materials?limit=501",
        "/api/v1/collections/materials?sort=$where",
        "/api/v1/collections/materials?after=%00&sort=-nsites",
        "/api/v1/collections/materials/export?format=exe",
        "/api/v1/collections/quarantine/export",
        "/api/v1/documents/a%00b",
        "/api/v1/documents/%F0%9F%92%A9/atoms",
        "/api/v1/why/..%2f..%2fetc%2fpasswd",
        "/api/v1/diagrams/hull?about=%00",
        "/api/v1/diagrams/pourbaix?about=nobody",
        "/api/v1/diagrams/other?about=Mo-S",
        "/static/..%2f..%2f..%2fapp.py",
    ],
)
def test_hostile_requests_are_refused_and_told_nothing(address: str, path: str) -> None:
    answer = requests.get(f"{address}{path}", timeout=20)

    assert 400 <= answer.status_code < 500, answer.text
    assert not INSIDE.search(answer.text)


def test_a_run_tells_nothing_of_the_machine() -> None:
    run = {"run_id": "1", "job": "refresh", "host": "node-7", "pid": 12, "state": "failed", "error": "/home/ada: full"}

    assert public(run) == {"run_id": "1", "job": "refresh", "state": "failed"}
