/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gate.h"

/* How long the setter of `hidden` waits for a frame on its way out. A push that
 * takes longer is blocked downstream, perhaps by the setter's caller. */
#define IN_FLIGHT_PATIENCE (250 * G_TIME_SPAN_MILLISECOND)

struct _Gate {
  GMutex lock;                  /* guards everything below */
  GCond cond;
  gboolean running;
  gboolean closed;
  GstPad *pad;                  /* the pad that carries the probe */
  gulong id;                    /* of the probe, which has a reference to the
                                 * gate */
  GThread *pusher;              /* the thread that is pushing a frame of the
                                 * camera */
  gboolean dropped;             /* that frame came to a closed gate */
  guint waiters;
};

static void
gate_free (gpointer data)
{
  Gate *self = data;

  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
}

Gate *
imageswitch_gate_new (void)
{
  Gate *self = g_atomic_rc_box_new0 (Gate);

  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

void
imageswitch_gate_unref (Gate *self)
{
  g_atomic_rc_box_release_full (self, gate_free);
}

/* A frame of the camera is recognised by its thread, since another probe may
 * have put a copy of the frame in its place. */
static GstPadProbeReturn
on_buffer (GstPad *peer, GstPadProbeInfo *info, gpointer data)
{
  Gate *self = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!self->closed || self->pusher != g_thread_self ())
    return GST_PAD_PROBE_OK;
  self->dropped = TRUE;
  return GST_PAD_PROBE_DROP;
}

/* Moves the probe to @peer; NULL: only takes it away. */
static void
move_locked (Gate *self, GstPad *peer)
{
  if (self->pad)
    gst_pad_remove_probe (self->pad, self->id);
  if (peer)
    self->id = gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_BUFFER, on_buffer,
        g_atomic_rc_box_acquire (self),
        (GDestroyNotify) imageswitch_gate_unref);
  gst_object_replace ((GstObject **) &self->pad, (GstObject *) peer);
}

void
imageswitch_gate_set_running (Gate *self, gboolean running)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->running = running;
  if (!running)
    move_locked (self, NULL);
}

/* Puts the probe on the pad that @srcpad pushes into. Called before each push
 * and when @srcpad is linked: a frame that is blocked there at that moment must
 * not pass without the probe. */
void
imageswitch_gate_keep (Gate *self, GstPad *srcpad)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (srcpad);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->running && peer != self->pad)
    move_locked (self, peer);
}

void
imageswitch_gate_set_closed (Gate *self, gboolean closed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->closed = closed;
}

/* To be called after the gate was closed. Returns when the frame on its way out
 * has been handed over, or after IN_FLIGHT_PATIENCE. */
void
imageswitch_gate_wait (Gate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  gint64 until = g_get_monotonic_time () + IN_FLIGHT_PATIENCE;

  self->waiters++;
  while (self->pusher && self->pusher != g_thread_self ()
      && g_cond_wait_until (&self->cond, &self->lock, until));
  self->waiters--;
}

/* Called by the thread that is about to push a frame of the camera. Returns
 * FALSE if the frame must not leave. */
gboolean
imageswitch_gate_enter (Gate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->closed || !self->running)
    return FALSE;
  self->pusher = g_thread_self ();
  self->dropped = FALSE;
  return TRUE;
}

/* Called after the push. Returns FALSE if the gate was closed before the frame
 * had passed it. */
gboolean
imageswitch_gate_leave (Gate *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->pusher = NULL;
  if (self->waiters > 0)
    g_cond_broadcast (&self->cond);
  return !self->dropped;
}
