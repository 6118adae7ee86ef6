/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source pads of the room (member-pad.h), which shield the application and
 * the peers' connections from each other. */

#include "meshroom/member-pad.h"

#include <gst/video/navigation.h>
#include <gst/video/video.h>

#include "meshroom/drawn.h"

/* The number of frames after which a request for a key frame is repeated, since
 * a request may be lost. */
#define KEY_FRAME_INTERVAL 30

/* Whether the pad has been added to the room, and removed from it. */
typedef enum {
  MEMBER_PAD_NEW,
  MEMBER_PAD_ADDED,
  MEMBER_PAD_REMOVED,
} MemberPadState;

/* The pad's private data. The pad owns it, so it exists as long as the pad's
 * functions may run. */
typedef struct {
  GstElement *room;
  MeshNotifier *notifier;
  char *stream_id;
  char *peer_id;
  guint latency;                /* ms */
  guint group_id;
  MeshMemberPadKeyFunc key;
  MeshMemberPadDrawnFunc drawn; /* NULL: the pad has no picture */
  gpointer user_data;

  GMutex lock;                  /* guards what follows */
  MemberPadState state;
  char *name;
  gboolean muted;
  gboolean hidden;
  gboolean announced;           /* name, muted and hidden have been sent
                                 * downstream */
  gboolean ended;               /* EOS has been pushed, or is about to be */
  gboolean refused;             /* downstream has refused the stream, until it
                                 * is linked again or the caps change */
  gboolean reported;            /* a warning about the refusal was posted */
  MeshDrawn sizes;              /* what downstream says of the picture's size */

  /* under the stream lock of the internal pad */
  gboolean eos_sent;
  gboolean dropping;
  guint n_late;                 /* frames dropped while waiting for a key
                                 * frame */
} MemberPad;

/* The room through whose pad this thread is pushing right now. */
static GPrivate inside;

static void
member_pad_free (gpointer data)
{
  MemberPad *member_pad = data;

  mesh_notifier_unref (member_pad->notifier);
  g_free (member_pad->stream_id);
  g_free (member_pad->peer_id);
  g_free (member_pad->name);
  mesh_drawn_clear (&member_pad->sizes);
  g_mutex_clear (&member_pad->lock);
  g_free (member_pad);
}

static MemberPad *
member_pad_of (gpointer pad)
{
  return gst_pad_get_element_private (GST_PAD (pad));
}

/* --- towards the application --- */

static GstEvent *
make_stream_start (MemberPad *member_pad)
{
  GstEvent *event = gst_event_new_stream_start (member_pad->stream_id);

  gst_event_set_group_id (event, member_pad->group_id);
  return event;
}

/* Sends the member's name and state downstream: as the meshroom/peer event, and
 * the name also as a title tag, which any element can read. */
static void
announce (GstPad *pad, MemberPad *member_pad)
{
  g_autofree char *name = NULL;
  GstStructure *s;

  g_mutex_lock (&member_pad->lock);
  if (member_pad->announced) {
    g_mutex_unlock (&member_pad->lock);
    return;
  }
  member_pad->announced = TRUE;
  name = g_strdup (member_pad->name);
  s = gst_structure_new ("meshroom/peer", "peer-id", G_TYPE_STRING,
      member_pad->peer_id, "name", G_TYPE_STRING, name ? name : "",
      "muted", G_TYPE_BOOLEAN, member_pad->muted,
      "hidden", G_TYPE_BOOLEAN, member_pad->hidden, NULL);
  g_mutex_unlock (&member_pad->lock);

  gst_pad_push_event (pad, gst_event_new_custom
      (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s));
  if (name && *name)
    gst_pad_push_event (pad, gst_event_new_tag (gst_tag_list_new
            (GST_TAG_TITLE, name, NULL)));
}

/* Pushes downstream again after a refusal, as the stream may be accepted
 * now. */
static void
reopen (MemberPad *member_pad, gboolean report_again)
{
  g_mutex_lock (&member_pad->lock);
  member_pad->refused = FALSE;
  if (report_again)
    member_pad->reported = FALSE;
  g_mutex_unlock (&member_pad->lock);
}

