/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's rooms: their members and hosts, and what is put into the members'
 * mailboxes. */

#include "core/hub-private.h"

#include <string.h>

/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014): epochs must differ, they need not be secret. */
static guint64
next_random (MeshHub *hub)
{
  guint64 z = hub->random += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void
member_free (MeshHubMember *member)
{
  mesh_mailbox_free (member->box);
  g_free (member);
}

MeshHubRoom *
mesh_hub_room_new (MeshHub *hub, const char *id)
{
  MeshHubRoom *room = g_new0 (MeshHubRoom, 1);

  g_strlcpy (room->id, id, sizeof room->id);
  room->members = g_ptr_array_new_with_free_func (
      (GDestroyNotify) member_free);
  g_hash_table_insert (hub->rooms, room->id, room);
  hub->stats.rooms++;
  return room;
}

void
mesh_hub_room_free (MeshHubRoom *room)
{
  g_ptr_array_unref (room->members);
  g_free (room);
}

MeshHubMember *
mesh_hub_room_find (MeshHubRoom *room, const char *id)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshHubMember *member = g_ptr_array_index (room->members, i);

    if (g_str_equal (member->id, id))
      return member;
  }
  return NULL;
}

/* Takes a member's mailbox out of the sum over all mailboxes, before it
 * changes. */
static void
forget_bytes (MeshHub *hub, MeshHubMember *member)
{
  if (member->box)
    hub->stats.box_bytes -= mesh_mailbox_get_bytes (member->box);
}

void
mesh_hub_member_new_box (MeshHub *hub, MeshHubMember *member)
{
  forget_bytes (hub, member);
  mesh_mailbox_free (member->box);
  member->box = mesh_mailbox_new (next_random (hub), hub->limits.box_frames,
      hub->limits.box_bytes);
}

void
mesh_hub_member_ack (MeshHub *hub, MeshHubMember *member, guint64 seq)
{
  forget_bytes (hub, member);
  mesh_mailbox_ack (member->box, seq);
  hub->stats.box_bytes += mesh_mailbox_get_bytes (member->box);
}

/* Returns the next frame for a member's mailbox. @head and @payload together
 * are the frame's text after its number. */
static GBytes *
build_frame (MeshHubMember *to, const char *head, const char *payload,
    gsize length)
{
  char seq[40];
  gsize seq_length = g_snprintf (seq, sizeof seq,
      "{\"seq\":%" G_GUINT64_FORMAT ",", mesh_mailbox_get_next (to->box));
  gsize head_length = strlen (head);
  gsize size = seq_length + head_length + length + 1;
  char *text = g_malloc (size);

  memcpy (text, seq, seq_length);
  memcpy (text + seq_length, head, head_length);
  memcpy (text + seq_length + head_length, payload, length);
  text[size - 1] = '}';
  return g_bytes_new_take (text, size);
}

static gboolean
post (MeshHub *hub, MeshHubMember *to, GBytes *frame, gboolean event)
{
  gsize size = g_bytes_get_size (frame);

  if (!event && hub->stats.box_bytes + size > hub->limits.total_bytes) {
    hub->stats.dropped++;
    return FALSE;
  }
  if (!mesh_mailbox_push (to->box, frame, event)) {
    hub->stats.dropped++;
    if (to->client)
      mesh_hub_drop (hub, to->client, MESH_HUB_SLOW, "mailbox is full");
    return FALSE;
  }
  hub->stats.box_bytes += size;
  if (to->client)
    mesh_hub_push_frame (hub, to->client, frame);
  return TRUE;
}

/* Puts an event into a member's mailbox. A member that missed an event would
 * have a wrong picture of the room for ever; so if the mailbox is full, it is
 * replaced by a new one, and the member starts anew. */
static void
post_event (MeshHub *hub, MeshHubMember *to, const char *event)
{
  g_autoptr (GBytes) frame = build_frame (to, event, "", 0);

  if (!post (hub, to, frame, TRUE))
    mesh_hub_member_new_box (hub, to);
}

static void
post_to_others (MeshHub *hub, MeshHubRoom *room, MeshHubMember *but,
    const char *event)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshHubMember *member = g_ptr_array_index (room->members, i);

    if (member != but)
      post_event (hub, member, event);
  }
}

