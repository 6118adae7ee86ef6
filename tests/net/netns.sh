#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/net/netns.sh COMMAND…
#
# Runs a command where it can make networks: in a network namespace of its own,
# with a /run of its own for `ip netns`. As root, in a user namespace, or by sudo.
set -u

case ${MESH_LAB-} in
  in) exec "$@" ;;
  setup)
    if ! { mount -t tmpfs tmpfs /run && ip link set lo up &&
        ip netns add probe && ip netns del probe; }; then
      echo "$0: no network namespaces can be made here" >&2
      exit 1
    fi
    export MESH_LAB=in
    exec "$@" ;;
esac

if [ "$(id -u)" = 0 ] && unshare -nm true 2>/dev/null; then
  MESH_LAB=setup exec unshare -nm "$0" "$@"
elif unshare -Urnm true 2>/dev/null; then
  MESH_LAB=setup exec unshare -Urnm "$0" "$@"
fi
exec sudo -E env MESH_LAB=setup PATH="$PATH" unshare -nm "$0" "$@"
