from typing import Any

from opsmcp_tools.safe_text.token_estimate import estimate_tokens
from tests.server.conftest import Ground
from tests.server.harness import connected

_LINK = "memory-modern"

_LOUD = """
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: check-loud, namespace: ops-system}
spec:
  host: localhost
  steps: [{name: talk, content: 'for i in $(seq 5000); do echo "line $i of many"; done'}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: check-loud, namespace: ops-system, labels: {ops/copilot: enabled}}
spec: {desc: check what is loud, tasks: [{name: loud, taskRef: check-loud}]}
"""


def text_of(result: Any) -> str:
    return result.content[0].text


async def test_a_run_is_compared_with_the_last_good_one_of_the_same_call(ground: Ground) -> None:
    async with connected(_LINK, ground.environ(), ground.root) as client:
        first: Any = await client.call_tool("show-greeting", {"who": "anna"})
        other = await client.call_tool("show-greeting", {"who": "bert"})
        again = await client.call_tool("show-greeting", {"who": "anna"})
    handle = first.structured_content["run"]
    assert "last good run" not in text_of(first)
    assert "last good run" not in text_of(other)
    assert f"No change that matters since the last good run of this call ({handle}" in text_of(
        again
    )


async def test_a_caller_may_ask_for_more_or_less(ground: Ground) -> None:
    (ground.manifests / "loud.yaml").write_text(_LOUD, "utf-8")
    async with connected(_LINK, ground.environ(), ground.root) as client:
        run: Any = await client.call_tool("check-loud", {})
        handle = run.structured_content["run"]
        less = text_of(await client.call_tool("get_run", {"run": handle, "tokens": 300}))
        more = text_of(await client.call_tool("get_run", {"run": handle, "tokens": 20_000}))
    assert estimate_tokens(less) <= 300
    assert " kinds, " in less
    assert f"lines, 88.9 kB): get_run_output run={handle}" in less
    assert estimate_tokens(text_of(run)) <= 1_500
    assert len(more) > len(text_of(run)) > len(less)


async def test_the_settings_say_how_long_a_text_may_be(ground: Ground) -> None:
    (ground.manifests / "loud.yaml").write_text(_LOUD, "utf-8")
    async with connected(_LINK, ground.environ(OPSMCP_RESULT_TOKENS="300"), ground.root) as client:
        assert estimate_tokens(text_of(await client.call_tool("check-loud", {}))) <= 300


async def test_results_and_errors_are_in_the_language_of_the_settings(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_TOOLS_LANGUAGE="zh")
    async with connected(_LINK, environ, ground.root) as client:
        failed: Any = await client.call_tool("check-failing", {})
        wrong = await client.call_tool("show-greeting", {"whom": "anna"})
        unknown = await client.call_tool("get_run", {"run": "r-x", "wait": 3})
    assert text_of(failed).startswith("failed: check-failing,位于 localhost,用时 ")
    assert "\n下一步:查看全部输出:get_run_output run=" in text_of(failed)
    assert "查看全部输出:" in failed.structured_content["advice"]
    assert text_of(wrong).startswith(
        "show-greeting 没有启动。请修改以下参数:\n- whom: 没有这个参数"
    )
    assert "- wait: 没有这个参数;是否指 'wait_seconds'?" in text_of(unknown)
