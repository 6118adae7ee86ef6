/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers the caps queries of a sink pad of the room. A source that makes raw
 * streams of many formats is asked for the one that needs no conversion. An
 * encoder upstream that leaves its profile to the room is asked for the one that
 * every peer decodes. A stream that cannot be had in that profile (a file, or a
 * picture in 4:4:4 behind an encoder that does not convert it) is taken as it
 * is, and decoded. */

#include "meshroom/source-private.h"

#include "meshroom/upstream.h"

/* What encoders get; all other raw streams are converted to it. */
#define RAW_VIDEO "video/x-raw,format=I420"
#define RAW_AUDIO "audio/x-raw,format=S16LE,layout=interleaved,rate=48000," \
    "channels=[1,2]"

/* The modes of a camera that suit a call, the best first: by itself, v4l2src
 * takes the largest, which many cameras have five times a second. */
static const char *const modes[] = {
  "video/x-raw,width=1280,height=720,framerate=[24/1,30/1]",
  "video/x-raw,width=640,height=480,framerate=[24/1,30/1]",
};

/* Set on a thread that asks an encoder for the formats that it accepts when it
 * may only make the wished profile. */
static GPrivate insisting;

static gboolean
offers_field (GQuark field, const GValue *value, gpointer user_data)
{
  return gst_structure_id_has_field (user_data, field);
}

/* Returns: (transfer full) (nullable): the part of @offered, one structure of
 * the caps upstream, that every peer can decode; %NULL when @offered does not
 * name the profile, or has no such part */
static GstCaps *
choose (const GstStructure *offered)
{
  g_autoptr (GstCaps) all = gst_caps_new_full (gst_structure_copy (offered),
      NULL);
  const MeshCodec *codec = mesh_codec_for_caps (all);
  g_autoptr (GstCaps) wished = codec && codec->wished
      ? gst_caps_from_string (codec->wished) : NULL;
  g_autoptr (GstCaps) both = NULL;

  if (!wished || !gst_structure_foreach (gst_caps_get_structure (wished, 0),
          offers_field, (gpointer) offered))
    return NULL;
  both = gst_caps_intersect_full (wished, all, GST_CAPS_INTERSECT_FIRST);
  return gst_caps_is_empty (both) ? NULL : g_steal_pointer (&both);
}

/* Returns: whether an encoder that feeds @pad can be given what it makes the
 * wished profile of. Some take only pictures that suit the profiles which they
 * may make, and what feeds them may make no such picture. */
static gboolean
can_be_granted (GstPad *pad)
{
  g_autoptr (GstPad) sink = mesh_upstream_dup_encoder_sink (pad);
  g_autoptr (GstCaps) taken = NULL, given = NULL;

  if (!sink || g_private_get (&insisting))
    return TRUE;
  given = gst_pad_peer_query_caps (sink, NULL);
  g_private_set (&insisting, pad);
  taken = gst_pad_query_caps (sink, NULL);
  g_private_set (&insisting, NULL);
  return gst_pad_is_linked (sink) && gst_caps_can_intersect (given, taken);
}

static gboolean
is_raw (const GstCaps *caps, guint i)
{
  return g_str_has_suffix (gst_structure_get_name (gst_caps_get_structure (caps,
              i)), "/x-raw");
}

/* Whether pictures come in one size and at given rates, as from a camera. What
 * scales them, or changes their rate, has ranges. */
static gboolean
is_mode (const GstStructure *s)
{
  const GValue *rate = gst_structure_get_value (s, "framerate");

  return gst_structure_has_field_typed (s, "width", G_TYPE_INT)
      && gst_structure_has_field_typed (s, "height", G_TYPE_INT) && rate
      && !GST_VALUE_HOLDS_FRACTION_RANGE (rate);
}

/* Returns: (transfer full): those of @offered that are modes of a camera */
static GstCaps *
find_modes (const GstCaps *offered)
{
  GstCaps *found = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (offered); i++) {
    GstStructure *s = gst_caps_get_structure (offered, i);

    if (is_mode (s))
      gst_caps_append (found, gst_caps_new_full (gst_structure_copy (s), NULL));
  }
  return found;
}

static void
append_part (GstCaps *chosen, GstCaps *offered, const char *wish)
{
  g_autoptr (GstCaps) wished = gst_caps_from_string (wish);

  gst_caps_append (chosen, gst_caps_intersect_full (offered, wished,
          GST_CAPS_INTERSECT_FIRST));
}

/* Appends what is best of the raw part of @offered, the caps upstream. All of
 * it is to follow, so that nothing is refused. */
static void
append_best (GstCaps *chosen, GstCaps *offered)
{
  g_autoptr (GstCaps) all = find_modes (offered);

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++) {
    g_autoptr (GstCaps) found = gst_caps_new_empty ();

    append_part (found, all, modes[i]);
    append_part (chosen, found, RAW_VIDEO);
    gst_caps_append (chosen, g_steal_pointer (&found));
  }
  append_part (chosen, offered, RAW_VIDEO);
  append_part (chosen, offered, RAW_AUDIO);
}

/* Returns: (transfer full): the caps that the pad takes. @filter: (nullable):
 * the caps that upstream can make */
static GstCaps *
make_caps (GstPad *pad, GstCaps *filter)
{
  g_autoptr (GstCaps) caps = gst_pad_get_pad_template_caps (pad);
  g_autoptr (GstCaps) both = NULL;
  GstCaps *chosen;
  gboolean wishes = FALSE, has_raw = FALSE;

  if (!filter)
    filter = caps;
  both = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  if (gst_caps_is_any (both))
    return g_steal_pointer (&both);
  chosen = gst_caps_new_empty ();
  for (guint i = 0; i < gst_caps_get_size (both); i++) {
    GstCapsFeatures *features = gst_caps_get_features (both, i);
    GstCaps *one = choose (gst_caps_get_structure (both, i));

    if (is_raw (both, i) && !has_raw)
      append_best (chosen, both);
    has_raw |= is_raw (both, i);
    wishes |= one != NULL;
    if (!one)
      one = gst_caps_new_full (gst_structure_copy (gst_caps_get_structure
              (both, i)), NULL);
    gst_caps_set_features_simple (one, gst_caps_features_copy (features));
    gst_caps_append (chosen, one);
  }
  if (wishes && !can_be_granted (pad))
    gst_caps_append (chosen, gst_caps_copy (both));
  return chosen;
}

/* The elements inside accept all caps of the template, so the query is answered
 * here. */
gboolean
mesh_source_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  g_autoptr (GstCaps) caps = NULL;
  GstCaps *asked;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      gst_query_parse_caps (query, &asked);
      caps = make_caps (pad, asked);
      gst_query_set_caps_result (query, caps);
      return TRUE;
    case GST_QUERY_ACCEPT_CAPS:
      gst_query_parse_accept_caps (query, &asked);
      caps = gst_pad_get_pad_template_caps (pad);
      gst_query_set_accept_caps_result (query,
          gst_caps_can_intersect (asked, caps));
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}