static gboolean
is_open (GstPad *pad, MemberPad *member_pad)
{
  gboolean open;

  g_mutex_lock (&member_pad->lock);
  open = !member_pad->ended && !member_pad->refused;
  g_mutex_unlock (&member_pad->lock);
  /* a pad that is not linked is no error, since it may be linked later */
  return open && gst_pad_is_linked (pad);
}

/* Whether the buffer can be passed on: an encoded stream that was interrupted
 * cannot be decoded before its next key frame. */
static gboolean
may_resume (GstPad *internal, MemberPad *member_pad, GstBuffer *buffer)
{
  if (member_pad->dropping
      && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
    if (member_pad->n_late++ % KEY_FRAME_INTERVAL == 0)
      gst_pad_push_event (internal, gst_video_event_new_upstream_force_key_unit
          (GST_CLOCK_TIME_NONE, TRUE, 0));
    return FALSE;
  }
  member_pad->dropping = FALSE;
  member_pad->n_late = 0;
  return TRUE;
}

static char *
describe_refusal (GstPad *pad, MemberPad *member_pad, GstFlowReturn flow)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (pad);
  g_autoptr (GstElement) next = peer ? gst_pad_get_parent_element (peer) : NULL;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const char *where = next ? GST_OBJECT_NAME (next) : "what it is linked to";
  const char *what = caps && !gst_caps_is_empty (caps) && !gst_caps_is_any
      (caps) ? gst_structure_get_name (gst_caps_get_structure (caps, 0))
      : "stream";

  if (flow == GST_FLOW_NOT_NEGOTIATED)
    return g_strdup_printf ("pad %s of peer %s: %s, or what is behind it, does "
        "not take this %s; link a converter (videoconvert, audioconvert ! "
        "audioresample) or a decoder in between, or another element. The call "
        "goes on, and what the pad brings is dropped until then",
        GST_PAD_NAME (pad), member_pad->peer_id, where, what);
  return g_strdup_printf ("pad %s of peer %s: %s, or what is behind it, has "
      "failed (%s). The call goes on, and what the pad brings is dropped until "
      "it is unlinked and linked again", GST_PAD_NAME (pad),
      member_pad->peer_id, where, gst_flow_get_name (flow));
}

static void
report_refusal (GstPad *pad, MemberPad *member_pad, GstFlowReturn flow)
{
  g_autofree char *text = describe_refusal (pad, member_pad, flow);
  g_autoptr (GError) error = g_error_new_literal (GST_STREAM_ERROR,
      flow == GST_FLOW_NOT_NEGOTIATED ? GST_STREAM_ERROR_FORMAT
      : GST_STREAM_ERROR_FAILED, text);

  GST_WARNING_OBJECT (pad, "%s", text);
  mesh_notifier_post_message (member_pad->notifier,
      gst_message_new_warning (GST_OBJECT (member_pad->room), error, text));
}

/* Handles the flow return of downstream. An element that has had enough (EOS)
 * or has failed gets no more data until the pad is linked anew or the format
 * changes; the connection is not affected. */
static void
judge (GstPad *pad, MemberPad *member_pad, GstFlowReturn flow)
{
  gboolean report;

  if (flow >= GST_FLOW_OK || flow == GST_FLOW_FLUSHING
      || flow == GST_FLOW_NOT_LINKED)
    return;
  g_mutex_lock (&member_pad->lock);
  member_pad->refused = TRUE;
  report = flow != GST_FLOW_EOS && !member_pad->ended && !member_pad->reported;
  member_pad->reported |= report;
  g_mutex_unlock (&member_pad->lock);
  if (report)
    report_refusal (pad, member_pad, flow);
}

