#!/bin/sh
# The official conformance suite (the scenarios that need no fixtures) and the inspector, against a
# server on the embedded engine. Called by `make conformance`; needs npm.
set -eu

: "${NODE_DIR:=.conformance}" "${BIN:=.venv/bin}"
mkdir -p "$NODE_DIR"
if [ ! -f "$NODE_DIR/.installed" ]; then
    echo "Installing the conformance suite and the inspector from npm ..."
    npm install --silent --no-fund --no-audit --prefix "$NODE_DIR" \
        conformance@npm:@modelcontextprotocol/conformance@0.2.0-alpha.12 \
        @modelcontextprotocol/inspector@2.12.0 "node-$(uname -s | tr A-Z a-z)-x64@22"
    touch "$NODE_DIR/.installed"
fi
modules=$NODE_DIR/node_modules
node=$(ls -d "$modules"/node-*-x64/bin/node)
suite=$modules/conformance/dist/index.js
inspector=$modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js

work=$(mktemp -d)
OPSMCP_STATE_DIR=$work "$BIN/opsmcp" serve --port 0 2>"$work/log" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
url=
while [ -z "$url" ]; do
    kill -0 $server || { cat "$work/log"; exit 1; }
    url=$(sed -n 's,.*\(http://[^ /]*\).*,\1,p' "$work/log" | head -n 1)
done

failed=0
check() {
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then echo "ok    $name"; else failed=1; echo "FAIL  $name"; cat "$work/out"; fi
}

for scenario in server-initialize server-session-lifecycle tools-list dns-rebinding-protection \
    http-header-validation ping caching; do
    check "conformance $scenario" "$node" "$suite" server --url "$url/mcp" --scenario "$scenario" \
        -o "$work/results"
done
check "inspector over streamable HTTP" "$node" "$inspector" --cli "$url/mcp" --transport http \
    --method tools/list --strict
check "inspector over SSE" "$node" "$inspector" --cli "$url/sse" --transport sse \
    --method tools/list --strict
check "inspector over stdio" env OPSMCP_STATE_DIR="$work" "$node" "$inspector" --cli \
    --transport stdio --method tools/list --strict -- "$BIN/opsmcp" stdio
exit $failed
