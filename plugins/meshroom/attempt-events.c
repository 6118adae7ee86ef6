/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handles the events of attempts (MeshPeerEvents) on the call's thread: each is
 * told to the room, whose actions are then carried out. */

#include "meshroom/call-private.h"

/* Returns: (nullable): the member whose present attempt @peer is */
static Member *
member_of (MeshCall *self, MeshPeer *peer)
{
  Member *member =
      g_hash_table_lookup (self->members, mesh_peer_get_id (peer));

  return member && member->peer == peer ? member : NULL;
}

static void
on_local_sdp (MeshPeer *peer, const char *type, const char *sdp,
    gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_local_sdp (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), type, sdp, g_get_monotonic_time ());
  mesh_call_pump (self);
}

static void
on_local_candidate (MeshPeer *peer, const char *candidate, int mline,
    gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_local_candidate (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), candidate, mline, NULL,
      g_get_monotonic_time ());
  mesh_call_pump (self);
}

static void
on_connected (MeshPeer *peer, gpointer user_data)
{
  MeshCall *self = user_data;
  Member *member = member_of (self, peer);

  if (member)
    member->heard_at = member->connected_at = g_get_monotonic_time ();
  mesh_room_connected (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), g_get_monotonic_time ());
  if (member) {
    mesh_call_end_what_stopped (self, member);
    mesh_call_review_picture (self, member);
  }
  mesh_call_exchange (self);
  mesh_call_media_changed (self);
  mesh_call_pump (self);
}

static void
on_failed (MeshPeer *peer, const char *reason, const char *text,
    gpointer user_data)
{
  MeshCall *self = user_data;
  Member *member = g_hash_table_lookup (self->members,
      mesh_peer_get_id (peer));

  /* the failure of an attempt that is set aside needs no warning, since another
   * one is replacing it */
  if (!member || member->old != peer)
    mesh_call_warn (self, mesh_peer_get_id (peer), text);
  mesh_room_failed (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), reason, g_get_monotonic_time ());
  mesh_call_pump (self);
}

static void
on_trouble (MeshPeer *peer, const char *text, gpointer user_data)
{
  mesh_call_warn (user_data, mesh_peer_get_id (peer), text);
}

static void
on_too_large (MeshPeer *peer, int width, int height, gpointer user_data)
{
  MeshCall *self = user_data;
  const char *id = mesh_peer_get_id (peer);
  g_autofree char *here = g_strdup_printf ("its picture of %dx%d is not shown: "
      "at most %d pixels are decoded, such as 4096x2304", width, height,
      MESH_MAX_PIXELS);
  g_autofree char *there = g_strdup_printf ("your picture of %dx%d is not shown "
      "here: it is larger than %d pixels, such as 4096x2304. Send a smaller one",
      width, height, MESH_MAX_PIXELS);

  mesh_call_warn (self, id, here);
  mesh_room_tell (self->room, id, there, g_get_monotonic_time ());
  mesh_call_pump (self);
}

/* A new pad, which the application is told of before its first frame comes. */
typedef struct {
  GstPad *member_pad;
  GstPad *pad;
  gulong block;
} NewPad;

static void
new_pad_free (gpointer data)
{
  NewPad *new_pad = data;

  gst_pad_remove_probe (new_pad->pad, new_pad->block);
  gst_object_unref (new_pad->pad);
  gst_object_unref (new_pad->member_pad);
  g_free (new_pad);
}

static void
tell_pad (GstElement *room, gpointer data)
{
  mesh_member_pad_add (((NewPad *) data)->member_pad, room);
}

static void
on_pad (MeshPeer *peer, MeshKind kind, GstPad *pad, gulong block,
    gpointer user_data)
{
  MeshCall *self = user_data;
  Member *member = member_of (self, peer);
  GstPad *member_pad = NULL;
  NewPad *new_pad;

  /* a pad that comes when all streams have ended would keep the pipeline from
   * ending */
  if (self->streams_ended)
    mesh_member_pads_discard (pad);
  else if (member)
    member_pad = mesh_member_pads_connect (member->pads, kind, pad);
  if (!member_pad) {
    gst_pad_remove_probe (pad, block);
    return;
  }
  new_pad = g_new (NewPad, 1);
  new_pad->member_pad = gst_object_ref (member_pad);
  new_pad->pad = gst_object_ref (pad);
  new_pad->block = block;
  mesh_removals_tell_of_pad (self->removals, member_pad, tell_pad, new_pad,
      new_pad_free);
}

const MeshPeerEvents mesh_call_peer_events = {
  .local_sdp = on_local_sdp,
  .local_candidate = on_local_candidate,
  .connected = on_connected,
  .failed = on_failed,
  .trouble = on_trouble,
  .too_large = on_too_large,
  .pad = on_pad,
};
