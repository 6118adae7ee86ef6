/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Takes messages and settings from other threads: each becomes a task of the
 * call's thread. */

#include "meshroom/call-private.h"

#include "host/timer.h"

typedef struct {
  MeshCall *call;
  MeshKind kind;
  MeshSource *source;
  char *text;
  gsize length;
  gboolean muted;
  gboolean hidden;
  MeshWant want;
  guint64 bits;
  GSourceFunc func;
} Task;

static void
task_free (gpointer data)
{
  Task *task = data;

  mesh_source_unref (task->source);
  g_free (task->text);
  g_free (task);
}

static void
post_task (MeshCall *self, GSourceFunc func, Task *task)
{
  task->call = self;
  mesh_idle_post (self->context, func, task, task_free);
}

/* Returns: (transfer full) (nullable): the message of @json, unsealed; %NULL if
 * it is dropped */
static MeshMessage *
read_message (MeshCall *self, const char *json, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message = mesh_message_parse (json, length, &error);
  g_autoptr (MeshMessage) inner = NULL;
  g_autofree char *text = NULL;

  if (!message) {
    text = g_strdup_printf ("a message was dropped: %s", error->message);
    mesh_call_warn (self, NULL, text);
    return NULL;
  }
  /* messages of the server itself have no sender, and are not sealed */
  if (!message->from && message->type >= MESH_MESSAGE_WELCOME)
    return g_steal_pointer (&message);
  /* under a room id that has become ours, our own earlier messages come back */
  if (g_strcmp0 (message->from, self->peer_id) == 0)
    return NULL;
  if (message->type >= MESH_MESSAGE_WELCOME || !message->from) {
    mesh_call_warn (self, message->from, "a message was dropped: only the "
        "server may say that");
    return NULL;
  }
  if (message->type == MESH_MESSAGE_SEALED) {
    if (self->sealer)
      inner = mesh_sealer_open (self->sealer, message, &error);
    if (inner)
      return g_steal_pointer (&inner);
    text = g_strdup_printf ("a message was dropped: %s", error
        ? error->message : "it is sealed, and our link has no key");
    mesh_call_warn (self, message->from, text);
    return NULL;
  }
  if (self->sealer) {
    mesh_call_warn (self, message->from, "a message was dropped: it is not "
        "sealed (does its link lack the key?)");
    return NULL;
  }
  return g_steal_pointer (&message);
}

static void
receive (MeshCall *self, const char *json, gsize length)
{
  g_autoptr (MeshMessage) message = read_message (self, json, length);

  g_atomic_int_add (&self->waiting, -1);
  if (!message)
    return;
  GST_DEBUG_OBJECT (self->config.element, "%s from %s",
      mesh_message_type_name (message->type),
      message->from ? message->from : "the server");
  mesh_room_feed (self->room, message, g_get_monotonic_time ());
  mesh_call_pump (self);
}

static gboolean
do_receive (gpointer user_data)
{
  Task *task = user_data;
  MeshCall *self = task->call;

  if (self->held)
    g_queue_push_tail (self->held,
        g_bytes_new_take (g_steal_pointer (&task->text), task->length));
  else
    receive (self, task->text, task->length);
  return G_SOURCE_REMOVE;
}

/* Reads the messages that were held until the ICE servers were known. */
void
mesh_call_read_held (MeshCall *self)
{
  GQueue *held = g_steal_pointer (&self->held);

  for (GBytes *text; held && (text = g_queue_pop_head (held));) {
    gsize length;
    const char *json = g_bytes_get_data (text, &length);

    receive (self, json, length);
    g_bytes_unref (text);
  }
  g_clear_pointer (&held, g_queue_free);
}

static gboolean
do_join (gpointer user_data)
{
  MeshCall *self = ((Task *) user_data)->call;

  mesh_call_look_around (self);
  /* while messages are held, the server is still being asked for its list */
  if (!self->held)
    mesh_call_check_relays (self);
  mesh_room_join (self->room, g_get_monotonic_time ());
  mesh_call_pump (self);
  return G_SOURCE_REMOVE;
}

static gboolean
do_set_state (gpointer user_data)
{
  Task *task = user_data;

  mesh_room_set_state (task->call->room, task->text, task->muted,
      task->hidden, g_get_monotonic_time ());
  mesh_call_pump (task->call);
  return G_SOURCE_REMOVE;
}

static gboolean
do_chat (gpointer user_data)
{
  Task *task = user_data;

  if (!g_utf8_validate (task->text, -1, NULL)
      || g_utf8_strlen (task->text, -1) > MESH_MESSAGE_MAX_TEXT) {
    mesh_call_warn (task->call, NULL, "a message was not sent: it is too long, "
        "or not UTF-8");
    return G_SOURCE_REMOVE;
  }
  mesh_room_chat (task->call->room, task->text, g_get_monotonic_time ());
  mesh_call_pump (task->call);
  return G_SOURCE_REMOVE;
}

