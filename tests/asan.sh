#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/asan.sh TEST…    (meson test --wrapper)
#
# Runs a test of an ASan build. GLib has no frame pointers, so only slow
# unwinding shows whose a leak is, and names those of tests/lsan.supp; but it
# makes a test several times slower. So it comes second, and only to those that
# did not pass without it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$@" >"$work/out" 2>"$work/err"
status=$?
if [ $status != 0 ] && grep -q LeakSanitizer "$work/err"; then
  ASAN_OPTIONS=$ASAN_OPTIONS:fast_unwind_on_malloc=0 "$@"
  exit
fi
cat "$work/out"
cat "$work/err" >&2
exit $status
