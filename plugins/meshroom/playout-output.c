/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Puts the times at which an attempt's sound and pictures are played on what a
 * receiver brings. Sound has no gap and no jump: where its time changes it is
 * stretched for a moment, and where none was sent there is silence. */

#include "meshroom/playout.h"

#include <gst/audio/audio.h>

#include "core/stretch.h"

/* Sound whose time differs by less from what came before it is left alone. */
#define NOTICEABLE (10 * (GstClockTimeDiff) GST_MSECOND)

/* A change by more than this is made in half the time. */
#define URGENT (40 * (GstClockTimeDiff) GST_MSECOND)

/* Where so much is missing nothing was sent: the peer was silent. */
#define HOLE (30 * (GstClockTimeDiff) GST_MSECOND)

/* The usual length of a packet of sound. */
#define USUAL (20 * (GstClockTimeDiff) GST_MSECOND)

/* More than this is neither filled nor stretched: the stream begins anew. */
#define MOST (GstClockTimeDiff) GST_SECOND

typedef struct {
  gatomicrefcount refs;         /* one for each probe */
  MeshPlayout *playout;
  MeshKind kind;
  GstElement *clock;            /* the receiver, no reference: its pads have the
                                 * probes */

  /* streaming thread only */
  gint64 entered_at;            /* when the latest packet came; 0: none yet */
  GstClockTime entered;         /* its timestamp */
  GstClockTime shown;           /* the latest picture's */

  GstCaps *caps;                /* of the sound */
  GstAudioInfo info;
  gboolean usable;              /* it can be stretched */
  gboolean started;
  GstClockTime expected;        /* the timestamp after the one that came */
  GstClockTime base;            /* where the sound without a jump begins */
  guint64 frames;               /* of it that have gone out */
  gboolean filling;             /* the buffer that passes is silence of ours */
} Output;

