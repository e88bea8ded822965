"""What goes wrong inside is told in OPTIMADE's form and by status alone; what it was stands in the log."""

import json
import logging
import warnings
from typing import Any

import pytest
from exfolio.stores.errors import ConfigurationError, DatabaseUnavailable
from exfolio.web.optimade.discretion import DISCREET
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from optimade.exceptions import BadRequest
from optimade.server.config import ServerConfig
from pydantic import BaseModel, ValidationError
from pymongo.errors import AutoReconnect, OperationFailure

SECRET = "mongodb://exfolio:hunter2@localhost"

WRONG_LIMIT = {"loc": ("query", "page_limit"), "msg": "no number"}


class Answer(BaseModel):
    nsites: int


def not_valid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Answer.model_validate({"nsites": SECRET})
    return caught.value


def answer_to(error: Exception) -> tuple[int, Any]:
    """What is answered where this is raised: the handler of the nearest class, as starlette looks for it."""
    handlers = dict(DISCREET)
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    address = {"server": ("localhost", 80), "path": "/v1/structures", "query_string": b"", "headers": []}
    app = FastAPI()
    with warnings.catch_warnings():  # it misses a settings file, which it does not need
        warnings.simplefilter("ignore")
        app.state.config = ServerConfig()
    response = handler(Request({"type": "http", "method": "GET", "app": app, **address}), error)
    return response.status_code, json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("error", "status", "told", "logged"),
    [
        (RuntimeError(SECRET), 500, "the log of the server says why", True),
        (not_valid(), 500, "the log of the server says why", True),
        (AutoReconnect(SECRET), 503, "the database does not answer", True),
        (OperationFailure(SECRET), 503, "the database does not answer", True),
        (OverflowError(SECRET), 400, "a number is too large", False),
        (ConfigurationError("no field is called x", "There are: y"), 400, "no field is called x. There are: y", False),
        (DatabaseUnavailable("a page is out of time"), 400, "a page is out of time", False),
        (BadRequest(detail="page_limit is 0"), 400, "page_limit is 0", False),
        (
            RequestValidationError([{"loc": ("query", "page_limit"), "msg": "no number"}]),
            400,
            "page_limit: no number",
            False,
        ),
        (RequestValidationError([]), 400, "a parameter is wrong", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_tells_nothing_of_the_inside(
    caplog: pytest.LogCaptureFixture, error: Exception, status: int, told: str, logged: bool
) -> None:
    with caplog.at_level(logging.ERROR):
        answered, content = answer_to(error)

    assert answered == status
    [told_of] = content["errors"]
    assert told in told_of["detail"]
    assert "hunter2" not in json.dumps(content)
    assert ("hunter2" in caplog.text) == logged
