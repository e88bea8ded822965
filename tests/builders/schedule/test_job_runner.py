"""A job is run on the stages that its name stands for."""

import pytest
from exfolio.builders.schedule.job_runner import JobRunner
from exfolio.builders.schedule.stopping import StopRequest
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.schedule_settings import ScheduleSettings


def test_a_source_that_is_pulled_in_parts_is_named_as_a_whole_or_by_part(registry: Connection) -> None:
    for chemsys in ("Mn-O", "Fe-O"):
        registry.database["stage_states"].insert_one(
            {
                "stage": f"ingest:mp:{chemsys}",
                "maker": {
                    "arguments": {"kind": "materials-project", "options": {"chemsys": [chemsys], "source": "mp"}}
                },
            }
        )
    settings = registry.settings.model_copy(update={"schedule": ScheduleSettings(sources={"mp": "@yearly"})})
    connection = Connection(settings, registry.name, registry.origin, registry.uri)
    runner = JobRunner(connection, processes=1, stop=StopRequest())

    assert [stage.name for stage in runner.stages_of_source("mp")] == ["ingest:mp:Fe-O", "ingest:mp:Mn-O"]
    assert [stage.name for stage in runner.stages_of_source("mp:Mn-O")] == ["ingest:mp:Mn-O"]
    with pytest.raises(ConfigurationError, match="there are: mp:Fe-O, mp:Mn-O"):
        runner.stages_of_source("m")
    assert runner.stages_with_a_line() == {"ingest:mp", "ingest:mp:Mn-O", "ingest:mp:Fe-O"}
    connection.close()
