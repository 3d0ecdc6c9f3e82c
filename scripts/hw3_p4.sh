#!/bin/sh
# Problem 4: the digits in DIR named by a finished run of the improved method for TARGET. Options behind go to `hw predict`.
if [ $# -lt 3 ] || [ "${1#-}" != "$1" ] || { [ $# -gt 3 ] && [ "${4#--}" = "$4" ]; }; then
    echo "usage: ${0##*/} DIR TARGET OUT.csv [--run DIR] ..." >&2
    exit 2
fi
images=$1 target=$2
shift 2
exec "$(dirname -- "$(readlink -f -- "$0")")/hw.sh" predict --problem p4 --images "$images" --target "$target" --out "$@"
