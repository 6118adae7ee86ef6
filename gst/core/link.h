/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MeshLink:
 *
 * A room's link in its parts: `SCHEME://HOST[:PORT]/room/ROOM-ID#KEY`.
 *
 * Since: 0.1
 */
typedef struct {
  char *scheme;                 /* "http" or "https" */
  char *host;                   /* without brackets */
  guint16 port;                 /* the scheme's own where none was given */
  char *room;                   /* UUID, lower case */
  gboolean has_key;             /* without a key messages go unsealed */
  guint8 key[16];
} MeshLink;

MeshLink *mesh_link_parse (const char *text, GError **error);
char *mesh_link_to_string (const MeshLink *link);
char *mesh_link_to_public_string (const MeshLink *link);
void mesh_link_free (MeshLink *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshLink, mesh_link_free)

G_END_DECLS
