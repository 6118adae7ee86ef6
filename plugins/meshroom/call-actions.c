/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what the core wants done of the members and the connections with
 * them, and reports to the core what these connections do. */

#include "meshroom/call-private.h"

#include "host/addresses.h"

static const MeshPeerEvents peer_events;

/* --- members --- */

/* What the member said of itself, maybe in an attempt that came to nothing. */
static void
name_member (const MeshPeerInfo *info, gpointer user_data)
{
  Member *member = g_hash_table_lookup (((MeshCall *) user_data)->members,
      info->id);

  if (member && info->name)
    mesh_member_pads_set_name (member->pads, info->name, info->muted,
        info->hidden);
}

Member *
mesh_call_get_member (MeshCall *self, const char *id)
{
  Member *member = g_hash_table_lookup (self->members, id);
  MeshMemberPadConfig config = {
    .room = self->config.element,
    .notifier = self->config.notifier,
    .peer_id = id,
    .latency = self->config.latency,
    .key = self->config.key,
    .user_data = self->config.user_data,
  };

  if (member)
    return member;
  member = g_new0 (Member, 1);
  config.number = mesh_removals_take_number (self->removals);
  member->pads = mesh_member_pads_new (&config);
  g_hash_table_insert (self->members, g_strdup (id), member);
  mesh_room_foreach_peer (self->room, name_member, self);
  return member;
}

static void
stop_peer (MeshCall *self, Member *member, MeshPeer **peer)
{
  if (!*peer)
    return;
  mesh_peer_abandon (*peer);
  mesh_member_pads_disconnect (member->pads, GST_ELEMENT (*peer));
  mesh_removals_push_peer (self->removals, g_steal_pointer (peer));
}

void
mesh_call_drop_member (MeshCall *self, const char *id)
{
  Member *member = g_hash_table_lookup (self->members, id);

  if (!member)
    return;
  stop_peer (self, member, &member->peer);
  stop_peer (self, member, &member->old);
  mesh_removals_push_pads (self->removals, g_steal_pointer (&member->pads));
  g_hash_table_remove (self->members, id);
}

/* The member whose present attempt @peer is. */
static Member *
member_of (MeshCall *self, MeshPeer *peer)
{
  Member *member =
      g_hash_table_lookup (self->members, mesh_peer_get_id (peer));

  return member && member->peer == peer ? member : NULL;
}

/* --- attempts --- */

static guint
count_attempts (MeshCall *self)
{
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Member *member = value;

    n += member->peer && !mesh_peer_is_connected (member->peer);
  }
  return n;
}

void
mesh_call_start_attempt (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = mesh_call_get_member (self, action->peer);
  g_autoptr (GError) error = NULL;
  MeshReach reach;
  guint n_addresses;
  g_auto (GStrv) addresses = mesh_host_choose_addresses (&reach, &n_addresses);
  MeshPeerConfig config = {
    .id = action->peer,
    .sid = action->sid,
    .worker = self->context,
    .events = &peer_events,
    .user_data = self,
    .sources = { self->config.sources[0], self->config.sources[1] },
    .video_codecs = (const char *const *) self->video_codecs,
    .n_attempts = count_attempts (self) + 1,
    .addresses = (const char *const *) addresses,
    .n_addresses = n_addresses,
    .reach = reach,
    .stun_server = self->stun_server,
    .turn_servers = (const char *const *) self->turn_servers,
    .relay_only = self->config.relay_only,
    .latency = self->config.latency,
    .decode = self->config.decode,
    .verify_fingerprint = self->config.verify_fingerprint,
    .takes_over = member->old != NULL,
  };

  mesh_call_tell_reach (self, reach);
  member->peer = mesh_peer_new (&config, &error);
  if (member->peer) {
    gst_bin_add (GST_BIN (self->config.element), GST_ELEMENT (member->peer));
    gst_element_sync_state_with_parent (GST_ELEMENT (member->peer));
    if (!action->offerer)
      return;
    if (mesh_peer_offer (member->peer, mesh_call_choose_codec (self,
                action->peer, action->codecs), &error)) {
      mesh_call_note_codec (self, member);
      return;
    }
  }
  mesh_call_warn (self, action->peer, error ? error->message
      : "webrtcbin makes no offer to it");
  mesh_room_failed (self->room, action->peer, action->sid, "refused",
      mesh_call_now ());
}

