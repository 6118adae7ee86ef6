#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/e2e/netns.sh COMMAND…
#
# Runs a command in a network namespace of its own: loopback, and one veth pair
# with an address and a default route, so that ICE finds one host candidate and
# nothing that is sent ever leaves. As root, in a user namespace, or by sudo.
set -eu

case ${MESH_NETNS-} in
  in) exec "$@" ;;
  setup*)
    ip link set lo up
    ip link add mesh0 type veth peer name mesh1
    # No link-local addresses: they would be ready only a second or two later,
    # and a browser drops what it is loading when the network changes.
    ip link set mesh0 addrgenmode none
    ip link set mesh1 addrgenmode none
    ip addr add 10.77.0.1/24 dev mesh0
    ip link set mesh0 up
    ip link set mesh1 up
    ip route add default via 10.77.0.1
    user=${MESH_NETNS#setup}
    export MESH_NETNS=in
    if [ -n "$user" ]; then
      exec setpriv --reuid "${user%:*}" --regid "${user#*:}" --init-groups "$@"
    fi
    exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
  MESH_NETNS=setup exec unshare -n "$0" "$@"
elif unshare -Urn true 2>/dev/null; then
  MESH_NETNS=setup exec unshare -Urn "$0" "$@"
fi
exec sudo -E env MESH_NETNS="setup$(id -u):$(id -g)" PATH="$PATH" \
  unshare -n "$0" "$@"
