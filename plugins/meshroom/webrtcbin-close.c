/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* webrtcbin 1.22's receiving half listens to the state of its ICE transport,
 * and as long as that is not connected, it blocks a pad: also when it is closed
 * already, and then nobody takes the block away, which holds half of webrtcbin
 * and its descriptors for ever. The state changes on webrtcbin's own thread and
 * on libnice's, while a third one closes. */

#include "meshroom/webrtcbin-close.h"

#include <gst/webrtc/webrtc.h>

typedef struct {
  GMutex lock;
  GCond cond;
  gboolean settled;             /* under lock, as the thread */
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
 * @webrtcbin: one that gets no more to do
 *
 * Waits until it has done what it was told to: no transport is made while it is
 * being closed, and no promise is forgotten, which would keep alive whom it
 * was given by.
 *
 * Returns: (transfer full) (nullable): webrtcbin's own thread, to be joined
 *   once webrtcbin is in %GST_STATE_NULL: 1.22 lets it end by itself, and a
 *   process that exits meanwhile crashes where the thread cleans up after
 *   OpenSSL. %NULL where it has none any more.
 *
 * Since: 0.1
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
  /* Any question will do: they are answered in order. This one is refused at
   * once; get-stats would make a dozen names with numbers in them, and GLib
   * keeps each name for ever. */
  g_signal_emit_by_name (webrtcbin, "set-local-description", description,
      promise);
  gst_webrtc_session_description_free (description);
  g_mutex_lock (&settling.lock);
  while (!settling.settled)
    g_cond_wait (&settling.cond, &settling.lock);
  g_mutex_unlock (&settling.lock);
  g_mutex_clear (&settling.lock);
  g_cond_clear (&settling.cond);
  /* one that is closed already answers right here */
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
 * @webrtcbin: one that is about to be closed
 *
 * Has it listen to its transports no more.
 *
 * Since: 0.1
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
