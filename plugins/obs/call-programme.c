/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Sends the programme into a call, and tells what happens in it. The programme
 * uses the call of the guests' sources, so peers see one member. The pipeline
 * has the sink pads for it from the start, so no connection has to be made anew
 * when the programme begins or ends. */

#include "call-private.h"

#include <gst/app/gstappsrc.h>
#include <string.h>

#include "worker.h"

#define LATENCY 80              /* ms; the default of a guest's dialog as
                                 * well */

static GMutex listener_lock;    /* held while the listener is called, so that it
                                 * is never called after it was replaced */
static MeshObsCallListener listener;

/* --- what happens --- */

/**
 * mesh_obs_call_set_listener:
 * @new_listener: (nullable): what to call; once this returns, the listener
 *   before is not called any more
 */
void
mesh_obs_call_set_listener (MeshObsCallListener new_listener)
{
  g_mutex_lock (&listener_lock);
  listener = new_listener;
  g_mutex_unlock (&listener_lock);
}

static void
tell (MeshObsCall *self, const char *event, const GstStructure *what)
{
  gboolean sending;

  g_mutex_lock (&self->lock);
  sending = self->sending;
  g_mutex_unlock (&self->lock);
  if (!sending)
    return;
  g_mutex_lock (&listener_lock);
  if (listener)
    listener (event, what);
  g_mutex_unlock (&listener_lock);
}

/* The runner's thread. */
void
mesh_obs_call_hear_message (MeshObsCall *self, const GstStructure *s)
{
  const char *name = gst_structure_get_name (s);

  if (!g_str_has_prefix (name, "meshroom-"))
    return;
  if (g_str_equal (name, "meshroom-link-ready"))
    mesh_obs_call_pool_add_link (self, gst_structure_get_string (s, "link"));
  tell (self, name + strlen ("meshroom-"), s);
}

/* Tells the link of a room that serve has joined again, since meshroom names
 * only links that it has made. Called on the runner's thread. */
void
mesh_obs_call_tell_link (MeshObsCall *self)
{
  g_autoptr (GstStructure) s = NULL;

  g_mutex_lock (&self->lock);
  if (self->link && self->serve)
    s = gst_structure_new ("meshroom-link-ready", "link", G_TYPE_STRING,
        self->link, NULL);
  g_mutex_unlock (&self->lock);
  if (s)
    tell (self, "link-ready", s);
}

/**
 * mesh_obs_call_dup_link:
 * @call: a call
 *
 * Returns: (transfer full) (nullable): the room's link, once there is one
 */
char *
mesh_obs_call_dup_link (MeshObsCall *call)
{
  char *link;

  g_mutex_lock (&call->lock);
  link = g_strdup (call->link);
  g_mutex_unlock (&call->lock);
  return link;
}

/**
 * mesh_obs_call_get_peers:
 * @call: a call
 * @peers: (out): set to the room's list of members
 */
void
mesh_obs_call_get_peers (MeshObsCall *call, GValue *peers)
{
  g_autoptr (GstElement) room = NULL;

  g_value_init (peers, GST_TYPE_ARRAY);
  g_mutex_lock (&call->lock);
  room = call->room ? gst_object_ref (call->room) : NULL;
  g_mutex_unlock (&call->lock);
  if (room)
    g_object_get_property (G_OBJECT (room), "peers", peers);
}

/* --- a limit for the encoders --- */

/* Returns the limit in the encoder's unit: libvpx counts in bit/s, x264 in
 * kbit/s. */
static guint
get_limit (MeshObsCall *self, GObject *encoder)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (encoder);
  guint limit;

  g_mutex_lock (&self->lock);
  limit = self->bitrate;
  g_mutex_unlock (&self->lock);
  return g_object_class_find_property (klass, "vbv-buf-capacity")
      ? (limit + 999) / 1000 : limit;
}

/* The property is an int in libvpx' encoders, and unsigned in others. */
static guint
read_bitrate (GObject *encoder, GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_auto (GValue) number = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  g_value_init (&number, G_TYPE_UINT);
  g_object_get_property (encoder, pspec->name, &value);
  return g_value_transform (&value, &number) ? g_value_get_uint (&number) : 0;
}

/* meshroom sets the bit rate by the picture's size, whenever that changes. A
 * value above the limit is lowered here. The change notifies once more, and is
 * then within the limit. */
static void
on_bitrate (GObject *encoder, GParamSpec *pspec, gpointer user_data)
{
  MeshObsCall *self = user_data;
  guint limit = get_limit (self, encoder);

  if (limit > 0 && read_bitrate (encoder, pspec) > limit)
    g_object_set (encoder, pspec->name, limit, NULL);
}

static void
on_element_added (GstBin *bin, GstBin *sub, GstElement *element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *property = "target-bitrate";
  g_autofree char *signal = NULL;

  if (!factory || !gst_element_factory_list_is_type (factory,
          GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER))
    return;
  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (element), property))
    property = "bitrate";
  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (element), property))
    return;
  signal = g_strconcat ("notify::", property, NULL);
  g_signal_connect_data (element, signal, G_CALLBACK (on_bitrate),
      mesh_obs_call_ref (user_data),
      (GClosureNotify) (GCallback) mesh_obs_call_unref, 0);
}

