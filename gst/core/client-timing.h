/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The times that a client of the envelope and the page's client have alike
 * (docs/protocol.md, "The envelope"): gst/server/web/client-timing.js has the
 * same values under these names without the prefix, and
 * tests/vectors/timing.json holds both to it. */

/* TCP says hello again after 1, 3 and 7 s: waiting longer than this for a
 * network that has just come back finds it later than a new try does. */
#define MESH_CLIENT_CONNECT_TIMEOUT G_GINT64_CONSTANT (8000000)
#define MESH_CLIENT_BACKOFF_FIRST G_GINT64_CONSTANT (250000)
#define MESH_CLIENT_BACKOFF_MAX G_GINT64_CONSTANT (4000000)
/* Both sides ping every 4 s: two of them unanswered. Sooner than the server's
 * lease of 10 s, so that our mailbox is still there when we come back. */
#define MESH_CLIENT_SILENCE_TIMEOUT G_GINT64_CONSTANT (8000000)
/* Online for so long, a connection is no part of the last trouble. */
#define MESH_CLIENT_STABLE G_GINT64_CONSTANT (5000000)
/* A former life of ours, one that was killed, holds our id until its lease ends
 * (10 s, and half as much again after a server that slept): whoever still has
 * the id after that renews the lease, so it is alive. */
#define MESH_CLIENT_TAKEN_PATIENCE G_GINT64_CONSTANT (16000000)
#define MESH_CLIENT_TAKEN_RETRY G_GINT64_CONSTANT (1000000)
/* How long an acknowledgement may wait for company, and how much of it. */
#define MESH_CLIENT_ACK_DELAY G_GINT64_CONSTANT (200000)
#define MESH_CLIENT_ACK_COUNT 32
