#!/bin/sh
# Problem 3: the digits in DIR named by the DANN of a finished run for TARGET. Options behind go to `hw predict`.
if [ $# -lt 3 ] || [ "${1#-}" != "$1" ] || { [ $# -gt 3 ] && [ "${4#--}" = "$4" ]; }; then
    echo "usage: ${0##*/} DIR TARGET OUT.csv [--run DIR] ..." >&2
    exit 2
fi
images=$1 target=$2
shift 2
exec "$(dirname -- "$(readlink -f -- "$0")")/hw.sh" predict --problem p3 --images "$images" --target "$target" --out "$@"