static GstFlowReturn
member_pad_chain (GstPad *internal, GstObject *parent, GstBuffer *buffer)
{
  GstPad *pad = GST_PAD (parent);
  MemberPad *member_pad = member_pad_of (internal);
  gpointer around = g_private_get (&inside);

  if (!is_open (pad, member_pad) || !may_resume (internal, member_pad,
          buffer)) {
    member_pad->dropping = TRUE;
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  g_private_set (&inside, member_pad->room);
  announce (pad, member_pad);
  judge (pad, member_pad, gst_pad_push (pad, buffer));
  g_private_set (&inside, around);
  return GST_FLOW_OK;
}

static GstFlowReturn
member_pad_chain_list (GstPad *internal, GstObject *parent, GstBufferList *list)
{
  for (guint i = 0; i < gst_buffer_list_length (list); i++)
    member_pad_chain (internal, parent,
        gst_buffer_ref (gst_buffer_list_get (list, i)));
  gst_buffer_list_unref (list);
  return GST_FLOW_OK;
}

/* Returns: (transfer full) (nullable): the event to push instead of @event */
static GstEvent *
filter_event (MemberPad *member_pad, GstEvent *event)
{
  GstTagList *tags;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      gst_event_unref (event);
      return make_stream_start (member_pad);
    case GST_EVENT_EOS:
      /* the end of a connection does not end the application's stream */
      gst_event_unref (event);
      return NULL;
    case GST_EVENT_TAG:
      /* rtpbin's and the decoder's tags would hide the title */
      gst_event_parse_tag (event, &tags);
      if (gst_tag_list_get_tag_size (tags, GST_TAG_TITLE) > 0)
        return event;
      gst_event_unref (event);
      return NULL;
    case GST_EVENT_CAPS:
      reopen (member_pad, FALSE);
      return event;
    default:
      return event;
  }
}

static gboolean
member_pad_take_event (GstPad *internal, GstObject *parent, GstEvent *event)
{
  MemberPad *member_pad = member_pad_of (internal);
  gpointer around = g_private_get (&inside);
  gboolean ended;

  g_mutex_lock (&member_pad->lock);
  ended = member_pad->ended;
  g_mutex_unlock (&member_pad->lock);
  event = filter_event (member_pad, event);
  if (!event)
    return TRUE;
  if (ended) {
    gst_event_unref (event);
    return TRUE;
  }
  g_private_set (&inside, member_pad->room);
  gst_pad_push_event (GST_PAD (parent), event);
  g_private_set (&inside, around);
  return TRUE;
}

/* Answers a caps query that downstream answers with empty caps: a decoder that
 * finds no acceptable caps would fail, and the connection with it. */
static void
accept_something (GstPad *internal, GstQuery *query)
{
  GstCaps *caps, *filter;
  g_autoptr (GstCaps) any = NULL;

  gst_query_parse_caps_result (query, &caps);
  if (caps && !gst_caps_is_empty (caps))
    return;
  gst_query_parse_caps (query, &filter);
  any = filter ? gst_caps_ref (filter) : gst_pad_get_pad_template_caps
      (internal);
  gst_query_set_caps_result (query, any);
}

static gboolean
member_pad_take_query (GstPad *internal, GstObject *parent, GstQuery *query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_ACCEPT_CAPS:
      gst_query_set_accept_caps_result (query, TRUE);
      return TRUE;
    case GST_QUERY_CAPS:
      gst_pad_query_default (internal, parent, query);
      accept_something (internal, query);
      return TRUE;
    default:
      return gst_pad_query_default (internal, parent, query);
  }
}

/* --- from the application --- */

/* Tells the room how large downstream draws the picture, after @event, or NULL:
 * another element, which may never say so, or the pad is gone. */
static void
take_size (MemberPad *member_pad, GstEvent *event)
{
  MeshWant size;
  gboolean said;

  g_mutex_lock (&member_pad->lock);
  said = !event ? mesh_drawn_forget (&member_pad->sizes)
      : member_pad->drawn && member_pad->state != MEMBER_PAD_REMOVED
      && mesh_drawn_take (&member_pad->sizes, event);
  mesh_drawn_get_largest (&member_pad->sizes, &size);
  g_mutex_unlock (&member_pad->lock);
  if (said)
    member_pad->drawn (member_pad->peer_id, &size, member_pad->user_data);
}

