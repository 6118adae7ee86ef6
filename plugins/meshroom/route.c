/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The route of a stream from the source's pad to the fan-outs. It depends on
 * the input's caps, and may change in mid-call:
 *
 *   raw               pad → intake → tee ─ encodings → fan-outs
 *   encoded, passes   pad → intake → parser → fan-out of that codec
 *   encoded, else     pad → intake → parser → decoder → tee ─ encodings → …
 *
 * A route is changed on the pad's streaming thread, so that no buffer passes
 * meanwhile. */

#include "meshroom/source-private.h"

/* The number of times that a failed parser or decoder is replaced before the
 * input's caps change. */
#define MAX_MENDS 5

/* --- elements --- */

static void
add_to_room (MeshSource *self, GstElement *element)
{
  gst_bin_add (self->room, element);
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->elements, gst_object_ref (element));
  g_mutex_unlock (&self->lock);
}

static void
take_out_locked (MeshSource *self, gpointer element, GPtrArray *doomed)
{
  if (!element)
    return;
  /* What fails from here on is no reason to begin the route anew. */
  if (MESH_IS_COMPARTMENT (element))
    mesh_compartment_abandon (element);
  g_ptr_array_add (doomed, gst_object_ref (element));
  g_ptr_array_remove_fast (self->elements, element);
}

static void
shut_down (MeshSource *self, GPtrArray *doomed)
{
  for (guint i = 0; i < doomed->len; i++)
    mesh_source_shut_down (self, g_ptr_array_index (doomed, i));
}

static GPtrArray *
new_doomed (void)
{
  return g_ptr_array_new_with_free_func (gst_object_unref);
}

/* Takes out all elements between the parser and the fan-outs. An encoder that a
 * thread is just putting in is removed by that thread. */
static void
take_out_encodings_locked (MeshSource *self, GPtrArray *doomed)
{
  take_out_locked (self, self->decoder, doomed);
  take_out_locked (self, self->tee, doomed);
  for (guint i = 0; i < self->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (self->encodings, i);

    for (guint r = 0; r < MESH_RUNGS; r++) {
      if (!encoding->rungs[r].busy)
        take_out_locked (self, encoding->rungs[r].compartment, doomed);
      mesh_encoding_empty (encoding, r);
    }
    mesh_encoding_forgive (encoding);
  }
  self->decoder = NULL;
  self->tee = NULL;
}

/* Returns: the sink pad of a tee from which all encodings are fed */
static GstPad *
start_encodings (MeshSource *self, GError **error)
{
  GstElement *tee = mesh_codec_make ("tee allow-not-linked=true", error);

  if (!tee)
    return NULL;
  add_to_room (self, tee);
  g_mutex_lock (&self->lock);
  self->tee = tee;
  g_mutex_unlock (&self->lock);
  mesh_source_feed_all (self);
  gst_element_sync_state_with_parent (tee);
  return gst_element_get_static_pad (tee, "sink");
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
add_compartment (MeshSource *self, const char *const *descriptions,
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
  add_to_room (self, GST_ELEMENT (compartment));
  gst_element_sync_state_with_parent (GST_ELEMENT (compartment));
  return GST_ELEMENT (compartment);
}

/* Links the parser to a decoder, the stage that raw input may need, and a tee,
 * from where the stream is encoded again as raw input is. */
static gboolean
decode (MeshSource *self, GError **error)
{
  const char *elements[] = { self->input->decoders, self->kind == MESH_VIDEO
      ? "videoconvert" : NULL, "deinterlace fields=top",
      "videoflip name=flip", NULL };
  GstElement *decoder = add_compartment (self, elements, error);
  g_autoptr (GstPad) sink = NULL, src = NULL;

  g_mutex_lock (&self->lock);
  self->decoder = decoder;
  g_mutex_unlock (&self->lock);
  if (!decoder)
    return FALSE;
  sink = start_encodings (self, error);
  src = gst_element_get_static_pad (decoder, "src");
  return sink && gst_pad_link (src, sink) == GST_PAD_LINK_OK
      && gst_element_link (self->parser, decoder);
}

/* Links the parser to the fan-out of its codec. Another thread may just have
 * linked an encoder there, which it is about to remove. */
static void
pass_on (MeshSource *self)
{
  g_autoptr (MeshFanout) fanout = mesh_source_dup_fanout (self, self->input);
  GstPad *sink = mesh_fanout_get_sink (fanout, 0);
  g_autoptr (GstPad) src = gst_element_get_static_pad (self->parser, "src");
  g_autoptr (GstPad) taken = NULL;

  if (gst_pad_link (src, sink) == GST_PAD_LINK_OK)
    return;
  taken = gst_pad_get_peer (sink);
  if (taken)
    gst_pad_unlink (taken, sink);
  gst_pad_link (src, sink);
}

/* Decides between passing the stream on and decoding it. The decision needs the
 * parser's caps, as profile and size may not be known before the first
 * parameter sets. */
static void
settle (MeshSource *self, GstPad *parsed, const GstCaps *caps)
{
  g_autoptr (GPtrArray) doomed = new_doomed ();
  g_autoptr (GstPad) peer = gst_pad_get_peer (parsed);
  g_autoptr (GstElement) flip = NULL;
  g_autoptr (GError) error = NULL;
  gboolean passes = self->spoken && (mesh_codec_passes (self->input, caps)
      || !mesh_codec_can_receive (self->input));

  if (peer && passes == !self->decoder)
    return;
  if (peer)
    gst_pad_unlink (parsed, peer);
  g_mutex_lock (&self->lock);
  take_out_encodings_locked (self, doomed);
  g_mutex_unlock (&self->lock);
  shut_down (self, doomed);
  if (passes)
    pass_on (self);
  else if (decode (self, &error))
    flip = gst_bin_get_by_name (GST_BIN (self->decoder), "flip");
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
start_encoded (MeshSource *self, const MeshCodec *codec, GError **error)
{
  g_autofree char *form =
      g_strdup_printf ("capsfilter caps=\"%s\"", codec->caps);
  /* the capsfilter sets the parser's output format, which the parser chooses
   * before a fan-out is linked that it could ask */
  const char *elements[] = { codec->parser, form, NULL };
  const char *const nothing[] = { "identity", NULL };
  GstElement *parser = add_compartment (self, codec->parser ? elements
      : nothing, error);
  gboolean spoken = mesh_source_speaks (self, codec);
  g_autoptr (GstPad) src = NULL;

  g_mutex_lock (&self->lock);
  self->input = codec;
  self->spoken = spoken;
  self->parser = parser;
  g_mutex_unlock (&self->lock);
  if (!parser)
    return NULL;
  src = gst_element_get_static_pad (parser, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_parsed, self,
      NULL);
  return gst_element_get_static_pad (parser, "sink");
}

/* --- the route as a whole --- */

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

/* Links the room's pad to @next through an intake, and passes the sticky tags
 * of the pad to the intake. */
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

  sink = codec ? start_encoded (self, codec, &error)
      : start_encodings (self, &error);
  if (sink)
    start_intake (self, sink, codec != NULL);
  else
    mesh_source_warn (self, "it cannot be used: %s", error->message);
}

/* Handles new caps of the input. Failures are forgotten, since elements that
 * failed with the former caps may work with these. */
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
  }
  g_mutex_unlock (&self->lock);
  if (!runs) {
    stop_route (self);
    start_route (self, codec);
  } else if (!codec) {
    mesh_source_feed_all (self);
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
