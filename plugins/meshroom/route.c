/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way of a stream from the source's pad to the fan-outs. Which way depends
 * on what comes in, and may change in mid-call:
 *
 *   raw               pad → intake → tee ─ encodings → fan-outs
 *   encoded, passes   pad → intake → parser → fan-out of that codec
 *   encoded, else     pad → intake → parser → decoder → tee ─ encodings → …
 *
 * A way is changed on the pad's streaming thread, so that no buffer passes
 * meanwhile. A failed encoder is replaced on another thread, since its own
 * would have to wait for itself. Elements are shut down without the lock: a
 * message handler of the application may be waiting for the lock. */

#include "meshroom/source-private.h"

#include "core/error.h"

/* How often a parser or decoder is made anew with the same input. */
#define MAX_MENDS 5

/* --- shutting down --- */

static void
take_out_locked (MeshSource *self, GstElement *element, GPtrArray *doomed)
{
  if (!element)
    return;
  if (MESH_IS_COMPARTMENT (element))
    mesh_compartment_abandon (MESH_COMPARTMENT (element));
  g_ptr_array_add (doomed, gst_object_ref (element));
  g_ptr_array_remove_fast (self->elements, element);
}

static void
shut_down (MeshSource *self, GPtrArray *doomed)
{
  for (guint i = 0; i < doomed->len; i++) {
    GstElement *element = g_ptr_array_index (doomed, i);

    gst_element_set_locked_state (element, TRUE);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_bin_remove (self->room, element);
  }
}

static GPtrArray *
new_doomed (void)
{
  return g_ptr_array_new_with_free_func (gst_object_unref);
}

/* Removes all elements between the parser and the fan-outs. */
static void
take_out_encodings_locked (MeshSource *self, GPtrArray *doomed)
{
  take_out_locked (self, self->decoder, doomed);
  take_out_locked (self, self->tee, doomed);
  for (guint i = 0; i < self->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (self->encodings, i);

    take_out_locked (self, GST_ELEMENT (encoding->compartment), doomed);
    mesh_encoding_empty (encoding);
    mesh_encoding_forgive (encoding);
  }
  self->decoder = NULL;
  self->tee = NULL;
}

/* --- encoders, and when they fail --- */

/* An encoder's failure, posted to a thread that can replace the encoder. */
typedef struct {
  MeshSource *source;
  const MeshCodec *codec;
  MeshCompartment *compartment;
  char *text;
} Repair;

static void
repair_free (gpointer data)
{
  Repair *repair = data;

  mesh_source_unref (repair->source);
  gst_object_unref (repair->compartment);
  g_free (repair->text);
  g_free (repair);
}

/* Takes the failed compartment out. Returns: whether it was still in use, so
 * that another has to take its place */
static gboolean
remove_failed (Repair *repair)
{
  MeshSource *self = repair->source;
  MeshEncoding *encoding;
  g_autoptr (GPtrArray) doomed = new_doomed ();
  g_autoptr (GstElement) tee = NULL;
  g_autoptr (GstPad) sink = gst_element_get_static_pad
      (GST_ELEMENT (repair->compartment), "sink");
  g_autoptr (GstPad) branch = gst_pad_get_peer (sink);

  g_mutex_lock (&self->lock);
  encoding = mesh_source_get_encoding_locked (self, repair->codec);
  if (encoding->compartment != repair->compartment) {
    g_mutex_unlock (&self->lock);
    return FALSE;
  }
  take_out_locked (self, GST_ELEMENT (repair->compartment), doomed);
  mesh_encoding_empty (encoding);
  encoding->failures++;
  if (!mesh_encoding_can_retry (encoding))
    encoding->failure = g_strdup (repair->text);
  tee = self->tee ? gst_object_ref (self->tee) : NULL;
  g_mutex_unlock (&self->lock);

  if (branch && tee)
    gst_element_release_request_pad (tee, branch);
  shut_down (self, doomed);
  return TRUE;
}