/* Handles events from downstream: keys and the size of the picture go to the
 * room, requests for a key frame go to the peer's connection, and all others
 * are dropped. */
static gboolean
member_pad_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MemberPad *member_pad = member_pad_of (pad);
  const char *key = NULL;

  if (gst_video_event_is_force_key_unit (event))
    return gst_pad_event_default (pad, parent, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE)
    reopen (member_pad, FALSE);
  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM)
    take_size (member_pad, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_NAVIGATION
      && gst_navigation_event_get_type (event)
      == GST_NAVIGATION_EVENT_KEY_PRESS
      && gst_navigation_event_parse_key_event (event, &key))
    member_pad->key (key, event, member_pad->user_data);
  gst_event_unref (event);
  return TRUE;
}

/* Answers the latency query with a constant, so that members who come and go
 * never change the pipeline's latency. */
static gboolean
member_pad_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    gst_query_set_latency (query, TRUE,
        member_pad_of (pad)->latency * GST_MSECOND, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, query);
}

static void
on_linked (GstPad *pad, GstPad *peer, gpointer user_data)
{
  reopen (user_data, TRUE);
  take_size (user_data, NULL);
}

/* --- the pad --- */

static void
set_functions (GstPad *pad, MemberPad *member_pad)
{
  g_autoptr (GstProxyPad) internal =
      gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));

  gst_pad_set_element_private (pad, member_pad);
  gst_pad_set_event_function (pad, member_pad_event);
  gst_pad_set_query_function (pad, member_pad_query);
  g_signal_connect (pad, "linked", G_CALLBACK (on_linked), member_pad);
  gst_pad_set_element_private (GST_PAD (internal), member_pad);
  gst_pad_set_chain_function (GST_PAD (internal), member_pad_chain);
  gst_pad_set_chain_list_function (GST_PAD (internal), member_pad_chain_list);
  gst_pad_set_event_function (GST_PAD (internal), member_pad_take_event);
  gst_pad_set_query_function (GST_PAD (internal), member_pad_take_query);
}

/**
 * mesh_member_pad_new:
 * @config: the pad's member, kind and callbacks; copied
 *
 * Returns: (transfer floating): a ghost pad without a target, not yet the
 *   room's
 */
GstPad *
mesh_member_pad_new (const MeshMemberPadConfig *config)
{
  const char *kind = mesh_kind_names[config->kind];
  g_autofree char *name = g_strdup_printf ("%s_%u", kind, config->number);
  g_autofree char *template_name = g_strconcat (kind, "_%u", NULL);
  GstPad *pad = gst_ghost_pad_new_no_target_from_template (name,
      gst_element_get_pad_template (config->room, template_name));
  MemberPad *member_pad = g_new0 (MemberPad, 1);

  member_pad->room = config->room;
  member_pad->notifier = mesh_notifier_ref (config->notifier);
  member_pad->stream_id = g_strdup_printf ("meshroom/%s/%s", config->peer_id,
      kind);
  member_pad->peer_id = g_strdup (config->peer_id);
  member_pad->latency = config->latency;
  member_pad->group_id = config->group_id;
  member_pad->key = config->key;
  member_pad->drawn = config->kind == MESH_VIDEO ? config->drawn : NULL;
  member_pad->user_data = config->user_data;
  g_mutex_init (&member_pad->lock);
  g_object_set_data_full (G_OBJECT (pad), "mesh-member-pad", member_pad,
      member_pad_free);
  set_functions (pad, member_pad);
  return pad;
}

/**
 * mesh_member_pad_set_name:
 * @pad: the member's pad
 * @name: (nullable): the member's name
 * @muted: whether it is muted
 * @hidden: whether it hides its camera
 *
 * The name and the state are sent downstream before the next frame.
 */
