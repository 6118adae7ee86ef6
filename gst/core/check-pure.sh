#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-pure.sh STAMP FOLDERS SOURCE...: fails when one of the sources, or a
# header of their folder, reaches for the outside world, or includes a header of
# another folder than FOLDERS ("core|pusher").
stamp=$1; folders=$2; shift 2
bad='#include *<(gst/|libsoup/|gio/|gnutls/|sys/|pthread|time\.h|unistd)|g_get_(monotonic|real|current)_time|g_random_|g_thread_|g_timeout_|g_idle_|GSocket|g_main_context'
folder=$(dirname "$1")
if grep -nE "$bad" "$@" "$folder"/*.h; then
  echo "$folder must not touch sockets, threads, clocks, randomness or GStreamer" >&2
  exit 1
fi
if grep -nE '#include *"' "$@" "$folder"/*.h \
    | grep -vE "#include *\"($folders)/"; then
  echo "$folder may include nothing but its own headers and those of $folders" >&2
  exit 1
fi
: > "$stamp"
