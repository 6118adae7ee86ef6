/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  RE_INVISIBLE,
  RE_START,
  RE_BARE,
  RE_ENCODED,
  RE_TOKEN,
  RE_SERVER,
  RE_ROOM,
  RE_ENCODED_HASH,
  RE_HASH_IN_QUERY,
  RE_APART,
  RE_KEY,
  RE_SCHEME,
  RE_SOME_ROOM,
  RE_LOOPBACK,
  RE_HASH_SPELLED,
  RE_BEHIND_KEY,
  RE_LEAD,
  RE_SPLIT,
  RE_ENCODED_EQUALS,
  RE_LOST_KEY,
  RE_LOST_PARAMETER,
  RE_OTHER_KEY,
  N_RES
} MeshLinkRe;

GRegex *mesh_link_re (MeshLinkRe which);

G_END_DECLS
