"""The registry as assistants read it, through a client of the Model Context Protocol, over HTTP."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import requests
import uvicorn
from exfolio.stores.connection import Connection
from exfolio.web.app import make_app
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

Asked = Callable[[ClientSession], Awaitable[Any]]


@pytest.fixture(scope="module")
def endpoint(registry: Connection) -> Iterator[str]:
    """Address of a server that lets assistants ask."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = make_app(registry, address=f"http://127.0.0.1:{port}", assistants=True)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/mcp/"
    server.should_exit = True
    thread.join(timeout=10)


def ask(endpoint: str, question: Asked) -> Any:
    async def session() -> Any:
        async with streamable_http_client(endpoint) as streams, ClientSession(*streams[:2]) as client:
            await client.initialize()
            return await question(client)

    return asyncio.run(session())


def call(endpoint: str, tool: str, **arguments: Any) -> Any:
    result = ask(endpoint, lambda client: client.call_tool(tool, arguments))
    text = result.content[0].text
    return text if result.is_error else json.loads(text)


def test_tools_are_few_and_labelled_as_reading_only(endpoint: str) -> None:
    tools = ask(endpoint, lambda client: client.list_tools()).tools

    assert {tool.name for tool in tools} == {"search", "fetch", "why", "funnel", "predict"}
    assert all(tool.annotations.read_only_hint and not tool.annotations.destructive_hint for tool in tools)


def test_a_search_gives_main_fields_and_how_many_match(endpoint: str) -> None:
    found = call(endpoint, "search", collection="materials", filter='elements HAS "Mo"')

    assert found["number"] == 1
    assert found["documents"][0]["material_id"] == "bulk:mos2"


def test_a_document_comes_with_values_and_its_structure_as_cif(endpoint: str) -> None:
    found = call(endpoint, "fetch", identity="st-1890e1f5735df206")

    assert found["collection"] == "structures"
    assert found["document"]["cif"].startswith("# generated")
    assert found["values"]


def test_a_mistake_is_explained_as_to_a_person(endpoint: str) -> None:
    assert "band_gap" in call(endpoint, "search", collection="materials", filter="band_gp > 1")
    assert "there are:" in call(endpoint, "funnel", campaign="nobody")


def test_posting_is_let_through_to_assistants_alone(endpoint: str) -> None:
    assert requests.post(endpoint.replace("/mcp/", "/api/v1/status"), timeout=10).status_code == 405
