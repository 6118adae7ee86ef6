/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MeshLink:
 *
 * A room's link in its parts: `SCHEME://HOST[:PORT]/room/ROOM-ID#KEY`, or
 * `pusher://APPKEY@CLUSTER-OR-HOST[:PORT]/ROOM-ID?…#KEY` for a room over Pusher
 * Channels.
 */
typedef struct {
  char *scheme;                 /* "http", "https" or "pusher" */
  char *host;                   /* without brackets */
  guint16 port;                 /* the scheme's own where none was given */
  gboolean tls;
  char *room;                   /* UUID, lower case */
  gboolean has_key;             /* without a key messages go unsealed */
  guint8 key[16];
  char *query;                  /* as written, without "?"; NULL: none. The
                                 * page's: it is not part of what is sent on */

  /* pusher only; port is that of the WebSocket */
  char *app_key;
  char *cluster;                /* NULL: host is one of somebody's own */
  char *api;                    /* URL that posts for us; else */
  char *app;                    /* the app's id and */
  char *secret;                 /* secret, to sign with */
  char *prefix;                 /* of channels: "", "private-", "presence-" */
  char *auth;                   /* URL that lets us in there, without secret */
} MeshLink;

MeshLink *mesh_link_parse (const char *text, GError **error);
char *mesh_link_to_string (const MeshLink *link);
char *mesh_link_to_public_string (const MeshLink *link);
MeshLink *mesh_link_copy (const MeshLink *link);
void mesh_link_free (MeshLink *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshLink, mesh_link_free)

G_END_DECLS
