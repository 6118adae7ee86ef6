/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The encoders of a source: one for each codec and rung that some peer needs,
 * between the source's tee and the fan-out of that codec.
 *
 * Encoders are made and removed without the source's lock, since that calls
 * handlers of the application. So that one thread at a time does it, a rung is
 * marked as busy. A thread that finds it busy leaves the work to the thread
 * that has marked it, which looks again before it ends. */

#include "meshroom/source-private.h"

/* An encoder's failure, posted to a thread that can replace the encoder. */
typedef struct {
  MeshSource *source;
  const MeshCodec *codec;
  guint rung;
  MeshCompartment *compartment;
  char *text;
} Failure;

static void
failure_free (gpointer data)
{
  Failure *failure = data;

  mesh_source_unref (failure->source);
  gst_object_unref (failure->compartment);
  g_free (failure->text);
  g_free (failure);
}

/* @fanout: (nullable): the encoding's fan-out, which tells it from the next one
 * of that codec: a stopped source gets other encodings when it is fed again
 *
 * Returns: (nullable): the encoding in @codec */
MeshEncoding *
mesh_source_find_encoding_locked (MeshSource *self, const MeshCodec *codec,
    MeshFanout *fanout)
{
  for (guint i = 0; i < self->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (self->encodings, i);

    if (encoding->codec == codec && (!fanout || encoding->fanout == fanout))
      return encoding;
  }
  return NULL;
}

/* Returns: (transfer full): the fan-out of @codec, which is made if there is
 * none yet */
MeshFanout *
mesh_source_dup_fanout (MeshSource *self, const MeshCodec *codec)
{
  MeshFanout *fanout = NULL;
  MeshEncoding *encoding;

  g_mutex_lock (&self->lock);
  encoding = mesh_source_find_encoding_locked (self, codec, NULL);
  if (encoding)
    fanout = gst_object_ref (encoding->fanout);
  g_mutex_unlock (&self->lock);
  if (fanout)
    return fanout;

  encoding = mesh_encoding_new (codec);
  fanout = gst_object_ref (encoding->fanout);
  mesh_fanout_set_starved (fanout, mesh_source_on_starved, self);
  gst_bin_add (self->room, GST_ELEMENT (fanout));
  gst_element_sync_state_with_parent (GST_ELEMENT (fanout));
  g_mutex_lock (&self->lock);
  if (!mesh_source_find_encoding_locked (self, codec, NULL)) {
    mesh_fanout_set_muted (fanout, self->muted);
    g_ptr_array_add (self->elements, gst_object_ref (fanout));
    g_ptr_array_add (self->encodings, g_steal_pointer (&encoding));
  }
  g_mutex_unlock (&self->lock);
  if (!encoding)
    return fanout;
  /* another thread has made one meanwhile */
  mesh_source_shut_down (self, GST_ELEMENT (fanout));
  gst_object_unref (fanout);
  mesh_encoding_free (encoding);
  return mesh_source_dup_fanout (self, codec);
}

/* Called on a thread of GStreamer's pool. */
static void
take_failure (GstElement *room, gpointer user_data)
{
  Failure *failure = user_data;
  MeshSource *self = failure->source;
  MeshEncoding *encoding;

  g_mutex_lock (&self->lock);
  encoding = mesh_source_find_encoding_locked (self, failure->codec, NULL);
  if (encoding
      && encoding->rungs[failure->rung].compartment == failure->compartment)
    encoding->rungs[failure->rung].broken = g_steal_pointer (&failure->text);
  g_mutex_unlock (&self->lock);
  mesh_source_feed_rung (self, failure->codec, failure->rung);
}

/* Called on the encoder's own streaming thread, which cannot shut itself
 * down. */
static void
on_encoder_failed (MeshCompartment *compartment, const GError *error,
    gpointer user_data)
{
  Failure *failure = g_memdup2 (user_data, sizeof *failure);

  mesh_source_ref (failure->source);
  failure->compartment = gst_object_ref (compartment);
  failure->text = g_strdup (error->message);
  gst_element_call_async (GST_ELEMENT (failure->source->room), take_failure,
      failure, failure_free);
}

