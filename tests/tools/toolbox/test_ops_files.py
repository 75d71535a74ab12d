"""What is said of files that steps move on an Ops server."""

from dataclasses import replace

import pytest

from opsmcp_pipelines.models import Step, Task, Transfer, Variable
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.ops_hazards import FILE_HAZARDS, destinations, file_hazards
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from tests.tools.recorded import BIND, catalogue

UPLOAD = Step("send", transfer=Transfer("/a", "/b", "upload"))
TASK = Task("t", "n", steps=(UPLOAD,))


def test_by_ssh_the_opposite_of_the_direction_is_what_happens() -> None:
    (said,) = file_hazards((TASK,))
    assert said == (
        "step 'send' says 'upload': on a host that Ops reaches by ssh it does the opposite,"
        " 'download'"
    )


@pytest.mark.parametrize("direction", ["", "Upload", "up"])
def test_a_direction_that_ops_does_not_know_moves_nothing(direction: str) -> None:
    step = Step("send", transfer=Transfer("/a", "/b", direction))
    (said,) = file_hazards((replace(TASK, steps=(step,)),))
    assert "Ops moves nothing then, and reports success" in said


def test_keys_of_a_store_stand_in_a_command_line() -> None:
    task = replace(TASK, variables=(Variable("sk"),), in_pod=True)
    (said,) = file_hazards((task,))
    assert "the keys of the store stand in a command line there" in said


def test_a_step_with_a_script_moves_nothing() -> None:
    task = replace(TASK, steps=(replace(UPLOAD, content="id"), Step("s", "id")))
    assert file_hazards((task,)) == ()


def test_only_where_files_are_moved_a_name_is_a_destination() -> None:
    assert "bucket" in destinations((TASK,))
    assert not destinations((replace(TASK, steps=(Step("s", "id"),)),))


def test_the_recorded_ones_say_it_and_leave_no_destination_to_a_caller() -> None:
    everything = ToolSettings(exposure=Exposure("none", "all"), bind=BIND)
    found = {tool.name: tool for tool in build_toolbox(catalogue(), everything).tools}
    assert "the opposite, 'download'" in found["push-file"].notes[FILE_HAZARDS]
    names = {item.name for item in found["file-upload"].inputs}
    assert names & {"api", "bucket", "endpoint", "region"} == set()