static void
do_repair (GstElement *room, gpointer user_data)
{
  Repair *repair = user_data;
  MeshSource *self = repair->source;
  MeshEncoding *encoding;
  gboolean failed = FALSE;

  if (!remove_failed (repair))
    return;
  g_mutex_lock (&self->lock);
  if (self->tee) {
    encoding = mesh_source_get_encoding_locked (self, repair->codec);
    mesh_source_feed_locked (self, encoding);
    failed = encoding->failure != NULL;
  }
  g_mutex_unlock (&self->lock);
  if (failed)
    mesh_source_warn (self, "it cannot be encoded as %s (%s)",
        repair->codec->name, repair->text);
  self->events->input_known (self, self->user_data);
}

/* Called on the encoder's own streaming thread, which cannot shut itself
 * down: a thread of GStreamer's pool does that. */
static void
on_encoding_failed (MeshCompartment *compartment, const GError *error,
    gpointer user_data)
{
  MeshSource *self = ((Repair *) user_data)->source;
  Repair *repair = g_new0 (Repair, 1);

  repair->source = mesh_source_ref (self);
  repair->codec = ((Repair *) user_data)->codec;
  repair->compartment = gst_object_ref (compartment);
  repair->text = g_strdup (error->message);
  gst_element_call_async (GST_ELEMENT (self->room), do_repair, repair,
      repair_free);
}

/* Puts an encoder between the tee and the encoding's fan-out, unless there is one
 * or all have failed. */
void
mesh_source_feed_locked (MeshSource *self, MeshEncoding *encoding)
{
  Repair context = { .source = self, .codec = encoding->codec };
  MeshCompartment *compartment;
  g_autoptr (GstPad) branch = NULL, sink = NULL;
  g_autoptr (GError) error = NULL;

  if (encoding->compartment || encoding->failure || !self->tee)
    return;
  compartment = gst_object_ref_sink (mesh_compartment_new (on_encoding_failed,
          g_memdup2 (&context, sizeof context), g_free));
  if (!mesh_encoding_fill (encoding, compartment, &error)) {
    encoding->failure = g_strdup (error->message);
    gst_object_unref (compartment);
    return;
  }
  mesh_source_add_to_room_locked (self, GST_ELEMENT (compartment));
  if (encoding->repeat_filter)
    mesh_repeat_filter_set_active (encoding->repeat_filter, self->hidden);
  gst_element_link (GST_ELEMENT (compartment),
      GST_ELEMENT (encoding->fanout));
  gst_element_sync_state_with_parent (GST_ELEMENT (compartment));
  branch = gst_element_request_pad_simple (self->tee, "src_%u");
  sink = gst_element_get_static_pad (GST_ELEMENT (compartment), "sink");
  /* no RECONFIGURE event is sent up to the camera, since all formats agree
   * already */
  gst_pad_link_full (branch, sink, GST_PAD_LINK_CHECK_NO_RECONFIGURE);
  gst_object_unref (compartment);
}

static void
feed_all_locked (MeshSource *self)
{
  for (guint i = 0; i < self->encodings->len; i++)
    mesh_source_feed_locked (self, g_ptr_array_index (self->encodings, i));
}

/* Returns: the sink pad of a tee from which all encodings are fed */
static GstPad *
start_encodings_locked (MeshSource *self, GError **error)
{
  self->tee = mesh_codec_make ("tee allow-not-linked=true", error);
  if (!self->tee)
    return NULL;
  mesh_source_add_to_room_locked (self, self->tee);
  feed_all_locked (self);
  gst_element_sync_state_with_parent (self->tee);
  return gst_element_get_static_pad (self->tee, "sink");
}

/* --- encoded input --- */

/* Notes that a parser or a decoder has failed; it is replaced with the next
 * buffer. */
static void
on_route_failed (MeshCompartment *compartment, const GError *error,
    gpointer user_data)
{
  MeshSource *self = user_data;

  GST_WARNING_OBJECT (self->pad, "%s", error->message);
  g_atomic_int_set (&self->broken, TRUE);
}

