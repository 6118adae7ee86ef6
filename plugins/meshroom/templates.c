/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Adds the templates of the room's pads, with the codecs of the table. */

#include "meshroom/meshroom.h"

#define SIGNAL_CAPS "application/x-mesh-signal"

static GstStaticPadTemplate signal_templates[] = {
  GST_STATIC_PAD_TEMPLATE ("signal_sink", GST_PAD_SINK, GST_PAD_REQUEST,
      GST_STATIC_CAPS (SIGNAL_CAPS)),
  GST_STATIC_PAD_TEMPLATE ("signal_src", GST_PAD_SRC, GST_PAD_REQUEST,
      GST_STATIC_CAPS (SIGNAL_CAPS)),
};

/* Sink pads take every codec of the table. A codec that peers do not speak is
 * decoded, and no source pad has it. */
static void
add_media_template (GstElementClass *klass, const char *name, MeshKind kind,
    GstPadDirection direction)
{
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (kind == MESH_VIDEO
      ? "video/x-raw" : "audio/x-raw");
  guint n;
  const MeshCodec *codecs = mesh_codec_get_all (&n);

  for (guint i = 0; i < n; i++) {
    if (codecs[i].kind == kind
        && (codecs[i].payloader || direction == GST_PAD_SINK))
      gst_caps_append (caps, gst_caps_new_empty_simple (codecs[i].media_type));
  }
  gst_element_class_add_pad_template (klass, gst_pad_template_new (name,
          direction, direction == GST_PAD_SINK ? GST_PAD_REQUEST
          : GST_PAD_SOMETIMES, caps));
}

/**
 * mesh_meshroom_add_templates:
 * @klass: the room's class
 */
void
mesh_meshroom_add_templates (GstElementClass *klass)
{
  add_media_template (klass, "audio_sink", MESH_AUDIO, GST_PAD_SINK);
  add_media_template (klass, "video_sink", MESH_VIDEO, GST_PAD_SINK);
  for (guint i = 0; i < G_N_ELEMENTS (signal_templates); i++)
    gst_element_class_add_static_pad_template (klass, &signal_templates[i]);
  add_media_template (klass, "audio_%u", MESH_AUDIO, GST_PAD_SRC);
  add_media_template (klass, "video_%u", MESH_VIDEO, GST_PAD_SRC);
}
