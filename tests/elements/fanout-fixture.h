/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A fan-out with a source before each of its rungs, and a pad behind each of its
 * branches that notes what comes and can block. */

#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

#include "meshroom/fanout.h"

#define WATCHDOG (20 * G_TIME_SPAN_SECOND)
#define FRAME (33 * GST_MSECOND)

/* Everything that the tests look at changes under this. */
static GMutex lock;
static GCond changed;

#define WAIT_FOR(condition) G_STMT_START { \
    gint64 until = g_get_monotonic_time () + WATCHDOG; \
    g_mutex_lock (&lock); \
    while (!(condition)) \
      fail_unless (g_cond_wait_until (&changed, &lock, until), \
          "waited in vain for " #condition); \
    g_mutex_unlock (&lock); \
  } G_STMT_END

/* What lies behind a branch: a pad that may block, as a stuck peer does. */
typedef struct {
  GstPad *branch;
  GstPad *pad;
  gboolean blocked;
  guint inside;                 /* pushes that are waiting */
  GArray *numbers;              /* guint, of the buffers that came */
  GPtrArray *buffers;
  GString *events;
  GstCaps *caps;
  GstFlowReturn flow;
} Out;

/* One rung's encoder. The buffers of rung N are numbered from N * RUNG on, those
 * of the same time alike. */
#define RUNG 10000
typedef struct {
  MeshFanout *fanout;           /* (transfer full): of the rung that made it */
  gboolean owner;
  GstPad *source;
  guint next;                   /* number of the next buffer */
  guint key_requests;
  guint requested_at[2];        /* number of the buffer that comes next */
  guint other_events;
} In;

static inline GstFlowReturn
out_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Out *out = gst_pad_get_element_private (pad);
  guint number = GST_BUFFER_OFFSET (buffer);
  GstFlowReturn flow;

  g_mutex_lock (&lock);
  out->inside++;
  g_cond_broadcast (&changed);
  while (out->blocked)
    g_cond_wait (&changed, &lock);
  out->inside--;
  g_array_append_val (out->numbers, number);
  g_ptr_array_add (out->buffers, buffer);
  g_string_append (out->events, "buffer ");
  flow = out->flow;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  return flow;
}

static inline gboolean
out_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Out *out = gst_pad_get_element_private (pad);

  g_mutex_lock (&lock);
  g_string_append_printf (out->events, "%s ", GST_EVENT_TYPE_NAME (event));
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    GstCaps *caps;

    gst_event_parse_caps (event, &caps);
    gst_caps_replace (&out->caps, caps);
  }
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  gst_event_unref (event);
  return TRUE;
}

/* Like a payloader, it takes any caps that come. */
static inline gboolean
out_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ACCEPT_CAPS)
    return FALSE;
  gst_query_set_accept_caps_result (query, TRUE);
  return TRUE;
}

static inline void
out_set_blocked (Out *out, gboolean blocked)
{
  g_mutex_lock (&lock);
  out->blocked = blocked;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
}

static inline Out *
out_new (In *in)
{
  Out *out = g_new0 (Out, 1);

  out->numbers = g_array_new (FALSE, FALSE, sizeof (guint));
  out->buffers =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  out->events = g_string_new (NULL);
  out->pad = gst_object_ref_sink (gst_pad_new (NULL, GST_PAD_SINK));
  gst_pad_set_element_private (out->pad, out);
  gst_pad_set_chain_function (out->pad, out_chain);
  gst_pad_set_event_function (out->pad, out_event);
  gst_pad_set_query_function (out->pad, out_query);
  gst_pad_set_active (out->pad, TRUE);
  out->branch = mesh_fanout_add_branch (in->fanout);
  ck_assert_int_eq (gst_pad_link_full (out->branch, out->pad,
          GST_PAD_LINK_CHECK_NOTHING), GST_PAD_LINK_OK);
  return out;
}

static inline Out *
out_new_open (In *in)
{
  Out *out = out_new (in);

  mesh_fanout_open_branch (in->fanout, out->branch);
  return out;
}

