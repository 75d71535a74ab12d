"""The pages on which people decide: what they show, who may, and every way around that."""

import json
import sqlite3
from html.parser import HTMLParser
from typing import Any

import pytest

from opsmcp_tools.approval_requests.request import State
from tests.server.calls.approval_ground import ask, end_of, requests_of
from tests.server.calls.audit_lines import written
from tests.server.console.site import CLIENTS_TOKEN, TOKENS, Site

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>&\u202e\u200b'\""


async def state_of(served: Site, handle: str) -> State:
    return (await requests_of(served.run).find(handle)).state


async def test_a_person_signs_in_sees_a_request_and_approves_it(served: Site) -> None:
    handle = await ask(served.client)
    waiting = await served.client.call_tool("get_run", {"run": handle, "wait_seconds": 0})
    async with served.browser() as browser:
        away = await browser.get(f"/requests/{handle}")
        form = await browser.get(away.headers["location"].replace("../", "/"))
        signed = await browser.post("/sign-in", token=TOKENS["anna"], **browser.fields)
        page = await browser.get(f"/requests/{handle}")
        listed = await browser.get("/requests")
        done = await browser.decide(handle, "approve", comment="looks good")
        after = await browser.get(f"/requests/{handle}")
    end = await end_of(served.client, handle)
    assert f"{served.base}/requests/{handle}" in waiting.content[0].text
    assert away.status_code == 303 and form.status_code == 200
    assert signed.headers["location"] == f"./requests/{handle}"
    assert "name = x" in page.text and "touch" in page.text
    assert "two people look at what is deleted" in page.text
    assert handle in listed.text
    assert (done.status_code, done.headers["location"]) == (303, f"../requests/{handle}")
    assert "looks good" in after.text and "<form" not in after.text.split("<main")[1]
    assert end.structured_content["verdict"] == "succeeded"


async def test_behind_a_proxy_that_is_believed_a_decision_has_the_address_of_who_made_it(
    served: Site,
) -> None:
    handle = await ask(served.client)
    async with served.browser(**{"X-Forwarded-For": "203.0.113.7"}) as browser:
        await browser.post("/sign-in", token="wrong", next="requests")
        await browser.post("/sign-in", token=TOKENS["anna"], next="requests")
        await browser.decide(handle, "approve")
    await end_of(served.client, handle)
    (refused,) = await written(served.run, "auth.refused")
    (approved,) = await written(served.run, "request.approved")
    assert refused["client"] == approved["client"] == {"address": "203.0.113.7"}


async def test_a_get_never_decides(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser("anna") as browser:
        await browser.get(f"/requests/{handle}")
        query = "&".join(f"{name}={value}" for name, value in browser.fields.items())
        answer = await browser.get(f"/requests/{handle}?decision=approve&{query}")
        head = await browser.http.head(f"/requests/{handle}?decision=approve&{query}")
    assert (answer.status_code, head.status_code) == (200, 200)
    assert await state_of(served, handle) is State.PENDING


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"Origin": "https://evil.example"}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": ""}, {}),
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({"Content-Type": "text/plain"}, {}),
        ({}, {"csrf": "0" * 64}),
        ({}, {"csrf": ""}),
        ({}, {"decision": "yes"}),
        ({}, {"comment": "x" * 9000}),
    ],
)
async def test_a_form_that_is_not_of_our_page_decides_nothing(
    served: Site, headers: dict[str, str], change: dict[str, str]
) -> None:
    handle = await ask(served.client)
    async with served.browser("anna") as browser:
        await browser.get(f"/requests/{handle}")
        form = {**browser.fields, "decision": "approve", **change}
        answer = await browser.post(f"/requests/{handle}", headers=headers, **form)
    assert answer.status_code == 403
    assert await state_of(served, handle) is State.PENDING


async def test_a_form_of_another_session_or_request_decides_nothing(served: Site) -> None:
    handle, other = await ask(served.client), await ask(served.client, "y")
    async with served.browser("anna") as anna, served.browser("bob") as bob:
        await anna.get(f"/requests/{handle}")
        stolen = {**anna.fields, "decision": "approve"}
        by_bob = await bob.post(f"/requests/{handle}", **stolen)
        on_other = await anna.post(f"/requests/{other}", **stolen)
    assert (by_bob.status_code, on_other.status_code) == (403, 403)
    assert await state_of(served, handle) is State.PENDING
    assert await state_of(served, other) is State.PENDING


