#!/bin/sh
# Problem 2: 32 faces that the generator of a finished run makes, as one PNG. Options behind it go to `hw sample`.
if [ $# -lt 1 ] || [ "${1#-}" != "$1" ] || { [ $# -gt 1 ] && [ "${2#--}" = "$2" ]; }; then
    echo "usage: ${0##*/} OUT.png [--run DIR] [--seed N] ..." >&2
    exit 2
fi
exec "$(dirname -- "$(readlink -f -- "$0")")/hw.sh" sample --problem p2 --out "$@"
