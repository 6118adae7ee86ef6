/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes the frames that the hub sends. `data` is nearly always JSON in a
 * string, since clients parse it a second time; names of channels need no
 * escapes. */

#include "pusher/hub-private.h"

#include <string.h>

/* Appends a JSON string that says @text. */
void
mesh_pusher_hub_append_string (GString *out, const char *text, gsize length)
{
  g_string_append_c (out, '"');
  for (const char *p = text; p < text + length; p++)
    if ((guchar) *p < 0x20) {
      g_string_append_printf (out, "\\u%04x", (guchar) *p);
    } else {
      if (*p == '"' || *p == '\\')
        g_string_append_c (out, '\\');
      g_string_append_c (out, *p);
    }
  g_string_append_c (out, '"');
}

static void
append_text (GString *out, const char *text)
{
  mesh_pusher_hub_append_string (out, text, strlen (text));
}

/* @data: (transfer full) */
static GString *
make_frame (const char *event, const char *channel, GString *data)
{
  GString *frame = g_string_new (NULL);

  g_string_append_printf (frame, "{\"event\":\"%s\",\"data\":", event);
  mesh_pusher_hub_append_string (frame, data->str, data->len);
  if (channel)
    g_string_append_printf (frame, ",\"channel\":\"%s\"", channel);
  g_string_append_c (frame, '}');
  g_string_free (data, TRUE);
  return frame;
}

GString *
mesh_pusher_hub_frame_established (const char *socket_id, guint seconds)
{
  GString *data = g_string_new (NULL);

  g_string_append_printf (data,
      "{\"socket_id\":\"%s\",\"activity_timeout\":%u}", socket_id, seconds);
  return make_frame ("pusher:connection_established", NULL, data);
}

/* @code 0 is written as null. The data of this frame is an object, not a
 * string. */
GString *
mesh_pusher_hub_frame_error (guint code, const char *message)
{
  GString *frame = g_string_new ("{\"event\":\"pusher:error\",\"data\":"
      "{\"code\":");

  if (code)
    g_string_append_printf (frame, "%u", code);
  else
    g_string_append (frame, "null");
  g_string_append (frame, ",\"message\":");
  append_text (frame, message);
  g_string_append (frame, "}}");
  return frame;
}

/* Tells of one channel what mesh_pusher_hub_frame_error() tells of the
 * connection. */
GString *
mesh_pusher_hub_frame_refused (const char *channel, const char *type,
    const char *message, guint status)
{
  GString *data = g_string_new (NULL);

  g_string_append_printf (data, "{\"type\":\"%s\",\"error\":", type);
  append_text (data, message);
  g_string_append_printf (data, ",\"status\":%u}", status);
  return make_frame ("pusher:subscription_error", channel, data);
}

static void
append_presence (GString *data, MeshPusherHubChannel *channel)
{
  GString *hash = g_string_new (NULL);
  GHashTableIter iter;
  MeshPusherHubMember *member;
  const char *comma = "";

  g_string_append_printf (data, "{\"presence\":{\"count\":%u,\"ids\":[",
      g_hash_table_size (channel->members));
  g_hash_table_iter_init (&iter, channel->members);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &member)) {
    g_string_append (data, comma);
    append_text (data, member->id);
    g_string_append (hash, comma);
    append_text (hash, member->id);
    g_string_append_printf (hash, ":%s", member->info ? member->info : "null");
    comma = ",";
  }
  g_string_append_printf (data, "],\"hash\":{%s}}}", hash->str);
  g_string_free (hash, TRUE);
}

GString *
mesh_pusher_hub_frame_succeeded (MeshPusherHubChannel *channel)
{
  GString *data = g_string_new (NULL);

  if (channel->members)
    append_presence (data, channel);
  else
    g_string_append (data, "{}");
  return make_frame ("pusher_internal:subscription_succeeded", channel->name,
      data);
}

GString *
mesh_pusher_hub_frame_added (MeshPusherHubChannel *channel,
    MeshPusherHubMember *member)
{
  GString *data = g_string_new ("{\"user_id\":");

  append_text (data, member->id);
  if (member->info)
    g_string_append_printf (data, ",\"user_info\":%s", member->info);
  g_string_append_c (data, '}');
  return make_frame ("pusher_internal:member_added", channel->name, data);
}

GString *
mesh_pusher_hub_frame_removed (MeshPusherHubChannel *channel,
    MeshPusherHubMember *member)
{
  GString *data = g_string_new ("{\"user_id\":");

  append_text (data, member->id);
  g_string_append_c (data, '}');
  return make_frame ("pusher_internal:member_removed", channel->name, data);
}

/* A string in @data is passed on as it came, and anything else as a string of
 * its JSON, for libraries that parse it a second time and those that do not.
 * @user: the sender, in a presence channel. */
GString *
mesh_pusher_hub_frame_event (const MeshJsonSpan *event, const char *channel,
    const MeshJsonSpan *data, const char *user)
{
  GString *frame = g_string_new ("{\"event\":");

  g_string_append_len (frame, event->text, event->length);
  g_string_append_printf (frame, ",\"channel\":\"%s\",\"data\":", channel);
  if (data->length && data->text[0] == '"')
    g_string_append_len (frame, data->text, data->length);
  else
    mesh_pusher_hub_append_string (frame, data->text, data->length);
  if (user) {
    g_string_append (frame, ",\"user_id\":");
    append_text (frame, user);
  }
  g_string_append_c (frame, '}');
  return frame;
}

GString *
mesh_pusher_hub_frame_signed_in (const char *user_data)
{
  GString *data = g_string_new ("{\"user_data\":");

  append_text (data, user_data);
  g_string_append_c (data, '}');
  return make_frame ("pusher:signin_success", NULL, data);
}