/* The tee's new branch gets a copy of the sticky events that the tee keeps. It
 * would miss caps that are just passing, and an encoder with other caps than
 * its frames fails or crashes: so nothing passes meanwhile. */
static void
put_in (MeshSource *self, GstElement *tee, GstElement *encoder,
    GstPad *inlet)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (encoder, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (encoder, "src");
  g_autoptr (GstPad) trunk = gst_element_get_static_pad (tee, "sink");
  g_autoptr (GstPad) branch = NULL;

  gst_bin_add (self->room, encoder);
  gst_pad_link (src, inlet);
  gst_element_sync_state_with_parent (encoder);
  GST_PAD_STREAM_LOCK (trunk);
  branch = gst_element_request_pad_simple (tee, "src_%u");
  /* no RECONFIGURE event is sent up to the camera, since all formats agree
   * already */
  gst_pad_link_full (branch, sink, GST_PAD_LINK_CHECK_NO_RECONFIGURE);
  GST_PAD_STREAM_UNLOCK (trunk);
}

/* Nothing passes either while a branch goes: it would lose its sticky events
 * between two that it is just passing on. */
static void
take_out (MeshSource *self, GstElement *encoder)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (encoder, "sink");
  g_autoptr (GstPad) branch = gst_pad_get_peer (sink);
  g_autoptr (GstElement) tee =
      branch ? gst_pad_get_parent_element (branch) : NULL;
  g_autoptr (GstPad) trunk =
      tee ? gst_element_get_static_pad (tee, "sink") : NULL;

  if (tee) {
    GST_PAD_STREAM_LOCK (trunk);
    gst_element_release_request_pad (tee, branch);
    GST_PAD_STREAM_UNLOCK (trunk);
  }
  mesh_source_shut_down (self, encoder);
}

/* Removes the rung's encoder, which has failed or is not needed any more. The
 * lock is given away meanwhile. */
static void
remove_encoder_locked (MeshSource *self, MeshEncoding *encoding, guint r)
{
  MeshEncodedRung *rung = &encoding->rungs[r];
  g_autoptr (GstElement) encoder =
      gst_object_ref (GST_ELEMENT (rung->compartment));

  if (rung->broken)
    rung->failures++;
  if (!mesh_encoding_can_retry (encoding, r))
    rung->failure = g_strdup (rung->broken);
  mesh_encoding_empty (encoding, r);
  g_ptr_array_remove_fast (self->elements, encoder);
  g_mutex_unlock (&self->lock);
  take_out (self, encoder);
  g_mutex_lock (&self->lock);
}

/* Returns: (transfer full) (nullable): a compartment whose encoder is the one
 * whose turn it is after so many failures */
static MeshCompartment *
make_compartment (MeshSource *self, const MeshCodec *codec, guint rung,
    guint failures, MeshTuning *tuning, MeshRepeatFilter **filter,
    GError **error)
{
  Failure context = { .source = self, .codec = codec, .rung = rung };
  g_autoptr (MeshCompartment) compartment =
      gst_object_ref_sink (mesh_compartment_new (on_encoder_failed,
          g_memdup2 (&context, sizeof context), g_free));

  return mesh_encoding_fill (codec, failures, tuning, compartment, filter,
      error) ? g_steal_pointer (&compartment) : NULL;
}

/* Puts an encoder between the tee and the encoding's fan-out. The lock is given
 * away meanwhile, so the input may change, and then the encoder is dropped. */
