#!/usr/bin/env bash
# Sets up a gateway in this folder if there is none yet, then serves it. usage: scripts/run.sh VENV
set -euo pipefail

bin=$1/bin

if [ -e "${ROUTER_CONFIG:-router.toml}" ]; then
    echo "Your API keys stay valid; only their hashes are kept. For a new one:"
    echo "    $bin/router accounts list"
    echo "    $bin/router keys create --account ID"
else
    made=$("$bin/router" --json init 2>/dev/null) || { echo "$made" >&2; exit 1; }
    field() { "$bin/python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <<<"$made"; }
    FIRST_API_KEY=$(field api_key)
    export FIRST_API_KEY
    echo "Your first API key, shown this once:  $FIRST_API_KEY"
    echo "The operator secret, shown this once: $(field operator_secret)"
    echo "(for plugins' routes that ask for it; \`$bin/router people operator EMAIL\` makes the portal's operators)"
fi
# What second factors are sealed with, unless the environment has one: made once, and kept for the next start.
if [ -z "${ROUTER_MASTER_KEY:-}" ]; then
    [ -e master.key ] || (umask 077 && "$bin/python" -c 'import secrets; print(secrets.token_urlsafe(32))' >master.key)
    ROUTER_MASTER_KEY=$(cat master.key)
    export ROUTER_MASTER_KEY
fi
# The server takes the place of this shell, so that signals reach it; the first thing it prints is its address.
exec "$bin/router" --json serve > >(exec "$bin/python" scripts/welcome.py)