MeshHubMember *
mesh_hub_room_add (MeshHub *hub, MeshHubRoom *room, const char *id,
    const guint8 token[32], gint64 now)
{
  g_autofree char *event = NULL;
  MeshHubMember *member = g_new0 (MeshHubMember, 1);

  member->room = room;
  g_strlcpy (member->id, id, sizeof member->id);
  memcpy (member->token, token, sizeof member->token);
  member->heard = now;
  mesh_hub_member_new_box (hub, member);
  g_ptr_array_add (room->members, member);
  if (!room->host)
    room->host = member;
  hub->stats.members++;

  event = g_strdup_printf ("\"event\":{\"type\":\"joined\",\"id\":\"%s\"}", id);
  post_to_others (hub, room, member, event);
  mesh_hub_push_log (hub, "room %.8s: %.8s joined, %u members", room->id, id,
      room->members->len);
  return member;
}

void
mesh_hub_member_leave (MeshHub *hub, MeshHubMember *member, const char *reason)
{
  MeshHubRoom *room = member->room;
  g_autofree char *left = g_strdup_printf (
      "\"event\":{\"type\":\"left\",\"id\":\"%s\",\"reason\":\"%s\"}",
      member->id, reason);
  gboolean hosted = room->host == member;

  mesh_hub_push_log (hub, "room %.8s: %.8s left (%s), %u members", room->id,
      member->id, reason, room->members->len - 1);
  if (member->client)
    member->client->member = NULL;
  forget_bytes (hub, member);
  hub->stats.members--;
  g_ptr_array_remove (room->members, member);

  if (room->members->len == 0) {
    hub->stats.rooms--;
    g_hash_table_remove (hub->rooms, room->id);
    return;
  }
  if (hosted)
    room->host = g_ptr_array_index (room->members, 0);
  post_to_others (hub, room, NULL, left);
  if (hosted) {
    g_autofree char *host = g_strdup_printf (
        "\"event\":{\"type\":\"host\",\"id\":\"%s\"}", room->host->id);

    post_to_others (hub, room, NULL, host);
  }
}

typedef struct {
  MeshHub *hub;
  MeshHubClient *client;
} Resend;

static void
resend_frame (GBytes *frame, gpointer user_data)
{
  Resend *resend = user_data;

  mesh_hub_push_frame (resend->hub, resend->client, frame);
}

/* Sends the welcome to a client, and the frames that it has missed. */
void
mesh_hub_member_welcome (MeshHub *hub, MeshHubMember *member, gboolean resumed)
{
  MeshHubRoom *room = member->room;
  GString *text = g_string_new (NULL);
  g_autoptr (GBytes) frame = NULL;
  Resend resend = { hub, member->client };

  g_string_printf (text, "{\"type\":\"welcome\",\"id\":\"%s\",\"room\":\"%s\","
      "\"epoch\":\"%s\",\"resumed\":%s,\"mid\":%" G_GUINT64_FORMAT ","
      "\"host\":\"%s\",\"members\":[", member->id, room->id,
      mesh_mailbox_get_epoch (member->box), resumed ? "true" : "false",
      member->mid, room->host->id);
  for (guint i = 0; i < room->members->len; i++) {
    MeshHubMember *other = g_ptr_array_index (room->members, i);

    g_string_append_printf (text, "%s\"%s\"", i ? "," : "", other->id);
  }
  g_string_append (text, "]}");
  frame = g_string_free_to_bytes (text);
  mesh_hub_push_frame (hub, member->client, frame);
  if (resumed)
    mesh_mailbox_foreach (member->box, resend_frame, &resend);
}

static void
tell_undeliverable (MeshHub *hub, MeshHubMember *from, const char *to,
    const char *reason)
{
  g_autofree char *event = g_strdup_printf ("\"event\":{\"type\":"
      "\"undeliverable\",\"to\":\"%s\",\"reason\":\"%s\"}", to, reason);

  post_event (hub, from, event);
}

/* Passes a member's message on. The client of @from may have been sent away
 * afterwards. */
void
mesh_hub_member_relay (MeshHub *hub, MeshHubMember *from,
    const MeshEnvelope *envelope)
{
  MeshHubRoom *room = from->room;
  MeshHubMember *to = g_str_equal (envelope->to, room->id) ? room->host
      : mesh_hub_room_find (room, envelope->to);
  g_autoptr (GBytes) frame = NULL;
  char head[MESH_UUID_LENGTH + 24];

  if (!to || to == from) {
    tell_undeliverable (hub, from, envelope->to, "gone");
    return;
  }
  g_snprintf (head, sizeof head, "\"from\":\"%s\",\"payload\":", from->id);
  frame = build_frame (to, head, envelope->payload, envelope->payload_length);
  if (!post (hub, to, frame, FALSE)) {
    tell_undeliverable (hub, from, envelope->to, "full");
    return;
  }
  hub->stats.relayed++;
  hub->stats.relayed_bytes += envelope->payload_length;
}