static gpointer
output_ref (Output *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
output_unref (gpointer data)
{
  Output *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  mesh_playout_unref (self->playout);
  gst_clear_caps (&self->caps);
  g_free (self);
}

static GstPadProbeReturn
on_input (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Output *self = user_data;

  /* what an event brings out, such as that of a lost packet, was not decoded
   * out of the packet before it */
  self->entered_at = 0;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
    return GST_PAD_PROBE_OK;
  self->entered_at = g_get_monotonic_time ();
  self->entered = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

/* Returns: how long a decoder has held the output back, until the next packet.
 * Of what stands for several lost packets the last one counts. */
static GstClockTimeDiff
get_held (Output *self, GstBuffer *buffer)
{
  GstClockTimeDiff held = GST_CLOCK_DIFF (GST_BUFFER_PTS (buffer),
      self->entered);

  return self->kind == MESH_AUDIO ? MIN (held, USUAL) : held;
}

/* Notes how long it took to decode. */
static void
measure (Output *self, GstBuffer *buffer)
{
  GstClockTimeDiff held;

  if (self->entered_at == 0 || !GST_CLOCK_TIME_IS_VALID (self->entered))
    return;
  held = get_held (self, buffer);
  if (held >= 0 && held < MOST)
    mesh_playout_take_work (self->playout, held
        + (g_get_monotonic_time () - self->entered_at)
        * (GstClockTimeDiff) GST_USECOND);
  /* a second output of the same packet may have waited for the first one */
  self->entered_at = 0;
}

static GstClockTime
add (GstClockTime time, GstClockTimeDiff shift)
{
  return shift < 0 && time < (GstClockTime) -shift ? 0 : time + shift;
}

/* --- pictures --- */

/* No picture is earlier than the one before it: a sink could drop it. */
static GstBuffer *
time_picture (Output *self, GstBuffer *buffer, GstClockTimeDiff shift)
{
  GstClockTime time = add (GST_BUFFER_PTS (buffer), shift);

  if (GST_CLOCK_TIME_IS_VALID (self->shown) && time < self->shown
      && self->shown - time < GST_SECOND)
    time = self->shown;
  self->shown = time;
  buffer = gst_buffer_make_writable (buffer);
  GST_BUFFER_PTS (buffer) = time;
  mesh_playout_note_picture (self->playout, time,
      gst_element_get_current_running_time (self->clock));
  return buffer;
}

/* --- sound --- */

static GstClockTime
to_time (Output *self, guint64 frames)
{
  return gst_util_uint64_scale_int (frames, GST_SECOND, self->info.rate);
}

static gint64
to_frames (Output *self, GstClockTimeDiff time)
{
  return time * self->info.rate / (gint64) GST_SECOND;
}

static GstClockTime
get_next (Output *self)
{
  return self->base + to_time (self, self->frames);
}

static void
begin (Output *self, GstClockTime time)
{
  self->started = TRUE;
  self->base = time;
  self->frames = 0;
}

static void
read_caps (Output *self, GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  if (caps == self->caps)
    return;
  gst_caps_replace (&self->caps, caps);
  self->started = FALSE;
  self->usable = caps && gst_audio_info_from_caps (&self->info, caps)
      && GST_AUDIO_INFO_FORMAT (&self->info) == GST_AUDIO_FORMAT_S16
      && GST_AUDIO_INFO_LAYOUT (&self->info) == GST_AUDIO_LAYOUT_INTERLEAVED;
}

/* Returns: the frames in @out, which has room for twice the stretched ones */
static gsize
stretch (Output *self, const gint16 *in, gsize n, GstClockTimeDiff debt,
    gint16 *out)
{
  guint channels = self->info.channels;
  gint64 change = to_frames (self, debt);
  g_autofree gint16 *once = NULL;
  gsize frames = mesh_stretch (in, n, channels, change, out);

  if (debt < URGENT || frames == n)
    return frames;
  once = g_memdup2 (out, frames * self->info.bpf);
  return mesh_stretch (once, frames, channels, change - (frames - n), out);
}

/* Returns: (transfer full): the sound of @buffer, (transfer full), longer or
 * shorter by up to @debt */
static GstBuffer *
change (Output *self, GstBuffer *buffer, GstClockTimeDiff debt)
{
  gsize bpf = self->info.bpf;
  GstMapInfo map;
  GstBuffer *changed;
  gpointer data;
  gsize n, size;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return buffer;
  n = map.size / bpf;
  size = MESH_STRETCH_MOST (MESH_STRETCH_MOST (n)) * bpf;
  data = g_malloc (MAX (size, 1));
  n = stretch (self, (gpointer) map.data, n, debt, data);
  gst_buffer_unmap (buffer, &map);
  changed = gst_buffer_new_wrapped_full (0, data, size, 0, n * bpf, data,
      g_free);
  gst_buffer_copy_into (changed, buffer, GST_BUFFER_COPY_FLAGS, 0, -1);
  gst_buffer_unref (buffer);
  return changed;
}

/* Gives @buffer its place behind what came before it. */
static void
append (Output *self, GstBuffer *buffer)
{
  GST_BUFFER_PTS (buffer) = get_next (self);
  self->frames += gst_buffer_get_size (buffer) / self->info.bpf;
  GST_BUFFER_DURATION (buffer) = get_next (self) - GST_BUFFER_PTS (buffer);
}

/* Pushes silence ahead of the sound that comes through @pad. It is a buffer of
 * its own, marked as a gap, since it comes late. */
static void
fill (Output *self, GstPad *pad, GstClockTimeDiff hole)
{
  gsize size = to_frames (self, hole) * self->info.bpf;
  GstBuffer *silence = gst_buffer_new_wrapped (g_malloc0 (size), size);

  GST_BUFFER_FLAG_SET (silence, GST_BUFFER_FLAG_GAP);
  append (self, silence);
  self->filling = TRUE;
  gst_pad_push (pad, silence);
  self->filling = FALSE;
}

/* Gives the sound of a buffer its time. */
static GstBuffer *
time_sound (Output *self, GstPad *pad, GstBuffer *buffer,
    GstClockTimeDiff shift)
{
  GstClockTime time = GST_BUFFER_PTS (buffer);
  GstClockTime wanted = add (time, shift);
  GstClockTimeDiff hole = 0, debt = 0;
  gsize n = gst_buffer_get_size (buffer) / self->info.bpf;

  if (self->started) {
    hole = GST_CLOCK_DIFF (self->expected, time);
    hole = hole > HOLE ? hole : 0;
    debt = GST_CLOCK_DIFF (get_next (self), wanted) - hole;
  }
  if (!self->started || hole > MOST || ABS (debt) > MOST) {
    begin (self, wanted);
    hole = debt = 0;
  }
  self->expected = time + to_time (self, n);
  if (hole > 0)
    fill (self, pad, hole);
  buffer = ABS (debt) >= NOTICEABLE ? change (self, buffer, debt)
      : gst_buffer_make_writable (buffer);
  append (self, buffer);
  return buffer;
}

static GstPadProbeReturn
on_output (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Output *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstClockTimeDiff shift = mesh_playout_get_shift (self->playout, self->kind);

  if (self->filling || !GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_PAD_PROBE_OK;
  measure (self, buffer);
  if (self->kind == MESH_AUDIO)
    read_caps (self, pad);
  if (self->kind == MESH_VIDEO) {
    buffer = time_picture (self, buffer, shift);
  } else if (self->usable) {
    buffer = time_sound (self, pad, buffer, shift);
  } else {
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_PTS (buffer) = add (GST_BUFFER_PTS (buffer), shift);
  }
  info->data = buffer;
  return GST_PAD_PROBE_OK;
}

/**
 * mesh_playout_time_output:
 * @kind: what a receiver brings
 * @receiver: the receiver
 * @in: its pad for packets
 * @out: its pad for sound or pictures
 */
void
mesh_playout_time_output (MeshPlayout *playout, MeshKind kind,
    GstElement *receiver, GstPad *in, GstPad *out)
{
  Output *self = g_new0 (Output, 1);

  g_atomic_ref_count_init (&self->refs);
  self->playout = mesh_playout_ref (playout);
  self->kind = kind;
  self->clock = receiver;
  self->shown = GST_CLOCK_TIME_NONE;
  gst_pad_add_probe (in, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_input,
      output_ref (self), output_unref);
  gst_pad_add_probe (out, GST_PAD_PROBE_TYPE_BUFFER, on_output, self,
      output_unref);
}
