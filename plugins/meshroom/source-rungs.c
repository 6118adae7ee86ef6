/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which rungs a source has, which of them are encoded, and at what rate. */

#include "meshroom/source-private.h"

typedef struct {
  MeshSource *source;
  const MeshCodec *codec;
  guint rung;
} Chore;

static void
chore_free (gpointer data)
{
  Chore *chore = data;

  mesh_source_unref (chore->source);
  g_free (chore);
}

/* Called on a thread of GStreamer's pool. */
static void
feed_rung (GstElement *room, gpointer user_data)
{
  Chore *chore = user_data;

  mesh_source_feed_rung (chore->source, chore->codec, chore->rung);
}

/* Returns: (transfer full) (nullable): caps of the stream that the encodings
 * get, or of encoded input that is passed on */
static GstCaps *
dup_caps (GstElement *tee, MeshFanout *fanout)
{
  g_autoptr (GstPad) pad = tee ? gst_element_get_static_pad (tee, "sink")
      : gst_object_ref (mesh_fanout_get_sink (fanout, 0));

  return gst_pad_get_current_caps (pad);
}

static void
describe_encoded (const GstCaps *caps, MeshFanout *fanout, MeshRung *rung)
{
  int width = 0, height = 0, n = 0, d = 1;

  if (caps) {
    const GstStructure *s = gst_caps_get_structure (caps, 0);

    gst_structure_get_int (s, "width", &width);
    gst_structure_get_int (s, "height", &height);
    gst_structure_get_fraction (s, "framerate", &n, &d);
  }
  mesh_fanout_measure (fanout, 0, &rung->measured, &rung->layers);
  rung->width = MAX (width, 0);
  rung->height = MAX (height, 0);
  rung->framerate = d > 0 ? (double) n / d : 0;
  rung->nominal = rung->rate = rung->measured;
  rung->fixed = rung->runs = TRUE;
}

static void
describe_raw (const MeshRungShape *shape, MeshFanout *fanout, guint r,
    MeshRung *rung)
{
  guint layers;

  mesh_fanout_measure (fanout, r, &rung->measured, &layers);
  if (!rung->runs)
    rung->measured = 0;
  rung->width = shape->size.width + shape->size.right;
  rung->height = shape->size.height + shape->size.bottom;
  rung->framerate = (double) shape->fps_n / shape->fps_d;
  rung->nominal = shape->nominal;
  if (!rung->rate)
    rung->rate = shape->nominal;
}

/* Notes what the encodings know of the rung. */
static void
note_rung_locked (MeshEncoding *encoding, guint r, MeshRung *rung)
{
  const MeshEncodedRung *encoded = &encoding->rungs[r];
  guint n = MAX (mesh_codec_count_encoders (encoding->codec), 1);
  const MeshCodecEncoder *row =
      mesh_codec_find_encoder (encoding->codec, encoded->failures % n);

  rung->runs = encoded->compartment != NULL;
  rung->failed = encoded->failure != NULL;
  rung->rate = encoded->bits;
  rung->layers = row && row->layers > 1 ? 2 : 1;
}

/**
 * mesh_source_get_rungs:
 * @source: a source of pictures
 * @codec: a codec whose fan-out was asked for
 * @rungs: (out): its rungs, the full size first
 *
 * Any thread may call. Input that is encoded already has one rung, whose rate
 * is what it is.
 *
 * Returns: how many rungs there are now; 0 while the input is not known, or
 *   encoded in another codec
 */
guint
mesh_source_get_rungs (MeshSource *source, const MeshCodec *codec,
    MeshRung rungs[MESH_RUNGS])
{
  g_autoptr (GstElement) tee = NULL;
  g_autoptr (MeshFanout) fanout = NULL;
  g_autoptr (GstCaps) caps = NULL;
  MeshRungShape shapes[MESH_RUNGS];
  MeshEncoding *encoding;
  guint n = 0;

  memset (rungs, 0, MESH_RUNGS * sizeof *rungs);
  g_mutex_lock (&source->lock);
  encoding = mesh_source_find_encoding_locked (source, codec, NULL);
  if (encoding && (source->tee || source->input == codec)) {
    fanout = gst_object_ref (encoding->fanout);
    g_set_object (&tee, source->tee);
    for (guint i = 0; tee && i < MESH_RUNGS; i++)
      note_rung_locked (encoding, i, &rungs[i]);
  }
  g_mutex_unlock (&source->lock);
  if (!fanout)
    return 0;
  caps = dup_caps (tee, fanout);
  if (tee && caps)
    n = mesh_rung_shapes_choose (codec, caps, shapes);
  for (guint i = 0; i < n; i++)
    describe_raw (&shapes[i], fanout, i, &rungs[i]);
  if (tee)
    return n;
  describe_encoded (caps, fanout, rungs);
  return 1;
}

/**
 * mesh_source_run_rung:
 * @source: a source of pictures
 * @codec: a codec whose fan-out was asked for
 * @rung: one of its rungs
 * @run: whether the rung is needed: some branch is on it, or waits for it
 *
 * Any thread may call. The rung is started, or ended, on another thread; that
 * it runs, or has failed, mesh_source_get_rungs() tells. The full size is
 * needed from the start; the others are not.
 */
void
mesh_source_run_rung (MeshSource *source, const MeshCodec *codec, guint rung,
    gboolean run)
{
  gboolean changed = FALSE;
  MeshEncoding *encoding;
  Chore *chore;

  g_mutex_lock (&source->lock);
  encoding = mesh_source_find_encoding_locked (source, codec, NULL);
  if (encoding) {
    changed = encoding->rungs[rung].wanted != run;
    encoding->rungs[rung].wanted = run;
  }
  g_mutex_unlock (&source->lock);
  if (!changed)
    return;
  chore = g_new0 (Chore, 1);
  chore->source = mesh_source_ref (source);
  chore->codec = codec;
  chore->rung = rung;
  gst_element_call_async (GST_ELEMENT (source->room), feed_rung, chore,
      chore_free);
}

/**
 * mesh_source_set_rate:
 * @source: a source of pictures
 * @codec: a codec whose fan-out was asked for
 * @rung: one of its rungs
 * @bits: bit/s to encode it with from the next frame on; 0: the nominal ones
 *
 * Any thread may call. Nothing happens to input that is encoded already.
 */
void
mesh_source_set_rate (MeshSource *source, const MeshCodec *codec, guint rung,
    guint bits)
{
  MeshEncoding *encoding;

  g_mutex_lock (&source->lock);
  encoding = mesh_source_find_encoding_locked (source, codec, NULL);
  if (encoding) {
    encoding->rungs[rung].bits = bits;
    if (encoding->rungs[rung].tuning)
      mesh_tuning_set_rate (encoding->rungs[rung].tuning, bits);
  }
  g_mutex_unlock (&source->lock);
}
