/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Finds links in a text that a person has pasted. This half of gst/core/link.c
 * undoes what chats, mail programs and people do to links. */

#define MESH_LINK_KEY_CHARS 22  /* 128 bits in base64url without padding */

/* The parts of one link as they were written, before anything but their
 * places has been checked. */
typedef struct {
  char *scheme;                 /* lower case */
  char *authority;              /* host and port, and perhaps a user */
  char *room;                   /* a UUID in lower case */
  char *query;                  /* without "?"; NULL: none */
  char *key;                    /* 22 characters of base64url; NULL: none */
  char *pusher;                 /* the whole URL; all else is NULL */
} MeshLinkText;

GPtrArray *mesh_link_text_split (const char *text, GError **error);
MeshLinkText *mesh_link_text_read (const char *part, GError **error);
void mesh_link_text_free (MeshLinkText *text);
gboolean mesh_link_fail (GError **error, const char *format, ...)
    G_GNUC_PRINTF (2, 3);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshLinkText, mesh_link_text_free)

G_END_DECLS