static GstElement *
add_compartment_locked (MeshSource *self, const char *const *descriptions,
    GError **error)
{
  g_autoptr (MeshCompartment) compartment = gst_object_ref_sink
      (mesh_compartment_new (on_route_failed, self, NULL));

  for (guint i = 0; descriptions[i]; i++) {
    GstElement *element = mesh_codec_make (descriptions[i], error);

    if (!element || !mesh_compartment_append (compartment, element, error))
      return NULL;
  }
  mesh_compartment_expose (compartment);
  mesh_source_add_to_room_locked (self, GST_ELEMENT (compartment));
  gst_element_sync_state_with_parent (GST_ELEMENT (compartment));
  return GST_ELEMENT (compartment);
}

/* Links the parser to a decoder, the stage that raw input may need, and a tee,
 * from where the stream is encoded again as raw input is. */
static gboolean
decode_locked (MeshSource *self, GError **error)
{
  const char *elements[] = { self->input->decoders, self->kind == MESH_VIDEO
      ? "videoconvert" : NULL, "deinterlace fields=top",
      "videoflip name=flip", NULL };
  g_autoptr (GstPad) sink = NULL, src = NULL;

  self->decoder = add_compartment_locked (self, elements, error);
  if (!self->decoder)
    return FALSE;
  sink = start_encodings_locked (self, error);
  src = gst_element_get_static_pad (self->decoder, "src");
  return sink && gst_pad_link (src, sink) == GST_PAD_LINK_OK
      && gst_element_link (self->parser, self->decoder);
}

/* Decides, from the parser's caps, between passing the stream on and decoding
 * it: profile and size may not be known before the first parameter sets. */
static void
settle (MeshSource *self, GstPad *parsed, const GstCaps *caps)
{
  g_autoptr (GPtrArray) doomed = new_doomed ();
  g_autoptr (GstPad) peer = gst_pad_get_peer (parsed);
  g_autoptr (GstElement) flip = NULL;
  g_autoptr (GError) error = NULL;
  gboolean passes, decodes;

  g_mutex_lock (&self->lock);
  passes = self->spoken && (mesh_codec_passes (self->input, caps)
      || !mesh_codec_can_receive (self->input));
  decodes = self->decoder != NULL;
  if (peer && passes == !decodes) {
    g_mutex_unlock (&self->lock);
    return;
  }
  if (peer)
    gst_pad_unlink (parsed, peer);
  take_out_encodings_locked (self, doomed);
  g_mutex_unlock (&self->lock);
  shut_down (self, doomed);

  g_mutex_lock (&self->lock);
  if (passes)
    gst_element_link (self->parser, GST_ELEMENT
        (mesh_source_get_encoding_locked (self, self->input)->fanout));
  else if (decode_locked (self, &error))
    flip = gst_bin_get_by_name (GST_BIN (self->decoder), "flip");
  g_mutex_unlock (&self->lock);
  if (self->kind == MESH_VIDEO && (passes || flip))
    mesh_intake_settle (self->intake, flip);
  if (error)
    mesh_source_warn (self, "%s cannot be used: %s. Give it raw",
        self->input->name, error->message);
  else if (!self->spoken || !mesh_codec_passes (self->input, caps))
    mesh_source_explain (self, caps, passes);
  self->events->input_known (self, self->user_data);
}

static GstPadProbeReturn
on_parsed (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    settle (user_data, pad, caps);
  }
  return GST_PAD_PROBE_OK;
}

static GstPad *
start_encoded_locked (MeshSource *self, const MeshCodec *codec,
    gboolean spoken, GError **error)
{
  g_autofree char *form =
      g_strdup_printf ("capsfilter caps=\"%s\"", codec->caps);
  /* the parser chooses the stream's form before there is a fan-out to ask */
  const char *elements[] = { codec->parser, form, NULL };
  const char *const nothing[] = { "identity", NULL };
  g_autoptr (GstPad) src = NULL;

  self->input = codec;
  self->spoken = spoken;
  self->parser = add_compartment_locked (self, codec->parser ? elements
      : nothing, error);
  if (!self->parser)
    return NULL;
  src = gst_element_get_static_pad (self->parser, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_parsed, self,
      NULL);
  return gst_element_get_static_pad (self->parser, "sink");
}

