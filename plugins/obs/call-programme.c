/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Sends the programme into a call. The programme uses the call of the guests'
 * sources, so peers see one member. */

#include "call-private.h"

#include <gst/app/gstappsrc.h>

#include "worker.h"

#define LATENCY 80              /* ms; the default of a guest's dialog as
                                 * well */

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
 * @kind: what it is
 * @caps: in what format
 * @buffer: (transfer full): the frame, its PTS by CLOCK_MONOTONIC, which is
 *   OBS' clock as well
 *
 * Never waits: when the pipeline is too slow, the oldest frames in the queue
 * are dropped.
 *
 * Returns: whether the pipeline takes the frame; it does not before it plays,
 *   nor while our side is hidden or muted
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
