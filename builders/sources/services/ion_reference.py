"""The aqueous ions of the Materials Project, as they lie in its MPContribs project ``ion_ref_data``.

Gives records in the form that `models.energetics.ions` reads; knows neither files nor the registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ....models.energetics.ions import IonDataError, ions_from_records
from ....stores.settings import Settings
from .http_client import QuestionRefused, WebClient
from .materials_project_client import open_client

PROJECT: Final = "ion_ref_data"
_FIELDS = "identifier,formula,data"
_PER_PAGE = 250


def download_ions(settings: Settings) -> list[dict[str, Any]]:
    """Ask for all ions, and check that they can be used.

    The question and the form of the answer are those of mpcontribs-client 5.10.5, which
    ``MPRester.get_ion_reference_data`` uses.

    Raises
    ------
    ConfigurationError
        No key is set, or it can't be one.
    SourceUnavailable, SourceDenied
        The service does not answer, or not as it should; or it does not take the key.
    """
    client = open_client(settings, settings.mp_contribs_endpoint)
    try:
        records = list(_records(client))
        ions_from_records(records)
    except IonDataError as error:
        raise QuestionRefused(f"{client.base} gave ions that can't be used: {error}") from error
    finally:
        client.close()
    if not records:
        raise QuestionRefused(f"{client.base} gave no ions", "Is mp_contribs_endpoint the address of MPContribs?")
    return records


def _records(client: WebClient) -> Iterator[dict[str, Any]]:
    page, pages = 1, 1
    while page <= pages:
        question: dict[str, str | int] = {"project": PROJECT, "_fields": _FIELDS, "per_page": _PER_PAGE, "page": page}
        answer = client.get("contributions/", question)
        ions, pages_now = answer.get("data"), answer.get("total_pages")
        if not isinstance(ions, list) or not isinstance(pages_now, int):
            raise QuestionRefused(
                f"{client.base}/contributions/ gave no data and total_pages but {sorted(answer)!s:.80}",
                "Is mp_contribs_endpoint the address of MPContribs?",
            )
        for record in ions:
            if not isinstance(record, dict):
                raise QuestionRefused(f"{client.base}/contributions/ gave {record!r:.40} where an ion belongs")
            yield {name: record[name] for name in ("identifier", "formula", "data") if name in record}
        if not ions:
            return
        page, pages = page + 1, pages_now
