#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/net/netns.sh COMMAND…
#
# Runs a command where it can make networks: in a network namespace of its own,
# with a /run of its own for `ip netns`. As root, or in a user namespace. Where
# neither is to be had the command runs all the same, with MESH_LAB unset and
# the reason in MESH_NO_LAB.
set -u

case ${MESH_LAB-} in
  in) exec "$@" ;;
  setup)
    if mount -t tmpfs tmpfs /run && ip link set lo up &&
        ip netns add probe && ip netns del probe; then
      MESH_LAB=in
      export MESH_LAB
      exec "$@"
    fi
    unset MESH_LAB
    MESH_NO_LAB='no network namespaces can be made here'
    export MESH_NO_LAB
    exec "$@" ;;
esac

if [ "$(id -u)" = 0 ] && unshare -nm true 2>/dev/null; then
  MESH_LAB=setup exec unshare -nm "$0" "$@"
elif unshare -Urnm true 2>/dev/null; then
  MESH_LAB=setup exec unshare -Urnm "$0" "$@"
fi
MESH_NO_LAB='unshare is not permitted here'
export MESH_NO_LAB
exec "$@"
