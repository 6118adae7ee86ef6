/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "input.h"

#include <gst/video/video.h>

#include "core/name.h"
#include "elements.h"

G_DEFINE_ABSTRACT_TYPE (MeshInput, mesh_input, GST_TYPE_PAD)

/* Returns the latency of the elements upstream. *live tells whether the stream
 * is live; an unanswered query counts as not live. */
static GstClockTime
query_latency (MeshInput *self, gboolean *live)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  GstClockTime min = 0;

  *live = FALSE;
  if (gst_pad_peer_query (GST_PAD (self), query))
    gst_query_parse_latency (query, live, &min, NULL);
  return *live ? min : 0;
}

/* Asks all inputs for their latency again, which may have changed. */
void
mesh_input_ask_all (MeshScene *scene)
{
  GList *inputs = mesh_scene_list_inputs (scene);

  for (GList *l = inputs; l; l = l->next) {
    gboolean live;

    mesh_scene_raise_latency (scene, query_latency (l->data, &live));
  }
  g_list_free_full (inputs, gst_object_unref);
}

/* Warns that the input's stream cannot be shown or played. The other inputs go
 * on. */
void
mesh_input_warn (MeshInput *self, const char *what, GstCaps *caps)
{
  g_autoptr (GstElement) view = gst_pad_get_parent_element (GST_PAD (self));
  g_autofree char *format = gst_caps_to_string (caps);

  if (view)
    GST_ELEMENT_WARNING (view, STREAM, FORMAT, ("what comes on %s %s",
            GST_OBJECT_NAME (self), what), ("%s", format));
}

const char *
mesh_input_get_name_locked (MeshInput *self)
{
  return self->name && *self->name ? self->name : self->title;
}

/* Asks for the latency upstream, once, with the first buffer, by when all
 * elements there are linked. A latency message is posted only if the view's
 * latency rises. */
static void
meet_upstream (MeshInput *self, GstObject *parent)
{
  GstClockTime latency = query_latency (self, &self->live);

  self->knows_upstream = TRUE;
  if (self->live && mesh_scene_raise_latency (self->scene, latency)
      && parent) {
    GST_INFO_OBJECT (self, "upstream has %" GST_TIME_FORMAT " of latency",
        GST_TIME_ARGS (latency));
    gst_element_post_message (GST_ELEMENT (parent),
        gst_message_new_latency (parent));
  }
}

/* Holds back a stream that is not live, such as a file, until its queued data
 * has been used; otherwise it would run through at the speed of the disk. */
static gboolean
wait_for_room (MeshInput *self)
{
  MeshInputClass *klass = MESH_INPUT_GET_CLASS (self);
  gboolean go_on;

  g_mutex_lock (&self->scene->lock);
  while (!self->live && !self->flushing && klass->is_full (self))
    g_cond_wait (&self->room, &self->scene->lock);
  go_on = !self->flushing;
  g_mutex_unlock (&self->scene->lock);
  return go_on;
}

/* *time is GST_CLOCK_TIME_NONE for a buffer without a timestamp. Returns FALSE
 * if the buffer lies outside of its segment and is not to be shown. */
static gboolean
get_running_time (MeshInput *self, GstBuffer *buffer, GstClockTime *time)
{
  GstClockTime start = GST_BUFFER_PTS (buffer);
  GstClockTime stop = GST_CLOCK_TIME_NONE;

  *time = GST_CLOCK_TIME_NONE;
  if (!GST_CLOCK_TIME_IS_VALID (start)
      || self->segment.format != GST_FORMAT_TIME)
    return TRUE;
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    stop = start + GST_BUFFER_DURATION (buffer);
  if (!gst_segment_clip (&self->segment, GST_FORMAT_TIME, start, stop, &start,
          &stop))
    return FALSE;
  *time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, start);
  return TRUE;
}

