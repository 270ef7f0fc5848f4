#!/bin/sh
# Makes a virtual environment with the project in it. usage: scripts/setup.sh FOLDER [EXTRA]
# PYTHON=/some/python chooses the interpreter; else the newest suitable one on the PATH is taken.
set -eu

folder=$1
extra=${2:+[$2]}
least="3, 11"

# Says in one line why "$1" cannot be used; says nothing if it can.
objection() {
    command -v "$1" >/dev/null 2>&1 || { echo "is not there"; return; }
    version=$("$1" -c 'import sys; print(*sys.version_info[:2], sep=".")' 2>/dev/null) || { echo "does not run"; return; }
    "$1" -c "import sys; sys.exit(sys.version_info < ($least))" || { echo "is Python $version"; return; }
    "$1" -c 'import ensurepip, venv' 2>/dev/null || echo "is Python $version without its venv and pip modules"
}

choose() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        why=$(objection "$candidate")
        [ -n "$why" ] || { echo "$candidate"; return; }
        echo "  $candidate $why" >&2
    done
    return 1
}

remedy() {
    cat >&2 <<'REMEDY'
The gateway needs Python 3.11 or newer with the modules venv and pip; what was found is listed above.
  Debian, Ubuntu:  apt-get install python3 python3-venv
  Fedora:          dnf install python3
  macOS:           brew install python
Or name an interpreter that you have:  make PYTHON=/path/to/python3.11
REMEDY
}

works() {
    "$folder/bin/python" -m pip --version >/dev/null 2>&1
}

if ! works; then
    refused=$(mktemp)
    python=$(choose 2>"$refused") || { cat "$refused" >&2; rm -f "$refused"; remedy; exit 1; }
    rm -f "$refused"
    echo "Making $folder with $("$python" --version)" >&2
    "$python" -m venv --clear "$folder"
fi
# What was installed from this folder under another name would offer every plugin a second time.
here=$(pwd -P)
for old in *.egg-info; do
    [ "$old" = tollrouter.egg-info ] || rm -rf "./$old"
done
"$folder/bin/python" - "$here" <<'OTHERS' | xargs -r "$folder/bin/python" -m pip uninstall --quiet --yes >&2
import json, pathlib, sys
from importlib.metadata import distributions
for one in distributions():
    origin = json.loads(one.read_text("direct_url.json") or "{}").get("url")
    if origin == pathlib.Path(sys.argv[1]).as_uri() and one.name != "tollrouter":
        print(one.name)
OTHERS
echo "Installing the gateway into $folder (the first time, this takes a minute)" >&2
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".$extra"