@pytest.mark.parametrize("token", [CLIENTS_TOKEN, "", "x", TOKENS["anna"][:-1], "\udcff"])
async def test_a_token_of_clients_or_of_nobody_signs_nobody_in(served: Site, token: str) -> None:
    async with served.browser() as browser:
        await browser.get("/sign-in")
        encoded = token.encode("utf-8", "replace").decode()
        answer = await browser.post("/sign-in", token=encoded, next="requests")
        page = await browser.get("/requests")
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    assert not token or len(token) < 2 or token not in answer.text
    assert page.status_code == 303


async def test_a_bearer_token_is_nothing_to_the_pages_nor_a_session_to_mcp(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser(Authorization=f"Bearer {CLIENTS_TOKEN}") as browser:
        shown = await browser.get(f"/requests/{handle}")
        decided = await browser.post(f"/requests/{handle}", decision="approve")
    async with served.browser("anna") as browser:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        mcp = await browser.http.post("/mcp", json=call)
    async with served.browser(Authorization=f"Bearer {TOKENS['anna']}") as browser:
        as_client = await browser.http.post("/mcp", json=call)
    assert (shown.status_code, decided.status_code) == (303, 303)
    assert (mcp.status_code, as_client.status_code) == (401, 401)
    assert await state_of(served, handle) is State.PENDING


async def test_wrong_tokens_are_not_tried_for_ever(served: Site) -> None:
    async with served.browser() as browser:
        answers = [
            (await browser.post("/sign-in", token=f"wrong-{number}", next="")).status_code
            for number in range(31)
        ]
    assert answers == [403] * 30 + [429]


@pytest.mark.parametrize(("kept", "added"), [(-4, "AAAA"), (0, "x" * 5000), (10, "")])
async def test_a_cookie_that_is_not_ours_signs_nobody_in(
    served: Site, kept: int, added: str
) -> None:
    async with served.browser("anna") as browser:
        cookie = browser.http.cookies["opsmcp-session"]
        browser.http.cookies.clear()
        answer = await browser.http.get(
            "/requests", headers={"Cookie": f"opsmcp-session={cookie[:kept]}{added}"}
        )
    assert answer.status_code == 303


async def test_one_who_signed_out_is_out(served: Site) -> None:
    async with served.browser("anna") as browser:
        await browser.get("/requests")
        forged = await browser.post("/sign-out", csrf="x")
        still = await browser.get("/requests")
        out = await browser.post("/sign-out", csrf=browser.fields["csrf"])
        after = await browser.get("/requests")
    assert (forged.status_code, still.status_code) == (403, 200)
    assert (out.status_code, after.status_code) == (303, 303)


async def test_who_may_not_make_the_call_sees_why_and_cannot_decide(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser("carl") as browser:
        page = await browser.get(f"/requests/{handle}")
        requests = requests_of(served.run)
        session = browser.http.cookies["opsmcp-session"]
        form = {"decision": "approve", "plan_hash": (await requests.find(handle)).plan_hash}
        answer = await browser.post(f"/requests/{handle}", csrf=session[:64], **form)
    assert "does not allow you delete-thing" in page.text and "plan_hash" not in page.text
    assert answer.status_code == 403
    assert await state_of(served, handle) is State.PENDING


async def test_a_request_that_is_nobodys_business_is_not_there(served: Site) -> None:
    handle = await ask(served.client)
    unknown = f"q-{'a' * 26}"
    async with served.browser("anna") as browser:
        answers = [
            (await browser.get(f"/requests/{name}")).status_code
            for name in (unknown, "q-x", handle + "x", "q-%00", "%3Cscript%3E")
        ]
        as_json = await browser.get(f"/requests/{unknown}", Accept="application/json")
    assert set(answers) == {404}
    assert as_json.status_code == 404


async def test_two_who_decide_at_once_get_one_outcome_and_the_other_is_told(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser("anna") as anna, served.browser("bob") as bob:
        for browser in (anna, bob):
            await browser.get(f"/requests/{handle}")
        first = await anna.post(f"/requests/{handle}", **{**anna.fields, "decision": "reject"})
        second = await bob.post(f"/requests/{handle}", **{**bob.fields, "decision": "approve"})
    assert (first.status_code, second.status_code) == (303, 409)
    assert "Somebody was first" in second.text
    assert await state_of(served, handle) is State.REJECTED


async def test_a_decision_on_another_plan_than_was_shown_does_not_count(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser("anna") as browser:
        await browser.get(f"/requests/{handle}")
        form = {**browser.fields, "plan_hash": "0" * 32, "decision": "approve"}
        answer = await browser.post(f"/requests/{handle}", **form)
    assert answer.status_code == 409
    assert await state_of(served, handle) is State.PENDING


class _Page(HTMLParser):
    """The elements of a page, and whether anything in it could run or load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.active: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = [name for name, _ in attrs]
        if tag in ("script", "img", "iframe", "object", "base") or "style" in names:
            self.active.append(tag)
        self.active += [name for name in names if name.startswith("on")]


async def test_no_text_of_a_stranger_is_markup_or_hides_anything(served: Site) -> None:
    handle = await ask(served.client)
    requests = requests_of(served.run)
    found = await requests.find(handle)
    hostile = {
        "question": HOSTILE,
        "reason": HOSTILE,
        "rule": HOSTILE,
        "plan": {
            **found.plan,
            "tasks": [
                {
                    **task,
                    "name": HOSTILE,
                    "host_names": [HOSTILE],
                    "steps": [
                        {**step, "name": HOSTILE, "script": HOSTILE, "only_if": HOSTILE}
                        for step in task["steps"]
                    ],
                }
                for task in found.plan["tasks"]
            ],
        },
    }
    await _rewrite(served, handle, hostile)
    async with served.browser("anna") as browser:
        page = await browser.get(f"/requests/{handle}")
        await browser.decide(handle, "reject", comment=HOSTILE)
        after = await browser.get(f"/requests/{handle}")
        listed = await browser.get("/requests")
    for answer in (page, after, listed):
        assert answer.status_code == 200
        assert _Page(answer.text).active == []
        assert "\u202e" not in answer.text and "\u200b" not in answer.text
    assert "&lt;script&gt;" in page.text and "\\u{202e}" in page.text


async def _rewrite(served: Site, handle: str, fixed: dict[str, Any]) -> None:
    """What somebody with a hostile runbook gets into the file of requests, at worst."""
    path = served.ground.root / "state" / "requests.db"
    database = sqlite3.connect(path)
    with database:
        found = database.execute("SELECT fixed FROM requests WHERE id = ?", (handle,)).fetchone()
        text = json.dumps({**json.loads(found[0]), **fixed})
        database.execute("UPDATE requests SET fixed = ? WHERE id = ?", (text, handle))
    database.close()


async def test_every_page_has_the_headers_that_keep_it_alone(served: Site) -> None:
    handle = await ask(served.client)
    paths = ("/requests", f"/requests/{handle}", "/sign-in", "/console.css", "/requests/q-x")
    async with served.browser("anna") as browser:
        answers = [await browser.get(path) for path in paths]
        cookie = (await browser.post("/sign-in", token=TOKENS["bob"], next="")).headers
        secure = await browser.post(
            "/sign-in",
            headers={"Origin": served.base.replace("http", "https")},
            token=TOKENS["bob"],
            next="https://evil.example",
        )
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "HttpOnly" in cookie["set-cookie"] and "SameSite=lax" in cookie["set-cookie"]
    assert secure.headers["set-cookie"].startswith("__Host-opsmcp-session=")
    assert "Secure" in secure.headers["set-cookie"]
    assert secure.headers["location"] == "./requests"


async def test_a_name_of_a_stranger_for_this_server_is_refused(served: Site) -> None:
    async with served.browser("anna") as browser:
        answer = await browser.get("/requests", Host="evil.example")
    assert answer.status_code == 421


async def test_the_pages_speak_chinese_to_who_reads_that(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser("carl", **{"Accept-Language": "zh-CN,en;q=0.5"}) as browser:
        page = await browser.get(f"/requests/{handle}")
    assert '<html lang="zh">' in page.text and "等待至" in page.text
    assert "策略不允许您本人执行" in page.text


async def test_programs_get_json(served: Site) -> None:
    handle = await ask(served.client)
    async with served.browser("anna", Accept="application/json") as browser:
        listed = (await browser.get("/requests")).json()
        one = (await browser.get(f"/requests/{handle}")).json()
    async with served.browser(Accept="application/json") as browser:
        nobody = await browser.get("/requests")
    assert [row["request"] for row in listed["requests"]] == [handle]
    assert one["plan"]["operation"] == "delete-thing" and one["timeline"][0]["to"] == "pending"
    assert nobody.status_code == 401