void
mesh_call_take_remote_sdp (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = g_hash_table_lookup (self->members, action->peer);
  g_autoptr (GError) error = NULL;

  if (!member || !member->peer)
    return;
  if (!mesh_peer_remote_sdp (member->peer, action->sdp_type, action->sdp,
          &error)) {
    mesh_call_warn (self, action->peer, error->message);
    mesh_room_failed (self->room, action->peer, action->sid, "refused",
        mesh_call_now ());
    return;
  }
  if (mesh_peer_is_sound_only (member->peer))
    mesh_call_warn (self, action->peer, "it offers a picture in no codec of "
        "video-codecs: there is sound only");
}

static void
on_local_sdp (MeshPeer *peer, const char *type, const char *sdp,
    gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_local_sdp (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), type, sdp, mesh_call_now ());
  mesh_call_pump (self);
}

static void
on_local_candidate (MeshPeer *peer, const char *candidate, int mline,
    gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_local_candidate (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), candidate, mline, NULL, mesh_call_now ());
  mesh_call_pump (self);
}

static void
on_connected (MeshPeer *peer, gpointer user_data)
{
  MeshCall *self = user_data;
  Member *member = member_of (self, peer);

  if (member)
    member->heard_at = member->connected_at = mesh_call_now ();
  mesh_room_connected (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), mesh_call_now ());
  if (member) {
    mesh_call_end_what_stopped (self, member);
    mesh_call_review_picture (self, member);
  }
  mesh_call_exchange (self);
  mesh_call_pump (self);
}

static void
on_failed (MeshPeer *peer, const char *reason, const char *text,
    gpointer user_data)
{
  MeshCall *self = user_data;
  Member *member = g_hash_table_lookup (self->members,
      mesh_peer_get_id (peer));

  /* of one that was to go anyway nobody needs to hear */
  if (!member || member->old != peer)
    mesh_call_warn (self, mesh_peer_get_id (peer), text);
  mesh_room_failed (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), reason, mesh_call_now ());
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
  mesh_room_tell (self->room, id, there, mesh_call_now ());
  mesh_call_pump (self);
}

/* A pad that the application is to hear of before its first frame comes. */
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

static const MeshPeerEvents peer_events = {
  .local_sdp = on_local_sdp,
  .local_candidate = on_local_candidate,
  .connected = on_connected,
  .failed = on_failed,
  .trouble = on_trouble,
  .too_large = on_too_large,
  .pad = on_pad,
};

static void
listen_to (MeshCall *self, const char *id, Member *member)
{
  MeshPeer *const peers[] = { member->peer, member->old };
  gint64 now = mesh_call_now ();

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++) {
    if (!peers[i] || !mesh_peer_take_heard (peers[i]))
      continue;
    member->heard_at = now;
    mesh_room_heard (self->room, id, mesh_peer_get_sid (peers[i]), now);
  }
  if (member->peer && member->old
      && !mesh_member_pads_carry (member->pads, GST_ELEMENT (member->old)))
    mesh_room_shown (self->room, id, mesh_peer_get_sid (member->peer), now);
}

/* Who has been heard of since the last time, and whose new attempt has brought
 * a frame of everything? */
void
mesh_call_listen (MeshCall *self)
{
  GHashTableIter iter;
  gpointer id, value;

  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    listen_to (self, id, value);
    mesh_call_tell_addressless (self, id, value);
  }
}

/* Carries out what the core has decided of an attempt. What there is to see and
 * hear of one that is set aside stays so until another one has something; a
 * member that was never shown goes with its attempt. */
void
mesh_call_change_attempt (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = g_hash_table_lookup (self->members, action->peer);

  if (!member)
    return;
  GST_DEBUG_OBJECT (self->config.element, "attempt %s with %s %s: %s",
      action->sid, action->peer, action->type == MESH_ROOM_RETIRE
      ? "is set aside" : action->type == MESH_ROOM_BACK ? "is gone back to"
      : "ends", action->reason ? action->reason : "the other one has ended");
  switch (action->type) {
    case MESH_ROOM_RETIRE:
      member->old = g_steal_pointer (&member->peer);
      member->connected_at = 0;
      break;
    case MESH_ROOM_BACK:
      member->peer = g_steal_pointer (&member->old);
      member->connected_at = mesh_call_now ();
      break;
    case MESH_ROOM_DROP:
      stop_peer (self, member, &member->old);
      break;
    default:
      mesh_call_keep_reason (self, member);
      member->connected_at = 0;
      stop_peer (self, member, &member->peer);
      break;
  }
  if (!member->added && !member->peer)
    mesh_call_drop_member (self, action->peer);
}