static gboolean
do_want (gpointer user_data)
{
  Task *task = user_data;

  mesh_call_say_want (task->call, task->text, &task->want);
  mesh_call_pump (task->call);
  return G_SOURCE_REMOVE;
}

static gboolean
do_set_source (gpointer user_data)
{
  Task *task = user_data;
  MeshCall *self = task->call;

  mesh_call_take_source (self, task->kind, task->source);
  mesh_call_review_codecs (self);
  mesh_call_pump (self);
  mesh_call_exchange (self);
  mesh_call_media_changed (self);
  mesh_call_pump (self);
  return G_SOURCE_REMOVE;
}

static gboolean
do_end_streams (gpointer user_data)
{
  MeshCall *self = ((Task *) user_data)->call;
  GHashTableIter iter;
  gpointer member;

  self->streams_ended = TRUE;
  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &member))
    mesh_removals_end_pads (self->removals, ((Member *) member)->pads);
  if (self->config.end_messages) {
    mesh_room_leave (self->room, g_get_monotonic_time ());
    mesh_call_pump (self);
    self->config.end_messages (self->config.user_data);
  }
  return G_SOURCE_REMOVE;
}

/**
 * mesh_call_end_streams:
 *
 * Every pad gives EOS, and no further pad comes. The call itself goes on,
 * unless its messages go through pads, which end as well: then the room is
 * left.
 */
void
mesh_call_end_streams (MeshCall *call)
{
  post_task (call, do_end_streams, g_new0 (Task, 1));
}

/**
 * mesh_call_join:
 *
 * Joins the room.
 */
void
mesh_call_join (MeshCall *call)
{
  post_task (call, do_join, g_new0 (Task, 1));
}

/**
 * mesh_call_receive:
 * @json: a message as it came
 * @length: its length
 */
void
mesh_call_receive (MeshCall *call, const char *json, gsize length)
{
  Task *task;

  if (g_atomic_int_add (&call->waiting, 1) >= MESH_MESSAGE_MAX_WAITING) {
    g_atomic_int_add (&call->waiting, -1);
    GST_WARNING_OBJECT (call->config.element, "a message was dropped: they "
        "come faster than they can be read");
    return;
  }
  task = g_new0 (Task, 1);
  task->text = g_strndup (json, length);
  task->length = length;
  post_task (call, do_receive, task);
}

/**
 * mesh_call_set_state:
 * @name: our display name
 * @muted: whether we are muted
 * @hidden: whether our camera is hidden
 *
 * Tells the others.
 */
void
mesh_call_set_state (MeshCall *call, const char *name, gboolean muted,
    gboolean hidden)
{
  Task *task = g_new0 (Task, 1);

  task->text = g_strdup (name);
  task->muted = muted;
  task->hidden = hidden;
  post_task (call, do_set_state, task);
}

/**
 * mesh_call_set_source:
 * @kind: audio or video
 * @source: (nullable): what is sent of it from now on, its input known; %NULL =
 *   nothing
 *
 * To be called when a source has learned what its input is, or that it cannot
 * be encoded in a codec, also for a source that the call has already, and when a
 * source is no more. Connected peers get the source, or lose it, by another
 * attempt, beside which everything else goes on.
 */
void
mesh_call_set_source (MeshCall *call, MeshKind kind, MeshSource *source)
{
  Task *task = g_new0 (Task, 1);

  task->kind = kind;
  task->source = source ? mesh_source_ref (source) : NULL;
  post_task (call, do_set_source, task);
}

/**
 * mesh_call_want:
 * @peer_id: a member
 * @size: the largest size of its picture that we have a use for
 *
 * Tells the member.
 */
void
mesh_call_want (MeshCall *call, const char *peer_id, const MeshWant *size)
{
  Task *task = g_new0 (Task, 1);

  task->text = g_strdup (peer_id);
  task->want = *size;
  post_task (call, do_want, task);
}

/**
 * mesh_call_chat:
 * @text: what to say to everybody
 */
void
mesh_call_chat (MeshCall *call, const char *text)
{
  Task *task = g_new0 (Task, 1);

  task->text = g_strdup (text);
  post_task (call, do_chat, task);
}

static gboolean
run_plain (gpointer user_data)
{
  Task *task = user_data;

  return task->func (task->call);
}

/* Has @func called on the call's thread. */
void
mesh_call_post (MeshCall *self, GSourceFunc func)
{
  Task *task = g_new0 (Task, 1);

  task->func = func;
  post_task (self, run_plain, task);
}

static gboolean
do_set_uplink (gpointer user_data)
{
  Task *task = user_data;

  task->call->allot.uplink = task->bits;
  mesh_call_media_changed (task->call);
  return G_SOURCE_REMOVE;
}

/**
 * mesh_call_set_uplink:
 * @uplink: what all peers together may be sent, bit/s; 0 = it is found out
 */
void
mesh_call_set_uplink (MeshCall *call, guint64 uplink)
{
  Task *task = g_new0 (Task, 1);

  task->bits = uplink;
  post_task (call, do_set_uplink, task);
}
