#!/bin/sh
# The command hw from any working directory: the project's own, else the one on PATH.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
hw=$here/../.venv/bin/hw
[ -x "$hw" ] || hw=$(command -v hw) || {
    echo "hw: not installed; run \`make setup\` in $(dirname -- "$here"), or put hw on PATH" >&2
    exit 2
}
exec "$hw" "$@"
