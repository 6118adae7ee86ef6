/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits the bit rate of the encoders in a call's pipeline. */

#include "call-private.h"

/* Returns the limit in the encoder's unit: libvpx counts in bit/s, x264 in
 * kbit/s. */
static guint
get_limit (MeshObsCall *self, GObject *encoder)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (encoder);
  guint limit;

  g_mutex_lock (&self->lock);
  limit = self->bitrate;
  g_mutex_unlock (&self->lock);
  return g_object_class_find_property (klass, "vbv-buf-capacity")
      ? (limit + 999) / 1000 : limit;
}

/* The property is an int in libvpx' encoders, and unsigned in others. */
static guint
read_bitrate (GObject *encoder, GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_auto (GValue) number = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  g_value_init (&number, G_TYPE_UINT);
  g_object_get_property (encoder, pspec->name, &value);
  return g_value_transform (&value, &number) ? g_value_get_uint (&number) : 0;
}

/* meshroom sets the bit rate by the picture's size, whenever that changes. A
 * value above the limit is lowered here. The change notifies once more, and is
 * then within the limit. */
static void
on_bitrate (GObject *encoder, GParamSpec *pspec, gpointer user_data)
{
  MeshObsCall *self = user_data;
  guint limit = get_limit (self, encoder);

  if (limit > 0 && read_bitrate (encoder, pspec) > limit)
    g_object_set (encoder, pspec->name, limit, NULL);
}

static void
on_element_added (GstBin *bin, GstBin *sub, GstElement *element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *property = "target-bitrate";
  g_autofree char *signal = NULL;

  if (!factory || !gst_element_factory_list_is_type (factory,
          GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER))
    return;
  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (element), property))
    property = "bitrate";
  if (!g_object_class_find_property (G_OBJECT_GET_CLASS (element), property))
    return;
  signal = g_strconcat ("notify::", property, NULL);
  g_signal_connect_data (element, signal, G_CALLBACK (on_bitrate),
      mesh_obs_call_ref (user_data),
      (GClosureNotify) (GCallback) mesh_obs_call_unref, 0);
}

/* Called on the runner's thread, before the pipeline starts. */
void
mesh_obs_call_watch_encoders (MeshObsCall *self, GstElement *pipeline)
{
  g_signal_connect (pipeline, "deep-element-added",
      G_CALLBACK (on_element_added), self);
}
