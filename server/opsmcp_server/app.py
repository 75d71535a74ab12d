"""The composition root: settings become running services. Nothing else opens or connects parts."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from types import MappingProxyType

import anyio
from anyio import to_thread

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.discovery import Discovery
from opsmcp_pipelines.kinds.kind import parse_kind
from opsmcp_pipelines.source import Traits
from opsmcp_server.calls.audit import Audit
from opsmcp_server.calls.context import CallContext
from opsmcp_server.calls.current_tools import CurrentTools
from opsmcp_server.calls.observed import JournalWritten, Observers
from opsmcp_server.calls.state_key import read_key
from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.tools import HintName
from opsmcp_server.config.groups.tools import Override as OverrideSetting
from opsmcp_server.process.local_user import local_user
from opsmcp_server.protocol.adoption import Adoption
from opsmcp_server.protocol.builtin_tools.registry import BUILT_IN
from opsmcp_server.protocol.published import Published
from opsmcp_server.protocol.run_updates import RunUpdates
from opsmcp_server.protocol.services import Services
from opsmcp_server.protocol.subscriptions import Sessions
from opsmcp_server.protocol.tool_list import Listing
from opsmcp_server.sources.registry import SourceContext, open_source
from opsmcp_tools.journal.retention import Limits
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunSettings, SystemClock
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.policy.approval_file import ApprovalFile
from opsmcp_tools.policy.decision import Action, Automatic, Effect, Policy
from opsmcp_tools.policy.rules import Approvers
from opsmcp_tools.results.output_schema import OUTPUT_SCHEMA
from opsmcp_tools.runs.executions import Executions
from opsmcp_tools.toolbox.overrides import Override, VariableOverride, words_of_person
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings

__all__ = ["open_services"]

_RECOVER_SECONDS = 30.0
"""How soon a run of a process that was ended is followed by another one with the same state."""


@asynccontextmanager
async def open_services(
    config: Config,
    environ: Mapping[str, str],
    *,
    starts_runs: bool = True,
    follows_runs: bool = True,
    serves_many: bool = False,
) -> AsyncGenerator[Services]:
    """Run opsmcp for as long as the block lasts: discovery, the following of runs, the journal.

    Args:
        config: The effective settings.
        environ: The process environment; the embedded engine hands a few of its entries to steps.
        starts_runs: Whether it is for starting runs, which needs a journal that can be written.
        follows_runs: Whether runs are looked at. Without, no state directory is needed or made.
        serves_many: Whether it is the server of many people.

    Raises:
        ConfigError: Nothing could be started with this `state.dir` until somebody mends it.
    """
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(open_journal(config.state.dir, _limits(config)))
        if starts_runs:
            await to_thread.run_sync(_require, journal, config)
        masker, observers = Masker(config.secret_values()), Observers()
        source = await stack.enter_async_context(
            open_source(SourceContext(config, environ, masker.also, observers, serves_many))
        )
        discovery = Discovery(source, interval_seconds=config.discovery.interval_seconds)
        clock, sessions = SystemClock(), Sessions()
        updates, audit = RunUpdates(sessions, clock), Audit(config, clock, masker)
        executions = Executions(
            source,
            journal,
            settings=_run_settings(config, source.traits),
            clock=clock,
            hooks=[updates, observers, audit],
            audit=audit,
            contents=partial(_contents, discovery),
            masker=masker,
            on_written=lambda seconds, error: observers(JournalWritten(seconds, error)),
        )
        policy = _policy(config)
        tools = CurrentTools(discovery, source.label)
        calls = CallContext(
            config=config,
            source=source,
            tools=tools,
            executions=executions,
            policy=policy,
            principal=Principal(local_user()),
            masker=masker,
            audit=audit,
            count_uses=journal.uses,
            clock=clock,
            observers=observers,
        )
        clients = Published(
            calls=calls,
            tool_settings=_tool_settings(config, source.traits),
            approvals=ApprovalFile(config.state.dir, source.label),
            new_listing=partial(_new_listing, config, policy),
            sessions=sessions,
            updates=updates,
        )
        stack.callback(calls.requests.close)
        stack.callback(calls.incidents.close)
        # After all tasks have ended: they may have something to say until then.
        stack.push_async_callback(audit.close)
        group = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(group.cancel_scope.cancel)
        if follows_runs:
            await group.start(executions.run)
        group.start_soon(updates.run)
        group.start_soon(audit.run)
        group.start_soon(calls.requests.run)
        group.start_soon(Adoption(clients, group).run)
        yield Services(calls, clients)


def _require(journal: Journal, config: Config) -> None:
    """Return if the start of a run can be kept account of.

    Raises:
        ConfigError: It cannot; the message says why.
    """
    try:
        journal.require()
    except JournalUnusable as error:
        origin = config.origins.get("state.dir", "default")
        raise ConfigError(f"state.dir: {error} ({origin})") from error
    if config.audit.enabled:
        read_key(config.state)


def _limits(config: Config) -> Limits:
    return Limits(
        keep=timedelta(days=config.state.keep_days),
        all_bytes=config.state.keep_megabytes * 1024 * 1024,
    )


def _policy(config: Config) -> Policy:
    setting = config.policy
    groups = MappingProxyType(setting.groups)
    return Policy(setting.read_only, setting.rules, groups, _automatic(config))


def _automatic(config: Config) -> Mapping[str, Automatic]:
    """Who approves for what acts alone, as no person can be asked: for schedules, nobody."""
    responders = {
        one.principal.name: Automatic(
            one.approvers,
            always=frozenset({one.run} if one.mode == "approve" else ()),
            alone=one.agent.auto if one.agent else ("*",),
        )
        for one in config.responders
        if one.mode != "notify"
    }
    schedules = {one.principal.name: Automatic(Approvers()) for one in config.schedules}
    return MappingProxyType({**responders, **schedules})


def _new_listing(config: Config, policy: Policy, principal: Principal) -> Listing:
    """A list that holds no operation yet, with the built-in tools that this principal may use."""
    schema = OUTPUT_SCHEMA if config.result.structured == "always" else None

    allowed = [
        row
        for row in BUILT_IN
        if (config.responders or not row.for_incidents)
        and policy.decide(principal, Action.LIST, row.subject).effect is Effect.ALLOW
    ]
    return Listing(
        [row.definition(schema) for row in allowed if not row.reaches_unlisted],
        [row.definition(schema) for row in allowed if row.reaches_unlisted],
        page_size=config.tools.page_size,
        output_schema=schema,
    )


def _contents(discovery: Discovery) -> Contents:
    """What exists at the source, as far as it was read."""
    return discovery.catalogue.contents if discovery.catalogue else Contents()


def _run_settings(config: Config, traits: Traits) -> RunSettings:
    return RunSettings(
        deadline_seconds=config.run.deadline_seconds,
        deadlines=config.run.deadlines,
        repeat_seconds=config.run.repeat_seconds,
        recover_seconds=_RECOVER_SECONDS,
        limit=config.run.limit,
        limit_per_principal=config.run.limit_per_principal,
        queue=config.run.queue,
        requests_per_second=config.run.requests_per_second if traits.looks_are_requests else 0.0,
        first_poll_seconds=traits.first_poll_seconds,
        acts_until_seconds=traits.acts_late_seconds,
    )


def _tool_settings(config: Config, traits: Traits) -> ToolSettings:
    expose = config.expose
    return ToolSettings(
        exposure=Exposure(
            pipelines=expose.pipelines,
            tasks=expose.tasks,
            include=expose.include,
            exclude=expose.exclude,
            output_scripts=expose.output_scripts,
        ),
        hints=_plain(config.tools.hints),
        bind=config.bound_values(),
        constants=config.constants,
        kinds=config.tools.kinds,
        enum_limit=config.tools.enum_limit,
        host_selectors=config.tools.host_selectors,
        values=_value_rules(config, traits),
        overrides={
            pattern: _override(setting) for pattern, setting in config.tools.overrides.items()
        },
        language=config.tools.language,
    )


def _value_rules(config: Config, traits: Traits) -> ValueRules:
    values = config.values
    return ValueRules(
        url_schemes=values.url_schemes,
        url_hosts=tuple(host.lower() for host in values.url_hosts),
        loopback=values.local_urls == "allow" or (values.local_urls == "auto" and traits.runs_here),
        link_local=values.local_urls == "allow",
        path_roots=values.path_roots,
        host_selectors=config.tools.host_selectors,
        pasted=traits.pastes_values,
    )


def _override(setting: OverrideSetting) -> Override:
    return Override(
        setting.title,
        words_of_person(setting.description),
        {str(name): on for name, on in setting.hints.items()},
        {
            name: VariableOverride(
                parse_kind(said.kind) if said.kind else None,
                words_of_person(said.description),
                said.examples,
                said.bound.get_secret_value() if said.bound is not None else None,
            )
            for name, said in setting.variables.items()
        },
    )


def _plain(hints: Mapping[str, Mapping[HintName, bool]]) -> dict[str, dict[str, bool]]:
    return {
        pattern: {str(name): on for name, on in setting.items()}
        for pattern, setting in hints.items()
    }
