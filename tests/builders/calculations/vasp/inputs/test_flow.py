"""Calculations as a flow of jobflow."""

from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.inputs.due import find_due
from exfolio.builders.calculations.vasp.inputs.flow import as_flow, write_flow
from exfolio.builders.calculations.vasp.inputs.input_export import orders
from exfolio.models.calculation.plan import Choices
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from waiting_layer import CAMPAIGN, LAYER


def test_a_flow_needs_programs_that_are_not_installed(waiting: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfolio.builders.calculations.vasp.inputs.flow.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="jobflow and atomate2, which are not installed"):
        as_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN)


def test_a_flow_hands_relaxed_structures_on(waiting: Connection, tmp_path: Path) -> None:
    pytest.importorskip("atomate2", reason="atomate2 is not installed")

    flow = as_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN)

    jobs = {job.name.split("/")[1]: job for job in flow.jobs if LAYER in job.name}
    assert len(flow.jobs) == 6
    relaxed = jobs["PBE-relax"].output.structure
    assert jobs["PBE-static"].function_args[0] == relaxed
    assert jobs["PBE-static"].metadata["exfolio"]["structure_id"] == LAYER
    assert write_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN, tmp_path / "flow.json") == 6
    with pytest.raises(ConfigurationError, match="can't be written"):
        write_flow(orders(waiting, find_due(waiting, CAMPAIGN), Choices()), CAMPAIGN, tmp_path / "flow.json")
