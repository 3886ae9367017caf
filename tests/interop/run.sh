#!/usr/bin/env bash
# Other people's clients, unmodified, talk to simulated devices (npm jsxapi and PyPI xows) and to the simulated cloud (npm
# workspace-integrations). Exit status 0 only if every check of every client that could be run has passed; a client that
# cannot be had here is skipped, and says so.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
needed_node=18 # the first with fetch
modules=build/interop

skip() { printf 'SKIP jsxapi, workspace-integrations: %s\n' "$1"; }

prepare_node_clients() {
    command -v node >/dev/null || { skip "node is not installed (>= $needed_node is needed)"; return 1; }
    command -v npm >/dev/null || { skip "npm is not installed"; return 1; }
    local found
    found=$(node -p 'process.versions.node.split(".")[0]')
    [ "$found" -ge "$needed_node" ] || { skip "node $found is too old (>= $needed_node is needed)"; return 1; }
    if ! cmp -s tests/interop/package-lock.json "$modules/installed-lock.json"; then
        rm -rf "$modules"
        mkdir -p "$modules"
        cp tests/interop/package.json tests/interop/package-lock.json tests/interop/.npmrc "$modules/"
        # No scripts: the only ones build an optional accelerator for SSH, which nobody needs here.
        if ! npm ci --prefix "$modules" --ignore-scripts --omit=optional --loglevel=error --no-progress; then
            echo 'FAIL jsxapi, workspace-integrations: npm could not install them'
            exit 1
        fi
        cp tests/interop/package-lock.json "$modules/installed-lock.json"
    fi
}

device_clients=()
with_cloud=
if "$python" -c 'import xows' 2>/dev/null; then
    device_clients+=(xows)
else
    echo 'SKIP xows: it is not installed here; make interop installs it'
fi
if prepare_node_clients; then
    device_clients+=(jsxapi)
    with_cloud=yes
fi
if [ ${#device_clients[@]} -eq 0 ]; then
    echo 'Nothing could be checked.'
    exit 1
fi
status=0
"$python" -m tests.interop.meeting --modules "$modules" "${device_clients[@]}" || status=1
if [ -n "$with_cloud" ]; then
    "$python" -m tests.interop.cloud_meeting --modules "$modules" || status=1
fi
exit $status
