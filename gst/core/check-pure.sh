#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-pure.sh STAMP SOURCE...: fails when a source of the core (or the header
# beside it) reaches for the outside world.
stamp=$1; shift
bad='#include *<(gst/|libsoup/|gio/|gnutls/|sys/|pthread|time\.h|unistd)|g_get_(monotonic|real|current)_time|g_random_|g_thread_|g_timeout_|g_idle_|GSocket|g_main_context'
headers=$(for f in "$@"; do h="${f%.c}.h"; [ -f "$h" ] && echo "$h"; done)
if grep -nE "$bad" "$@" $headers; then
  echo "gst/core must not touch sockets, threads, clocks, randomness or GStreamer" >&2
  exit 1
fi
: > "$stamp"
