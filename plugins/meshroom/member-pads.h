/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/member-pad.h"

G_BEGIN_DECLS

/* The pads of meshroom that carry one member's streams. They stay while one
 * attempt at a connection replaces another, so that downstream sees a gap and
 * not a new member.
 *
 * The call's thread owns them until they are handed over to be removed
 * (removal.h). */

typedef struct _MeshMemberPads MeshMemberPads;

MeshMemberPads *mesh_member_pads_new (const MeshMemberPadConfig *config);
guint mesh_member_pads_get_number (MeshMemberPads *pads);
gboolean mesh_member_pads_have_any (MeshMemberPads *pads);
void mesh_member_pads_set_name (MeshMemberPads *pads, const char *name,
    gboolean muted, gboolean hidden);
GstPad *mesh_member_pads_connect (MeshMemberPads *pads, MeshKind kind,
    GstPad *pad);
GstPad *mesh_member_pads_take (MeshMemberPads *pads, MeshKind kind);
void mesh_member_pads_discard (GstPad *pad);
void mesh_member_pads_foreach (MeshMemberPads *pads, void (*func) (GstPad *pad,
        gpointer user_data), gpointer user_data);
gboolean mesh_member_pads_carry (MeshMemberPads *pads, GstElement *peer);
void mesh_member_pads_disconnect (MeshMemberPads *pads, GstElement *peer);
void mesh_member_pads_free (MeshMemberPads *pads);

G_END_DECLS