/* --- the way as a whole --- */

static void
stop_route (MeshSource *self)
{
  g_autoptr (GPtrArray) doomed = new_doomed ();
  MeshIntake *intake;

  gst_ghost_pad_set_target (GST_GHOST_PAD (self->pad), NULL);
  g_mutex_lock (&self->lock);
  intake = g_steal_pointer (&self->intake);
  take_out_locked (self, self->parser, doomed);
  take_out_encodings_locked (self, doomed);
  self->parser = NULL;
  self->input = NULL;
  g_mutex_unlock (&self->lock);
  if (intake)
    mesh_intake_stop (intake);
  mesh_intake_free (intake);
  shut_down (self, doomed);
}

static void
on_warning (const char *text, gpointer user_data)
{
  MeshSource *self = user_data;

  self->events->warning (self, text, self->user_data);
}

/* Links the room's pad to @next through an intake, and passes the tags to it
 * that came before. */
static void
start_intake (MeshSource *self, GstPad *next, gboolean encoded)
{
  MeshIntake *intake = mesh_intake_new (self->room,
      GST_OBJECT_NAME (self->pad), self->kind, encoded, self->timeline, next,
      on_warning, self);
  g_autoptr (GstPad) sink = mesh_intake_dup_sink (intake);
  GstEvent *event;

  for (guint i = 0; (event = gst_pad_get_sticky_event (self->pad,
              GST_EVENT_TAG, i)); i++)
    gst_event_unref (mesh_intake_take_event (intake, event));
  g_mutex_lock (&self->lock);
  self->intake = intake;
  g_mutex_unlock (&self->lock);
  gst_ghost_pad_set_target (GST_GHOST_PAD (self->pad), sink);
}

static void
start_route (MeshSource *self, const MeshCodec *codec)
{
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GError) error = NULL;
  gboolean spoken = codec && mesh_source_speaks (self, codec);

  g_mutex_lock (&self->lock);
  sink = codec ? start_encoded_locked (self, codec, spoken, &error)
      : start_encodings_locked (self, &error);
  g_mutex_unlock (&self->lock);
  if (sink)
    start_intake (self, sink, codec != NULL);
  else
    mesh_source_warn (self, "it cannot be used: %s", error->message);
}

/* Forgets failures, since the input's format has changed: what failed before
 * may work now. */
void
mesh_source_take_caps (MeshSource *self, GstCaps *caps)
{
  const MeshCodec *codec = mesh_codec_for_caps (caps);
  gboolean runs;

  g_mutex_lock (&self->lock);
  self->expected = NULL;
  self->failures = 0;
  self->told_starved = FALSE;
  gst_caps_replace (&self->caps, caps);
  runs = codec ? self->parser && self->input == codec
      : self->tee && !self->input;
  if (runs && !codec) {
    for (guint i = 0; i < self->encodings->len; i++)
      mesh_encoding_forgive (g_ptr_array_index (self->encodings, i));
    feed_all_locked (self);
  }
  g_mutex_unlock (&self->lock);
  if (!runs) {
    stop_route (self);
    start_route (self, codec);
  }
  self->events->input_known (self, self->user_data);
}

/* Replaces a parser or decoder that has failed. */
void
mesh_source_mend (MeshSource *self)
{
  const MeshCodec *codec;
  guint failures;

  if (!g_atomic_int_compare_and_exchange (&self->broken, TRUE, FALSE))
    return;
  g_mutex_lock (&self->lock);
  codec = self->input;
  failures = ++self->failures;
  g_mutex_unlock (&self->lock);
  if (!codec)
    return;
  stop_route (self);
  if (failures <= MAX_MENDS)
    start_route (self, codec);
  else
    mesh_source_warn (self, "%s that comes in is broken: nothing is sent until "
        "its caps change", codec->name);
}