static GstFlowReturn
mesh_input_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshInput *self = MESH_INPUT (pad);
  GstClockTime time;

  if (!self->knows_upstream)
    meet_upstream (self, parent);
  if (!get_running_time (self, buffer, &time)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  if (!wait_for_room (self)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  MESH_INPUT_GET_CLASS (self)->take (self, buffer, time);
  return GST_FLOW_OK;
}

static void
set_title (MeshInput *self, GstTagList *tags)
{
  g_autofree char *title = NULL;

  if (!gst_tag_list_get_string (tags, GST_TAG_TITLE, &title))
    return;
  g_mutex_lock (&self->scene->lock);
  g_free (self->title);
  self->title = mesh_name_tidy (title);
  mesh_scene_arrange_locked (self->scene);
  g_mutex_unlock (&self->scene->lock);
}

/* Reads meshroom's sticky event with the member that the stream belongs to. It
 * is sent again when the member's name or state changes. */
static void
set_peer (MeshInput *self, const GstStructure *s)
{
  const char *peer = gst_structure_get_string (s, "peer-id");
  const char *name = gst_structure_get_string (s, "name");

  g_mutex_lock (&self->scene->lock);
  if (peer) {
    g_free (self->peer);
    self->peer = g_strdup (peer);
  }
  if (name) {
    g_free (self->name);
    self->name = mesh_name_tidy (name);
  }
  gst_structure_get_boolean (s, "muted", &self->muted);
  mesh_scene_arrange_locked (self->scene);
  g_mutex_unlock (&self->scene->lock);
}

static void
set_flushing (MeshInput *self, gboolean flushing)
{
  g_mutex_lock (&self->scene->lock);
  self->flushing = flushing;
  g_cond_broadcast (&self->room);
  g_mutex_unlock (&self->scene->lock);
}

/* Handles events. None is passed on, since the view's outputs are streams of
 * their own. */
static gboolean
mesh_input_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshInput *self = MESH_INPUT (pad);
  MeshInputClass *klass = MESH_INPUT_GET_CLASS (self);
  const GstStructure *s;
  GstTagList *tags;
  GstCaps *caps;

  GST_DEBUG_OBJECT (self, "%" GST_PTR_FORMAT, event);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      if (klass->start)
        klass->start (self);
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      klass->set_caps (self, caps);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_TAG:
      gst_event_parse_tag (event, &tags);
      set_title (self, tags);
      if (klass->take_tags)
        klass->take_tags (self, tags);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      s = gst_event_get_structure (event);
      if (s && gst_structure_has_name (s, "meshroom/peer"))
        set_peer (self, s);
      break;
    case GST_EVENT_EOS:
      klass->clear (self, TRUE);
      break;
    case GST_EVENT_FLUSH_START:
      set_flushing (self, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      klass->clear (self, FALSE);
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      set_flushing (self, FALSE);
      break;
    default:
      break;
  }
  gst_event_unref (event);
  return TRUE;
}

gboolean
mesh_input_is_leaving (MeshInput *self)
{
  gboolean leaving;

  g_mutex_lock (&self->scene->lock);
  leaving = self->is_leaving;
  g_mutex_unlock (&self->scene->lock);
  return leaving;
}

static gboolean
mesh_input_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  g_autoptr (GstCaps) none = NULL;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      if (!mesh_input_is_leaving (MESH_INPUT (pad)))
        return gst_pad_query_default (pad, parent, query);
      none = gst_caps_new_empty ();
      gst_query_set_caps_result (query, none);
      return TRUE;
    case GST_QUERY_ALLOCATION:
      /* spares decoders that pad their rows a copy */
      gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
      return TRUE;
    case GST_QUERY_DRAIN:
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

