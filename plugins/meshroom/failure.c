/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handles what goes wrong in an attempt: an error ends the attempt, other
 * messages are logged. */

#include <openssl/crypto.h>

#include "meshroom/peer-private.h"

/* Called on the call's thread, which tells the room of a failure once. */
typedef struct {
  const char *reason;
  char *text;
} Failure;

static void
failure_free (gpointer data)
{
  g_free (((Failure *) data)->text);
  g_free (data);
}

static void
tell_failure (MeshPeer *self, gpointer data)
{
  Failure *failure = data;

  if (self->failed)
    return;
  self->failed = TRUE;
  self->events->failed (self, failure->reason, failure->text, self->user_data);
}

void
mesh_peer_fail (MeshPeer *self, const char *reason, const char *text)
{
  Failure *failure = g_new (Failure, 1);

  failure->reason = reason;
  failure->text = g_strdup (text);
  mesh_peer_post (self, tell_failure, failure, failure_free);
}

static void
tell_trouble (MeshPeer *self, gpointer data)
{
  self->events->trouble (self, data, self->user_data);
}

/* A payloader that cannot read one frame goes on with the next. */
static gboolean
is_of_payloader (MeshPeer *self, GstMessage *message)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    GstElement *payloader = self->senders[i].payloader;

    if (payloader && GST_MESSAGE_SRC (message) == GST_OBJECT (payloader))
      return TRUE;
  }
  return FALSE;
}

/* A thread that has used OpenSSL, as DTLS does, has OpenSSL clean up when it
 * ends, and crashes if that is while the process exits. The connections'
 * threads belong to a pool of GLib's, which ends them at some later time, so
 * they do it here, where the pad's thread says itself that it is done. */
static void
clean_up_thread (GstMessage *message)
{
  GstStreamStatusType type;
  GstElement *owner;

  gst_message_parse_stream_status (message, &type, &owner);
  if (type == GST_STREAM_STATUS_TYPE_LEAVE)
    OPENSSL_thread_stop ();
}

/* Keeps the messages of one peer's elements from the application's bus: an
 * error ends the attempt, and all others are dropped. */
void
mesh_peer_handle_message (GstBin *bin, GstMessage *message)
{
  MeshPeer *self = (MeshPeer *) bin;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:{
      g_autoptr (GError) error = NULL;
      g_autofree char *debug = NULL;

      gst_message_parse_error (message, &error, &debug);
      GST_WARNING_OBJECT (self, "peer %s: %s (%s)", self->id, error->message,
          debug);
      if (!is_of_payloader (self, message))
        mesh_peer_fail (self, "failed", error->message);
      else if (g_atomic_int_compare_and_exchange (&self->told_of_input, FALSE,
              TRUE))
        mesh_peer_post (self, tell_trouble, g_strdup ("broken frames in our "
                "encoded input are not sent"), g_free);
      break;
    }
    case GST_MESSAGE_STREAM_STATUS:
      clean_up_thread (message);
      break;
    case GST_MESSAGE_STATE_DIRTY:
    case GST_MESSAGE_ASYNC_START:
    case GST_MESSAGE_ASYNC_DONE:
    case GST_MESSAGE_STRUCTURE_CHANGE:
    case GST_MESSAGE_NEED_CONTEXT:
    case GST_MESSAGE_HAVE_CONTEXT:
      GST_BIN_CLASS (g_type_class_peek (GST_TYPE_BIN))->handle_message (bin,
          message);
      return;
    default:
      break;
  }
  gst_message_unref (message);
}