static void
add_encoder_locked (MeshSource *self, MeshEncoding *encoding, guint r)
{
  const MeshCodec *codec = encoding->codec;
  MeshEncodedRung *rung = &encoding->rungs[r];
  g_autoptr (MeshFanout) fanout = gst_object_ref (encoding->fanout);
  g_autoptr (GstElement) tee = gst_object_ref (self->tee);
  g_autoptr (MeshTuning) tuning = codec->kind == MESH_VIDEO
      ? mesh_tuning_new (codec, r, rung->bits) : NULL;
  g_autoptr (MeshCompartment) compartment = NULL;
  g_autoptr (MeshRepeatFilter) filter = NULL;
  g_autoptr (GError) error = NULL;
  guint failures = rung->failures;

  g_mutex_unlock (&self->lock);
  compartment = make_compartment (self, codec, r, failures, tuning, &filter,
      &error);
  g_mutex_lock (&self->lock);
  encoding = mesh_source_find_encoding_locked (self, codec, fanout);
  if (!encoding || self->tee != tee)
    return;
  rung = &encoding->rungs[r];
  if (error) {
    rung->failure = g_strdup (error->message);
    return;
  }
  if (tuning)
    mesh_tuning_set_rate (tuning, rung->bits);
  rung->compartment = compartment;
  rung->tuning = g_steal_pointer (&tuning);
  rung->repeat_filter = g_steal_pointer (&filter);
  if (rung->repeat_filter)
    mesh_repeat_filter_set_active (rung->repeat_filter, self->hidden);
  g_mutex_unlock (&self->lock);

  mesh_source_apply_loss (self, compartment);
  put_in (self, tee, GST_ELEMENT (compartment),
      mesh_fanout_get_sink (fanout, r));
  g_mutex_lock (&self->lock);
  encoding = mesh_source_find_encoding_locked (self, codec, fanout);
  if (encoding && encoding->rungs[r].compartment == compartment) {
    g_ptr_array_add (self->elements, g_steal_pointer (&compartment));
    return;
  }
  g_mutex_unlock (&self->lock);
  take_out (self, GST_ELEMENT (compartment));
  g_mutex_lock (&self->lock);
}

static gboolean
lacks_encoder_locked (MeshSource *self, const MeshEncodedRung *rung)
{
  return self->tee && rung->wanted && !rung->compartment && !rung->failure;
}

static gboolean
has_useless_encoder_locked (const MeshEncodedRung *rung)
{
  return rung->compartment && (rung->broken || !rung->wanted);
}

/* Makes the encoder that the rung lacks, replaces one that has failed, until
 * there is none left to try, and removes one that nobody needs. */
void
mesh_source_feed_rung (MeshSource *self, const MeshCodec *codec, guint r)
{
  g_autoptr (MeshFanout) fanout = NULL;
  g_autofree char *broken = NULL;
  MeshEncoding *encoding;
  gboolean failed = FALSE;

  g_mutex_lock (&self->lock);
  encoding = mesh_source_find_encoding_locked (self, codec, NULL);
  if (encoding && encoding->rungs[r].busy)
    encoding = NULL;
  if (encoding) {
    encoding->rungs[r].busy = TRUE;
    fanout = gst_object_ref (encoding->fanout);
  }
  while (encoding && (has_useless_encoder_locked (&encoding->rungs[r])
          || lacks_encoder_locked (self, &encoding->rungs[r]))) {
    if (encoding->rungs[r].broken) {
      g_free (broken);
      broken = g_strdup (encoding->rungs[r].broken);
    }
    if (encoding->rungs[r].compartment)
      remove_encoder_locked (self, encoding, r);
    else
      add_encoder_locked (self, encoding, r);
    encoding = mesh_source_find_encoding_locked (self, codec, fanout);
  }
  if (encoding) {
    encoding->rungs[r].busy = FALSE;
    failed = encoding->rungs[r].failure != NULL;
  }
  g_mutex_unlock (&self->lock);
  if (!broken)
    return;
  if (failed)
    mesh_source_warn (self, r == 0 ? "it cannot be encoded as %s (%s)"
        : "a smaller picture of it cannot be encoded as %s (%s)", codec->name,
        broken);
  self->events->input_known (self, self->user_data);
}

/* As mesh_source_feed_rung(), for all rungs. */
void
mesh_source_feed (MeshSource *self, const MeshCodec *codec)
{
  for (guint i = 0; i < MESH_RUNGS; i++)
    mesh_source_feed_rung (self, codec, i);
}

/* As mesh_source_feed(), for all codecs that some peer needs. */
void
mesh_source_feed_all (MeshSource *self)
{
  g_autoptr (GPtrArray) codecs = g_ptr_array_new ();

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (self->encodings, i);

    g_ptr_array_add (codecs, (gpointer) encoding->codec);
  }
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < codecs->len; i++)
    mesh_source_feed (self, g_ptr_array_index (codecs, i));
}
