/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* webrtcbin 1.22's TransportReceiveBin listens to the state of its ICE
 * transport, and blocks a pad as long as the transport is not connected. It
 * does so after it has been closed, too. Then the block is never removed, and
 * keeps half of webrtcbin and its descriptors for ever. The state changes on
 * webrtcbin's own thread and on libnice's, while a third thread closes
 * webrtcbin. */

#include "meshroom/webrtcbin-close.h"

#include <gst/webrtc/webrtc.h>

typedef struct {
  GMutex lock;                  /* guards what follows */
  GCond cond;
  gboolean settled;
  GThread *thread;
} Settling;

static void
on_settled (GstPromise *promise, gpointer user_data)
{
  Settling *settling = user_data;

  g_mutex_lock (&settling->lock);
  settling->settled = TRUE;
  settling->thread = g_thread_ref (g_thread_self ());
  g_cond_signal (&settling->cond);
  g_mutex_unlock (&settling->lock);
}

/**
 * mesh_webrtcbin_settle:
 * @webrtcbin: a webrtcbin that is given no more work
 *
 * Waits until webrtcbin has finished its queued tasks. Then no transport is
 * created while it is being closed, and no promise stays unanswered, which
 * would leak the references that the promise holds.
 *
 * Returns: (transfer full) (nullable): webrtcbin's own thread, to be joined
 *   once webrtcbin is in %GST_STATE_NULL: webrtcbin 1.22 does not join it, and
 *   a process that exits meanwhile crashes where the thread cleans up OpenSSL's
 *   data. %NULL if there is no such thread any more.
 */
GThread *
mesh_webrtcbin_settle (GstElement *webrtcbin)
{
  Settling settling = { 0 };
  g_autoptr (GstPromise) promise =
      gst_promise_new_with_change_func (on_settled, &settling, NULL);
  GstSDPMessage *message;
  GstWebRTCSessionDescription *description;

  gst_sdp_message_new (&message);
  description = gst_webrtc_session_description_new
      (GST_WEBRTC_SDP_TYPE_ROLLBACK, message);
  g_mutex_init (&settling.lock);
  g_cond_init (&settling.cond);
  /* Any request serves, since requests are answered in order. This one is
   * refused at once; get-stats would create a dozen numbered field names, and
   * GLib never frees a name. */
  g_signal_emit_by_name (webrtcbin, "set-local-description", description,
      promise);
  gst_webrtc_session_description_free (description);
  g_mutex_lock (&settling.lock);
  while (!settling.settled)
    g_cond_wait (&settling.cond, &settling.lock);
  g_mutex_unlock (&settling.lock);
  g_mutex_clear (&settling.lock);
  g_cond_clear (&settling.cond);
  /* a webrtcbin that is closed already answers on this thread */
  if (settling.thread == g_thread_self ())
    g_clear_pointer (&settling.thread, g_thread_unref);
  return settling.thread;
}

static GObject *
get_object (GObject *object, const char *property)
{
  GObject *value = NULL;

  if (object && g_object_class_find_property (G_OBJECT_GET_CLASS (object),
          property))
    g_object_get (object, property, &value, NULL);
  return value;
}

static void
stop_listening (const GValue *item, gpointer user_data)
{
  GObject *child = g_value_get_object (item);

  if (g_str_equal (G_OBJECT_TYPE_NAME (child), "TransportReceiveBin"))
    g_signal_handlers_disconnect_by_data (user_data, child);
}

/**
 * mesh_webrtcbin_stop_listening:
 * @webrtcbin: a webrtcbin that is about to be closed
 *
 * Disconnects the handlers by which webrtcbin listens to its transports.
 */
void
mesh_webrtcbin_stop_listening (GstElement *webrtcbin)
{
  g_autoptr (GArray) transceivers = NULL;

  g_signal_emit_by_name (webrtcbin, "get-transceivers", &transceivers);
  for (guint i = 0; transceivers && i < transceivers->len; i++) {
    g_autoptr (GObject) sender =
        get_object (g_array_index (transceivers, GObject *, i), "sender");
    g_autoptr (GObject) dtls = get_object (sender, "transport");
    g_autoptr (GObject) ice = get_object (dtls, "transport");
    g_autoptr (GstIterator) children =
        gst_bin_iterate_elements (GST_BIN (webrtcbin));

    while (ice && gst_iterator_foreach (children, stop_listening, ice)
        == GST_ITERATOR_RESYNC)
      gst_iterator_resync (children);
  }
}