/* Called on the runner's thread, before the pipeline starts. */
void
mesh_obs_call_watch_encoders (MeshObsCall *self, GstElement *pipeline)
{
  g_signal_connect (pipeline, "deep-element-added",
      G_CALLBACK (on_element_added), self);
}

/* --- the programme --- */

static gboolean
apply (gpointer call)
{
  mesh_obs_call_apply_self (call);
  return G_SOURCE_REMOVE;
}

/* Applies our own side on the worker's thread: hiding waits for a frame that is
 * on its way, and the caller must not wait for that. */
static void
apply_soon (MeshObsCall *self)
{
  mesh_obs_worker_invoke (apply, mesh_obs_call_ref (self), mesh_obs_call_unref);
}

/**
 * mesh_obs_call_open_programme:
 * @programme: what to send, and into which room
 *
 * Joins the room, unless we are in it already, and lets mesh_obs_call_send()
 * send into it.
 *
 * Returns: (transfer full): the call, for mesh_obs_call_close_programme()
 */
MeshObsCall *
mesh_obs_call_open_programme (const MeshObsCallProgramme *programme)
{
  const MeshObsCallSelf own = { .release_camera = TRUE, .latency = LATENCY,
    .leave_when_unused = TRUE };
  gboolean made;
  MeshObsCall *call = mesh_obs_call_pool_get (programme->link, programme->serve,
      &own, &made);
  gboolean has_serve = programme->serve && *programme->serve;

  g_mutex_lock (&call->lock);
  g_free (call->programme_name);
  call->programme_name = programme->name && *programme->name
      ? g_strdup (programme->name) : NULL;
  call->bitrate = programme->bitrate;
  call->sending = TRUE;
  if (has_serve && g_strcmp0 (call->serve, programme->serve) != 0) {
    g_free (call->serve);
    call->serve = g_strdup (programme->serve);
    if (call->runner && !made)
      mesh_obs_runner_restart (call->runner);
  }
  g_mutex_unlock (&call->lock);
  apply_soon (call);
  return call;
}

/**
 * mesh_obs_call_close_programme:
 * @call: (transfer full): a call of mesh_obs_call_open_programme()
 *
 * Ends the programme. If no source shows a guest of the call, the room is left;
 * otherwise we stay in it, muted and hidden.
 */
void
mesh_obs_call_close_programme (MeshObsCall *call)
{
  g_mutex_lock (&call->lock);
  call->sending = call->open = FALSE;
  g_mutex_unlock (&call->lock);
  apply_soon (call);
  mesh_obs_call_release_now (call);
}

/* Hidden video and muted audio are not taken from OBS at all. */
static gboolean
wants_locked (MeshObsCall *self, MeshObsCallKind kind)
{
  if (!self->room || !self->open)
    return FALSE;
  return kind == MESH_OBS_CALL_VIDEO ? !(self->hidden && self->release_camera)
      : !self->muted;
}

/**
 * mesh_obs_call_wants:
 * @call: a call
 * @kind: what there is
 *
 * Returns: whether mesh_obs_call_send() takes frames now, so that no frame is
 *   copied in vain
 */
gboolean
mesh_obs_call_wants (MeshObsCall *call, MeshObsCallKind kind)
{
  gboolean wants;

  g_mutex_lock (&call->lock);
  wants = wants_locked (call, kind);
  g_mutex_unlock (&call->lock);
  return wants;
}

/* Returns the appsrc that a frame goes to, or NULL if it is not taken. */
static GstElement *
get_source_locked (MeshObsCall *self, MeshObsCallKind kind, GstCaps *caps)
{
  if (!wants_locked (self, kind))
    return NULL;
  if (!self->caps[kind] || !gst_caps_is_equal (self->caps[kind], caps)) {
    gst_caps_replace (&self->caps[kind], caps);
    gst_app_src_set_caps (GST_APP_SRC (self->sources[kind]), caps);
  }
  if (kind == MESH_OBS_CALL_VIDEO)
    self->sent = TRUE;
  return gst_object_ref (self->sources[kind]);
}

/**
 * mesh_obs_call_send:
 * @call: a call
 * @kind: what it is
 * @caps: in what format
 * @buffer: (transfer full): the frame, its PTS by CLOCK_MONOTONIC
 *
 * Never waits: when the pipeline is too slow, the oldest frames in the queue
 * are dropped.
 *
 * Returns: whether the pipeline takes the frame
 */
gboolean
mesh_obs_call_send (MeshObsCall *call, MeshObsCallKind kind, GstCaps *caps,
    GstBuffer *buffer)
{
  g_autoptr (GstElement) source = NULL;
  GstClockTime base;

  g_mutex_lock (&call->lock);
  source = get_source_locked (call, kind, caps);
  g_mutex_unlock (&call->lock);
  /* a base time of 0 means that the pipeline does not play yet */
  base = source ? gst_element_get_base_time (source) : 0;
  if (base == 0 || GST_BUFFER_PTS (buffer) < base) {
    gst_buffer_unref (buffer);
    return FALSE;
  }
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_PTS (buffer) -= base;
  return gst_app_src_push_buffer (GST_APP_SRC (source), buffer) == GST_FLOW_OK;
}