static gboolean
mesh_input_activate (GstPad *pad, GstObject *parent, GstPadMode mode,
    gboolean active)
{
  MeshInput *self = MESH_INPUT (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  set_flushing (self, !active);
  if (active)
    self->knows_upstream = FALSE;
  else
    MESH_INPUT_GET_CLASS (self)->clear (self, TRUE);
  return TRUE;
}

/* A pad can be linked only once: an unlinked input is about to be removed, and
 * must not be taken for a free pad when the next peer is linked at that moment.
 * (Linking "any pad" asks for the caps first.) */
static GstPadLinkReturn
mesh_input_link (GstPad *pad, GstObject *parent, GstPad *peer)
{
  MeshInput *self = MESH_INPUT (pad);
  gboolean was_linked;

  g_mutex_lock (&self->scene->lock);
  was_linked = self->was_linked;
  self->was_linked = TRUE;
  g_mutex_unlock (&self->scene->lock);
  return was_linked ? GST_PAD_LINK_REFUSED : GST_PAD_LINK_OK;
}

/* @inputs: the scene's list that the input is added to */
void
mesh_input_attach (MeshInput *self, MeshScene *scene, GPtrArray *inputs)
{
  self->scene = mesh_scene_ref (scene);
  g_mutex_lock (&scene->lock);
  g_ptr_array_add (inputs, self);
  g_mutex_unlock (&scene->lock);
}

static void
leave_locked (MeshInput *self, GPtrArray *inputs)
{
  if (self->is_leaving)
    return;
  self->is_leaving = TRUE;
  g_ptr_array_remove (inputs, self);
  mesh_scene_arrange_locked (self->scene);
}

/* Takes the input out of the scene, so that it is neither seen nor heard from
 * now on. Returns FALSE if it was out already. */
gboolean
mesh_input_leave (MeshInput *self, GPtrArray *inputs)
{
  gboolean was_leaving;

  g_mutex_lock (&self->scene->lock);
  was_leaving = self->is_leaving;
  leave_locked (self, inputs);
  g_mutex_unlock (&self->scene->lock);
  return !was_leaving;
}

/* As mesh_input_leave(), before the pad is removed. Returns TRUE to one caller
 * only, which removes the pad. */
gboolean
mesh_input_remove (MeshInput *self, GPtrArray *inputs)
{
  gboolean was_removed;

  g_mutex_lock (&self->scene->lock);
  was_removed = self->was_removed;
  self->was_removed = TRUE;
  leave_locked (self, inputs);
  g_mutex_unlock (&self->scene->lock);
  return !was_removed;
}

static void
mesh_input_finalize (GObject *object)
{
  MeshInput *self = MESH_INPUT (object);

  g_clear_pointer (&self->scene, mesh_scene_unref);
  g_cond_clear (&self->room);
  g_free (self->peer);
  g_free (self->name);
  g_free (self->title);
  G_OBJECT_CLASS (mesh_input_parent_class)->finalize (object);
}

/* Names no internal links, or queries and events would be passed on across the
 * view, from its inputs to its outputs. */
static GstIterator *
mesh_input_iterate_internal_links (GstPad *pad, GstObject *parent)
{
  return NULL;
}

/* Sets the pad's functions here and not in init, since they need the pad's
 * direction, which is a construct property. */
static void
mesh_input_constructed (GObject *object)
{
  GstPad *pad = GST_PAD (object);

  G_OBJECT_CLASS (mesh_input_parent_class)->constructed (object);
  gst_pad_set_chain_function (pad, mesh_input_chain);
  gst_pad_set_event_function (pad, mesh_input_event);
  gst_pad_set_query_function (pad, mesh_input_query);
  gst_pad_set_activatemode_function (pad, mesh_input_activate);
  gst_pad_set_link_function (pad, mesh_input_link);
  gst_pad_set_iterate_internal_links_function (pad,
      mesh_input_iterate_internal_links);
}

static void
mesh_input_class_init (MeshInputClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = mesh_input_constructed;
  G_OBJECT_CLASS (klass)->finalize = mesh_input_finalize;
}

static void
mesh_input_init (MeshInput *self)
{
  g_cond_init (&self->room);
  self->flushing = TRUE;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
}
