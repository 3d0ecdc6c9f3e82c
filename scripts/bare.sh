#!/usr/bin/env bash
# Runs a command as on a bare machine: `scripts/bare.sh fonts COMMAND…` hides browsers and all fonts, `scripts/bare.sh all
# COMMAND…` also fontconfig, pango and poppler. For CI on Linux; fails when it cannot hide them.
set -euo pipefail
export LC_ALL=C.UTF-8

browsers=(chromium chromium-browser google-chrome google-chrome-stable chrome microsoft-edge msedge firefox)
tools=(fc-list fc-match fc-cache fc-query fc-scan pango-view pdftotext pdfinfo pdftoppm pdfimages pdftocairo pdffonts)
folders=(/usr/share/fonts /usr/share/X11/fonts /usr/local/share/fonts "$HOME/.fonts" "$HOME/.local/share/fonts")

fail() { echo "bare: $1" >&2; exit 125; }

libraries() { /sbin/ldconfig -p | sed -nE 's/.*=> (.*\/lib(pango|fontconfig|poppler)[^\/]*)$/\1/p'; }

case "${1:-}" in
fonts) programs=("${browsers[@]}") ;;
all) programs=("${browsers[@]}" "${tools[@]}") ;;
*) fail "usage: bare.sh fonts|all COMMAND..." ;;
esac
level=$1
shift
[ $# -gt 0 ] || fail "no command to run"
unset HW_CHROMIUM HW_REQUIRE_BROWSER FONTCONFIG_PATH FONTCONFIG_SYSROOT

if [ -z "${BARE_SCRATCH:-}" ]; then
  BARE_SCRATCH=$(mktemp -d)
  export BARE_SCRATCH
  trap 'rm -rf "$BARE_SCRATCH"' EXIT
  mkdir "$BARE_SCRATCH"/{cache,matplotlib,none,programs,libraries}
  spaces=()
  for try in "unshare -m" "unshare -rm"; do
    if $try mount -t tmpfs none "$BARE_SCRATCH/none" 2>/dev/null; then read -ra spaces <<<"$try"; break; fi
  done
  export BARE_BY=${spaces[*]:-path}
  "${spaces[@]}" bash "$0" "$level" "$@"  # not by exec: the scratch is to be removed
  exit
fi

hide_by_mounts() {
  local folder name path
  for folder in "${folders[@]}" /var/cache/fontconfig; do
    if [ -d "$folder" ]; then mount -t tmpfs none "$folder"; fi
  done
  for name in "${programs[@]}"; do
    while read -r path; do mount --bind /dev/null "$path"; done < <(type -ap "$name" | xargs -r -n1 realpath | sort -u)
  done
  if [ "$level" = all ]; then
    while read -r path; do mount --bind /dev/null "$path"; done < <(libraries | xargs -r -n1 realpath | sort -u)
  fi
}

# Links to every other program, a fontconfig that knows one empty folder, and empty libraries before the real ones.
hide_by_names() {
  local folder name path
  IFS=: read -ra folders <<<"$PATH"
  for folder in "${folders[@]}"; do
    if [ -d "$folder" ]; then
      find "$folder" -maxdepth 1 \( -type f -o -type l \) -print0 | xargs -0r ln -st "$BARE_SCRATCH/programs" 2>/dev/null || true
    fi
  done
  for name in "${programs[@]}"; do rm -f "$BARE_SCRATCH/programs/$name"; done
  export PATH=$BARE_SCRATCH/programs
  export FONTCONFIG_FILE=$BARE_SCRATCH/fonts.conf
  echo "<fontconfig><dir>$BARE_SCRATCH/none</dir><cachedir>$BARE_SCRATCH/cache</cachedir></fontconfig>" >"$FONTCONFIG_FILE"
  if [ "$level" = all ]; then
    while read -r path; do : >"$BARE_SCRATCH/libraries/${path##*/}"; done < <(libraries)
    export LD_LIBRARY_PATH=$BARE_SCRATCH/libraries
  fi
}

if [ "$BARE_BY" = path ]; then hide_by_names; else hide_by_mounts; fi
export XDG_CACHE_HOME=$BARE_SCRATCH/cache MPLCONFIGDIR=$BARE_SCRATCH/matplotlib
hash -r

# What was hidden must be gone; else the tests would prove nothing.
for name in "${programs[@]}"; do
  if type -P "$name" >/dev/null && [ -x "$(type -P "$name")" ]; then fail "$name is still here"; fi
done
if type -P fc-list >/dev/null && [ -x "$(type -P fc-list)" ] && [ -n "$(fc-list)" ]; then fail "fonts are still here"; fi
if [ "$level" = all ]; then
  python3 - <<'PYTHON' || fail "a library is still here"
import ctypes, sys
for name in ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libfontconfig.so.1"):
    try:
        ctypes.CDLL(name)
    except OSError:
        continue
    sys.exit(1)
PYTHON
fi
echo "bare: hidden ($level) by $BARE_BY"
unset BARE_SCRATCH BARE_BY
"$@"
