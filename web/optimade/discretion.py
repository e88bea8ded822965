"""Errors of OPTIMADE answers that would tell of the inside of the server: logged instead, in OPTIMADE's form."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from optimade.exceptions import BadRequest, OptimadeHTTPException
from optimade.server.exception_handlers import general_exception
from optimade.server.routers.utils import JSONAPIResponse
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from ...stores.errors import ExfolioError

_LOG: Final = logging.getLogger(__name__)


class _Unforeseen(Exception):
    """What is told in the place of an error."""

    title = "Internal Server Error"
    status_code = 500
    detail = "this could not be answered; the log of the server says why"


class _Away(Exception):
    title = "Service Unavailable"
    status_code = 503
    detail = "the database does not answer: try again in a moment"


class _Refused(Exception):
    title = "Bad Request"
    status_code = 400

    def __init__(self, error: ExfolioError) -> None:
        self.detail = f"{error.message}. {error.remedy}" if error.remedy else error.message


def _wrong_parameter(request: Request, error: Exception) -> JSONAPIResponse:
    """Name the parameters that are wrong; to the library they would be an error of the server."""
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    told = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults)
    return general_exception(request, BadRequest(detail=told or "a parameter is wrong"))


def _too_large(request: Request, _: Exception) -> JSONAPIResponse:
    return general_exception(request, BadRequest(detail="a number is too large"))


def _unforeseen(request: Request, error: Exception) -> JSONAPIResponse:
    if isinstance(error, OptimadeHTTPException):  # raised by the library's middleware, outside of its handlers
        return general_exception(request, error)
    _LOG.error("%s: %s", request.url.path, type(error).__name__, exc_info=error)
    return general_exception(request, _Unforeseen())


def _away(request: Request, error: Exception) -> JSONAPIResponse:
    _LOG.error("the database: %s", error)
    return general_exception(request, _Away())


def _refused(request: Request, error: Exception) -> JSONAPIResponse:
    return general_exception(request, _Refused(error) if isinstance(error, ExfolioError) else _Unforeseen())


DISCREET: Final[tuple[tuple[type[Exception], Callable[[Request, Exception], JSONAPIResponse]], ...]] = (
    (RequestValidationError, _wrong_parameter),
    (OverflowError, _too_large),
    (ExfolioError, _refused),
    (PyMongoError, _away),
    (ValidationError, _unforeseen),  # of an answer: the library would quote it
    (Exception, _unforeseen),
)
"""Handlers that take the place of the library's."""
