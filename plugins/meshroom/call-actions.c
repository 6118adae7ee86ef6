/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what the core has decided of members and of the attempts at
 * connections with them. */

#include "meshroom/call-private.h"

#include "host/addresses.h"

/* --- members --- */

/* Gives the pads of a new member the name that the room knows, which may have
 * come in an earlier attempt. */
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
    .drawn = self->config.drawn,
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
  mesh_call_keep_counts (member, *peer);
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
  mesh_call_keep_member_counts (self, member);
  mesh_removals_push_pads (self->removals, g_steal_pointer (&member->pads));
  g_hash_table_remove (self->members, id);
}

/* --- attempts --- */

/* Returns: how many attempts are not connected yet */
guint
mesh_call_count_attempts (MeshCall *self)
{
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    MeshPeer *peer = ((Member *) value)->peer;

    n += peer && !mesh_peer_is_connected (peer);
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
    .events = self->peer_events,
    .user_data = self,
    .sources = { self->config.sources[0], self->config.sources[1] },
    .video_codecs = (const char *const *) self->video_codecs,
    .n_attempts = mesh_call_count_attempts (self) + 1,
    .addresses = (const char *const *) addresses,
    .n_addresses = n_addresses,
    .reach = reach,
    .stun_server = self->stun_server,
    .turn_servers = (const char *const *) self->turn_servers,
    .relay_only = self->config.relay_only,
    .latency = self->config.latency,
    .least_delay = self->config.least_delay,
    .decode = self->config.decode,
    .verify_fingerprint = self->config.verify_fingerprint,
    .congestion_control = self->config.congestion_control,
    .takes_over = member->old != NULL,
  };

  mesh_call_tell_reach (self, reach);
  member->want_known = FALSE;
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
      g_get_monotonic_time ());
}

/* Tells the member @id what we have a use for of its picture. */
void
mesh_call_say_want (MeshCall *self, const char *id, const MeshWant *want)
{
  Member *member = g_hash_table_lookup (self->members, id);

  mesh_room_want (self->room, id, want->width, want->height, want->fps,
      g_get_monotonic_time ());
  if (!member)
    return;
  if (member->unseen && want->width > 0 && member->peer)
    mesh_peer_excuse_gap (member->peer);
  member->unseen = want->width == 0;
}

/* Notes what the member at the other end of the present attempt has a use for.
 * What is sent to it follows from that. */
void
mesh_call_take_want (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = g_hash_table_lookup (self->members, action->peer);

  if (!member)
    return;
  GST_DEBUG_OBJECT (self->config.element, "%s can use %ux%u at %u/s of our "
      "picture", action->peer, action->want.width, action->want.height,
      action->want.fps);
  member->want_known = TRUE;
  member->want_width = action->want.width;
  member->want_height = action->want.height;
  member->want_fps = action->want.fps;
  mesh_call_media_changed (self);
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
        g_get_monotonic_time ());
    return;
  }
  if (mesh_peer_is_sound_only (member->peer))
    mesh_call_warn (self, action->peer, "it offers a picture in no codec of "
        "video-codecs: there is sound only");
}

static void
listen_to (MeshCall *self, const char *id, Member *member)
{
  MeshPeer *const peers[] = { member->peer, member->old };
  gint64 now = g_get_monotonic_time ();

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

/* Tells the room which attempts have brought data since the last time, and
 * which new attempts have replaced all streams of the one that is set aside. */
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

/* Carries out what the core has decided of an attempt. The streams of an
 * attempt that is set aside stay until another one brings some. A member that
 * the application was never told of ends with its attempt. */
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
      member->connected_at = g_get_monotonic_time ();
      member->want_known = FALSE;
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
