/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/codec-elements.h"

#include <string.h>

#include "core/error.h"

static gboolean
is_installed (const char *description)
{
  g_autofree char *name =
      g_strndup (description, strcspn (description, " "));
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);

  return factory != NULL;
}

/* Returns: (transfer full) (nullable): the first of "a x=1|b y=2" whose element
 * exists */
static char *
find_installed (const char *descriptions)
{
  g_auto (GStrv) list = g_strsplit (descriptions, "|", -1);

  for (guint i = 0; list[i]; i++) {
    if (is_installed (list[i]))
      return g_strdup (list[i]);
  }
  return NULL;
}

/**
 * mesh_codec_for_caps:
 * @caps: caps of an encoded stream, the first of which count
 *
 * Returns: (nullable): the codec of @caps; it may be one that is not spoken
 *   between peers
 */
const MeshCodec *
mesh_codec_for_caps (const GstCaps *caps)
{
  return mesh_codec_for_media_type (gst_structure_get_name
      (gst_caps_get_structure (caps, 0)));
}

/**
 * mesh_codec_is_spoken:
 * Returns: whether @codec is one that peers speak, and all is installed here
 *   that puts it into RTP and takes it out again
 */
gboolean
mesh_codec_is_spoken (const MeshCodec *codec)
{
  g_autofree char *missing = mesh_codec_dup_missing (codec, FALSE, FALSE);

  return codec->payloader && !missing;
}

static void
add_missing (GString *list, const char *description)
{
  if (description && !is_installed (description))
    g_string_append_printf (list, "%s%.*s", list->len > 0 ? ", " : "",
        (int) strcspn (description, " "), description);
}

/**
 * mesh_codec_dup_missing:
 * @sends: whether it is to be encoded
 * @decodes: whether it is to be decoded
 *
 * Returns: (transfer full) (nullable): the elements that are not installed, and
 *   without which @codec cannot be spoken; of alternatives the best one
 */
char *
mesh_codec_dup_missing (const MeshCodec *codec, gboolean sends,
    gboolean decodes)
{
  g_autoptr (GString) list = g_string_new (NULL);

  add_missing (list, codec->payloader);
  add_missing (list, codec->splitter);
  add_missing (list, codec->depayloader);
  add_missing (list, codec->parser);
  if (sends && !mesh_codec_can_send (codec))
    add_missing (list, codec->encoders[0].element);
  if (decodes && !mesh_codec_can_receive (codec)) {
    g_auto (GStrv) decoders = g_strsplit (codec->decoders, "|", -1);

    add_missing (list, decoders[0]);
  }
  return list->len > 0 ? g_strdup (list->str) : NULL;
}

/**
 * mesh_codec_can_send:
 * Returns: whether there is an encoder for @codec here
 */
gboolean
mesh_codec_can_send (const MeshCodec *codec)
{
  return mesh_codec_count_encoders (codec) > 0;
}

/**
 * mesh_codec_can_receive:
 * Returns: whether there is a decoder for @codec here
 */
gboolean
mesh_codec_can_receive (const MeshCodec *codec)
{
  g_autofree char *found = find_installed (codec->decoders);

  return found != NULL;
}

/**
 * mesh_codec_passes:
 * @caps: caps of a stream in @codec
 *
 * Returns: whether the stream can be handed to peers as it is: in a profile
 *   that all of them decode, and not larger than they take
 */
gboolean
mesh_codec_passes (const MeshCodec *codec, const GstCaps *caps)
{
  g_autoptr (GstCaps) passable =
      gst_caps_from_string (codec->passable ? codec->passable : "EMPTY");
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int width = 0, height = 0;

  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  return gst_caps_can_intersect (caps, passable)
      && (gint64) width * height <= MESH_MAX_PIXELS;
}

static GstElement *
make (const char *description, GError **error)
{
  return gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS,
      error);
}

static void
set_not_installed (GError **error, const char *descriptions)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
      "none of these elements is installed: %s", descriptions);
}

/**
 * mesh_codec_make:
 * @descriptions: elements with their properties as gst-launch reads them, '|'
 *   between alternatives
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer floating) (nullable): the first element that is installed
 */
GstElement *
mesh_codec_make (const char *descriptions, GError **error)
{
  g_autofree char *description = find_installed (descriptions);

  if (description)
    return make (description, error);
  set_not_installed (error, descriptions);
  return NULL;
}

/**
 * mesh_codec_count_encoders:
 * Returns: how many of its encoders are installed
 */
guint
mesh_codec_count_encoders (const MeshCodec *codec)
{
  guint n = 0;

  for (guint i = 0; codec->encoders[i].element; i++)
    n += is_installed (codec->encoders[i].element);
  return n;
}

/**
 * mesh_codec_find_encoder:
 * @n: which of its encoders that are installed, from 0
 *
 * Returns: (nullable): what the table says of it
 */
const MeshCodecEncoder *
mesh_codec_find_encoder (const MeshCodec *codec, guint n)
{
  for (guint i = 0; codec->encoders[i].element; i++) {
    if (is_installed (codec->encoders[i].element) && n-- == 0)
      return &codec->encoders[i];
  }
  return NULL;
}

/**
 * mesh_codec_make_encoder:
 * @n: which of its encoders that are installed, from 0
 * @encoder: (out): what the table says of it
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer floating) (nullable): the element
 */
GstElement *
mesh_codec_make_encoder (const MeshCodec *codec, guint n,
    const MeshCodecEncoder **encoder, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  *encoder = mesh_codec_find_encoder (codec, n);
  if (*encoder)
    return make ((*encoder)->element, error);
  for (guint i = 0; codec->encoders[i].element; i++)
    g_string_append_printf (names, "%s%s", i ? "|" : "",
        codec->encoders[i].element);
  set_not_installed (error, names->str);
  return NULL;
}
