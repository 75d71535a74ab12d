#!/bin/sh
# The official conformance suite and the inspector, against servers on the embedded engine: the
# scenarios that need no fixtures against `opsmcp serve`, the others against fixture_server.py. Then
# what reaches the model in Claude Code and Codex (real_clients.py), and logins at an identity provider
# (oidc_logins.py). Called by `make conformance`; needs npm.
set -eu

: "${NODE_DIR:=.conformance}" "${BIN:=.venv/bin}"
mkdir -p "$NODE_DIR"
if [ ! "$NODE_DIR/.installed" -nt "$0" ]; then
    echo "Installing the conformance suite, the inspector, two clients and a provider from npm ..."
    npm install --loglevel=error --no-fund --no-audit --prefix "$NODE_DIR" \
        conformance@npm:@modelcontextprotocol/conformance@0.2.0-alpha.12 \
        @modelcontextprotocol/inspector@2.12.0 "node-$(uname -s | tr A-Z a-z)-x64@22" \
        @anthropic-ai/claude-code@2.1.197 @openai/codex@0.171.0 oidc-provider@9.13.3
    touch "$NODE_DIR/.installed"
fi
modules=$NODE_DIR/node_modules
node=$(ls -d "$modules"/node-*-x64/bin/node)
suite=$modules/conformance/dist/index.js
inspector=$modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js
here=$(dirname "$0")

work=$(mktemp -d)
servers=
trap 'kill $servers 2>/dev/null; rm -rf "$work"' EXIT

# Starts a server and sets `url` to where it says that it listens.
start() {
    log=$work/$1.log
    shift
    : >"$log"
    OPSMCP_STATE_DIR=$work/state "$@" 2>"$log" &
    servers="$servers $!"
    url=
    while [ -z "$url" ]; do
        sleep 0.1
        kill -0 $! || { cat "$log"; exit 1; }
        url=$(sed -n 's,.*\(http://[^ /]*\).*,\1,p' "$log" | head -n 1)
    done
}

failed=0
check() {
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        echo "ok    $name$(sed -n 's/^Total: /: /p' "$work/out")"
    else
        failed=1
        echo "FAIL  $name"
        cat "$work/out"
    fi
}

conform() {
    name=$1
    shift
    check "conformance $name" "$node" "$suite" server --url "$url/mcp" -o "$work/results" "$@"
}

start serve "$BIN/opsmcp" serve --port 0
for scenario in server-initialize server-session-lifecycle tools-list resources-list prompts-list \
    completion-complete sep-2164-resource-not-found dns-rebinding-protection \
    http-header-validation server-sse-multiple-streams ping caching; do
    conform "$scenario" --scenario "$scenario"
done
check "inspector over streamable HTTP" "$node" "$inspector" --cli "$url/mcp" --transport http \
    --method tools/list --strict
check "inspector over SSE" "$node" "$inspector" --cli "$url/sse" --transport sse \
    --method tools/list --strict
check "inspector over stdio" "$node" "$inspector" --cli --transport stdio --method tools/list \
    --strict -- env OPSMCP_STATE_DIR="$work/state" "$BIN/opsmcp" stdio

start fixtures "$BIN/python" -m tests.conformance.fixture_server
conform server-stateless --scenario server-stateless
# The suite does not score extensions with a revision, so each of these is asked for by name.
for scenario in lifecycle capability-negotiation wire-fields request-state-removal mrtr-input \
    request-headers dispatch-and-envelope required-task-error mrtr-composition; do
    conform "tasks-$scenario" --scenario "tasks-$scenario"
done
for revision in 2025-11-25 2026-07-28; do
    conform "of $revision (failures that are expected: expected-failures.yml)" \
        --requirements "$revision" --expected-failures "$here/expected-failures.yml"
done

"$BIN/python" -m tests.conformance.real_clients "$NODE_DIR" || failed=1
NODE_DIR=$NODE_DIR "$BIN/python" -m pytest -q tests/conformance/oidc_logins.py || failed=1
exit $failed
