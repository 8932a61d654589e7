#!/bin/sh
# Runs the indented commands of a page, in order, in one shell; stops at the first that fails.
# usage: tutorial.sh PAGE
set -eu
commands=$(sed -n 's/^    //p' "$1")
[ -n "$commands" ] || { echo "$1 has no commands" >&2; exit 1; }
[ "$(wc -l < plugins/template/plugin.c)" -le 60 ] || { echo "the template has more than 60 lines" >&2; exit 1; }
printf '%s\n' "$commands" | sh -eux