/* As a peer is taken down: first what lies behind the branch. */
static inline void
out_remove (In *in, Out *out)
{
  out_set_blocked (out, FALSE);
  gst_pad_set_active (out->pad, FALSE);
  mesh_fanout_remove_branch (in->fanout, out->branch);
  ASSERT_OBJECT_REFCOUNT (out->pad, "pad behind a branch", 1);
  gst_object_unref (out->pad);
  g_array_unref (out->numbers);
  g_ptr_array_unref (out->buffers);
  g_string_free (out->events, TRUE);
  gst_clear_caps (&out->caps);
  g_free (out);
}

static inline gboolean
in_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  In *in = gst_pad_get_element_private (pad);

  g_mutex_lock (&lock);
  if (gst_video_event_is_force_key_unit (event)) {
    if (in->key_requests < G_N_ELEMENTS (in->requested_at))
      in->requested_at[in->key_requests] = in->next;
    in->key_requests++;
  } else if (GST_EVENT_TYPE (event) != GST_EVENT_RECONFIGURE) {
    in->other_events++;
  }
  g_mutex_unlock (&lock);
  gst_event_unref (event);
  return TRUE;
}

static inline void
send_caps (In *in, const char *description)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (description);

  fail_unless (gst_pad_push_event (in->source, gst_event_new_caps (caps)));
}

static inline void
start_stream (In *in, const char *caps)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (in->source, gst_event_new_stream_start ("test"));
  send_caps (in, caps);
  gst_pad_push_event (in->source, gst_event_new_segment (&segment));
}

static inline In *
in_new_rung (MeshFanout *fanout, guint rung, const char *caps)
{
  In *in = g_new0 (In, 1);

  in->fanout = fanout;
  in->next = rung * RUNG;
  in->source = gst_object_ref_sink (gst_pad_new (NULL, GST_PAD_SRC));
  gst_pad_set_element_private (in->source, in);
  gst_pad_set_event_function (in->source, in_event);
  gst_pad_set_active (in->source, TRUE);
  gst_pad_link_full (in->source, mesh_fanout_get_sink (fanout, rung),
      GST_PAD_LINK_CHECK_NOTHING);
  gst_element_set_state (GST_ELEMENT (fanout), GST_STATE_PLAYING);
  start_stream (in, caps);
  return in;
}

static inline In *
in_new (const char *caps_description)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (caps_description);
  MeshFanout *fanout = gst_object_ref_sink (mesh_fanout_new (caps));
  In *in = in_new_rung (fanout, 0, caps_description);

  in->owner = TRUE;
  return in;
}

static inline In *
video_new (void)
{
  return in_new ("video/x-vp8");
}

static inline void
in_free (In *in)
{
  if (in->owner) {
    gst_element_set_state (GST_ELEMENT (in->fanout), GST_STATE_NULL);
    ASSERT_OBJECT_REFCOUNT (in->fanout, "fan-out", 1);
    gst_object_unref (in->fanout);
  }
  gst_object_unref (in->source);
  g_free (in);
}

static inline GstBuffer *
make_next (In *in, gboolean key, gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  GST_BUFFER_PTS (buffer) = in->next % RUNG * FRAME;
  GST_BUFFER_OFFSET (buffer) = in->next++;
  if (!key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

static inline void
push_sized (In *in, gboolean key, gsize size)
{
  ck_assert_int_eq (gst_pad_push (in->source, make_next (in, key, size)),
      GST_FLOW_OK);
}

static inline void
push (In *in, gboolean key)
{
  push_sized (in, key, 10);
}

static inline guint
number (Out *out, guint i)
{
  return g_array_index (out->numbers, guint, i);
}

/* A key frame that has come out proves that all before it are through. */
static inline void
push_key_through (In *in, Out *out)
{
  guint last = in->next;

  push (in, TRUE);
  WAIT_FOR (out->numbers->len > 0
      && number (out, out->numbers->len - 1) == last);
}