void
mesh_member_pad_set_name (GstPad *pad, const char *name, gboolean muted,
    gboolean hidden)
{
  MemberPad *member_pad = member_pad_of (pad);

  g_mutex_lock (&member_pad->lock);
  g_free (member_pad->name);
  member_pad->name = g_strdup (name);
  member_pad->muted = muted;
  member_pad->hidden = hidden;
  member_pad->announced = FALSE;
  g_mutex_unlock (&member_pad->lock);
}

/**
 * mesh_member_pad_add:
 * @pad: the member's pad
 *
 * Adds the pad to the room, which calls the application ("pad-added"). A pad
 * that was removed before is not added.
 */
void
mesh_member_pad_add (GstPad *pad, GstElement *room)
{
  MemberPad *member_pad = member_pad_of (pad);
  gboolean add;

  g_mutex_lock (&member_pad->lock);
  add = member_pad->state == MEMBER_PAD_NEW;
  if (add)
    member_pad->state = MEMBER_PAD_ADDED;
  g_mutex_unlock (&member_pad->lock);
  if (!add)
    return;
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (room, pad);
  /* A sink that the application has linked does not know the pad's latency
   * until the pipeline distributes its own anew. */
  gst_element_post_message (room, gst_message_new_latency (GST_OBJECT (room)));
  /* the pad may have to be stopped after it was removed from the room */
  GST_OBJECT_FLAG_UNSET (pad, GST_PAD_FLAG_NEED_PARENT);
}

static void
push_eos (GstPad *pad, MemberPad *member_pad)
{
  g_autoptr (GstEvent) started =
      gst_pad_get_sticky_event (pad, GST_EVENT_STREAM_START, 0);

  if (!started)
    gst_pad_push_event (pad, make_stream_start (member_pad));
  gst_pad_push_event (pad, gst_event_new_eos ());
}

/**
 * mesh_member_pad_end:
 * @pad: the member's pad
 *
 * Ends the application's stream with an EOS after the last frame. Waits for a
 * frame that is being pushed, which takes as long as a sink downstream is
 * paused.
 */
void
mesh_member_pad_end (GstPad *pad)
{
  g_autoptr (GstProxyPad) internal =
      gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));
  MemberPad *member_pad = member_pad_of (pad);

  g_mutex_lock (&member_pad->lock);
  member_pad->ended = TRUE;
  g_mutex_unlock (&member_pad->lock);
  GST_PAD_STREAM_LOCK (internal);
  if (!member_pad->eos_sent)
    push_eos (pad, member_pad);
  member_pad->eos_sent = TRUE;
  GST_PAD_STREAM_UNLOCK (internal);
}

/**
 * mesh_member_pad_stop:
 * @pad: the member's pad
 *
 * Stops the pad. Waits as mesh_member_pad_end() does; after that function it
 * does not wait at all.
 */
void
mesh_member_pad_stop (GstPad *pad)
{
  gst_pad_set_active (pad, FALSE);
}

/**
 * mesh_member_pad_remove:
 * @pad: the member's pad
 *
 * Removes the pad from the room, which calls the application ("pad-removed").
 * Apart from that call nothing blocks.
 */
void
mesh_member_pad_remove (GstPad *pad, GstElement *room)
{
  MemberPad *member_pad = member_pad_of (pad);
  gboolean remove;

  g_mutex_lock (&member_pad->lock);
  remove = member_pad->state == MEMBER_PAD_ADDED;
  member_pad->state = MEMBER_PAD_REMOVED;
  member_pad->ended = TRUE;
  g_mutex_unlock (&member_pad->lock);
  take_size (member_pad, NULL);
  if (remove && GST_OBJECT_PARENT (pad) == GST_OBJECT (room))
    gst_element_remove_pad (room, pad);
}

/**
 * mesh_member_pad_is_inside:
 * Returns: whether this is one of the room's own streaming threads, inside an
 *   element of the application behind one of the room's pads. The thread cannot
 *   end before that element's function has returned.
 */
gboolean
mesh_member_pad_is_inside (GstElement *room)
{
  return g_private_get (&inside) == room;
}
