/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tells the application of events in a call, and posts the call's warnings.
 * Each event is a signal of the element, and then a message on the bus with the
 * same content. */

#include "meshroom/call-private.h"

/* The number of warnings is limited: remote input causes them, and a flood of
 * invalid input must not become a flood of bus messages. After as many as may
 * come at once (MESH_CALL_WARNINGS) there is one in each interval. */
#define WARNING_INTERVAL (5 * G_TIME_SPAN_SECOND)

typedef struct {
  const char *signal;
  char *peer;
  char *text;                   /* the signal's second argument; NULL if it has
                                 * none */
  GstStructure *message;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  g_free (news->peer);
  g_free (news->text);
  gst_clear_structure (&news->message);
  g_free (news);
}

/* Called on the notifier's thread. */
static void
tell_news (GstElement *room, gpointer data)
{
  News *news = data;

  if (news->text)
    g_signal_emit_by_name (room, news->signal, news->peer, news->text);
  else
    g_signal_emit_by_name (room, news->signal, news->peer);
  gst_element_post_message (room, gst_message_new_element (GST_OBJECT (room),
          g_steal_pointer (&news->message)));
}

/* @message: (transfer full) */
static void
tell (MeshCall *self, const char *signal, const char *peer, const char *text,
    GstStructure *message)
{
  News *news = g_new (News, 1);

  news->signal = signal;
  news->peer = g_strdup (peer);
  news->text = g_strdup (text);
  news->message = message;
  mesh_notifier_post (self->config.notifier, tell_news, news, news_free);
}

static char *
dup_name_of (MeshCall *self, const char *id)
{
  char *name = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->peers->len && !name; i++) {
    const GstStructure *s = g_ptr_array_index (self->peers, i);

    if (g_strcmp0 (gst_structure_get_string (s, "peer-id"), id) == 0)
      name = g_strdup (gst_structure_get_string (s, "name"));
  }
  g_mutex_unlock (&self->lock);
  return name;
}

void
mesh_call_tell_added (MeshCall *self, const char *peer)
{
  g_autofree char *name = dup_name_of (self, peer);

  GST_INFO_OBJECT (self->config.element, "peer %s is in the call", peer);
  tell (self, "peer-added", peer, NULL,
      gst_structure_new ("meshroom-peer-added", "peer-id", G_TYPE_STRING, peer,
          "name", G_TYPE_STRING, name, NULL));
}

void
mesh_call_tell_removed (MeshCall *self, const char *peer, const char *reason)
{
  GST_INFO_OBJECT (self->config.element, "peer %s is gone: %s", peer, reason);
  tell (self, "peer-removed", peer, reason,
      gst_structure_new ("meshroom-peer-removed", "peer-id", G_TYPE_STRING,
          peer, "reason", G_TYPE_STRING, reason, NULL));
}

void
mesh_call_tell_chat (MeshCall *self, const char *peer, const char *text)
{
  tell (self, "message-received", peer, text,
      gst_structure_new ("meshroom-message-received", "peer-id", G_TYPE_STRING,
          peer, "text", G_TYPE_STRING, text, NULL));
}

static gboolean
may_warn (MeshCall *self)
{
  gint64 t = g_get_monotonic_time ();

  if (t - self->last_warning_refill > WARNING_INTERVAL) {
    self->warnings_left = MIN (MESH_CALL_WARNINGS, self->warnings_left
        + (t - self->last_warning_refill) / WARNING_INTERVAL);
    self->last_warning_refill = t;
  }
  if (self->warnings_left == 0)
    return FALSE;
  self->warnings_left--;
  return TRUE;
}

/* Drops a warning that is equal to the last one. */
void
mesh_call_warn (MeshCall *self, const char *peer, const char *what)
{
  g_autofree char *text = peer ? g_strdup_printf ("peer %s: %s", peer, what)
      : g_strdup (what);
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (text, self->last_warning) == 0 || !may_warn (self)) {
    GST_WARNING_OBJECT (self->config.element, "%s", text);
    return;
  }
  g_free (self->last_warning);
  self->last_warning = g_strdup (text);
  GST_WARNING_OBJECT (self->config.element, "%s", text);
  error = g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
      text);
  mesh_notifier_post_message (self->config.notifier, gst_message_new_warning
      (GST_OBJECT (self->config.element), error, NULL));
}
