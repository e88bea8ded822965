"""A collection of the registry as maggma sees it."""

import logging

from exfolio.stores.maggma_store import RegistryStore


def test_a_program_that_makes_stores_for_weeks_keeps_one_handler_of_their_log() -> None:
    for _ in range(3):
        RegistryStore("materials")

    assert len(logging.getLogger("RegistryStore").handlers) == 1
