/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "breakable.h"

#include <gst/video/gstvideoencoder.h>

/* names of broken encoders; the names that are replaced are never freed */
static GMutex lock;
static GHashTable *broken;
static GstObject *victim;       /* no reference */

typedef struct {
  const char *name;
  GstVideoEncoderClass *real;
} Replacement;

static GQuark
replacement_quark (void)
{
  return g_quark_from_static_string ("breakable-replacement");
}

static GstFlowReturn
handle_frame (GstVideoEncoder *encoder, GstVideoCodecFrame *frame)
{
  Replacement *replacement =
      g_type_get_qdata (G_OBJECT_TYPE (encoder), replacement_quark ());
  gboolean fail;

  g_mutex_lock (&lock);
  fail = broken && g_hash_table_contains (broken, replacement->name)
      && victim && gst_object_has_as_ancestor (GST_OBJECT (encoder), victim);
  g_mutex_unlock (&lock);
  if (!fail)
    return replacement->real->handle_frame (encoder, frame);
  gst_video_codec_frame_unref (frame);
  GST_ELEMENT_ERROR (encoder, STREAM, ENCODE, ("broken by the test"), (NULL));
  return GST_FLOW_ERROR;
}

static void
class_init (gpointer klass, gpointer class_data)
{
  Replacement *replacement = class_data;

  replacement->real = g_type_class_peek_parent (klass);
  GST_VIDEO_ENCODER_CLASS (klass)->handle_frame = handle_frame;
}

void
breakable_replace (const char *name)
{
  g_autofree char *type_name = g_strdup_printf ("Breakable-%s", name);
  GstElement *element;
  Replacement *replacement;
  GTypeQuery query;
  GTypeInfo info = { 0 };
  GType type;

  /* by another test in the same process */
  if (g_type_from_name (type_name))
    return;
  element = gst_element_factory_make (name, NULL);
  g_assert_nonnull (element);
  replacement = g_new0 (Replacement, 1);
  replacement->name = g_intern_string (name);
  g_type_query (G_OBJECT_TYPE (element), &query);
  info.class_size = query.class_size;
  info.instance_size = query.instance_size;
  info.class_init = class_init;
  info.class_data = replacement;
  type = g_type_register_static (query.type, type_name, &info, 0);
  g_type_set_qdata (type, replacement_quark (), replacement);
  gst_object_unref (element);
  g_assert_true (gst_element_register (NULL, name, GST_RANK_NONE, type));
}

void
breakable_set_broken (const char *name, gboolean is_broken)
{
  g_mutex_lock (&lock);
  if (!broken)
    broken = g_hash_table_new (g_str_hash, g_str_equal);
  if (is_broken)
    g_hash_table_add (broken, (gpointer) g_intern_string (name));
  else
    g_hash_table_remove (broken, name);
  g_mutex_unlock (&lock);
}

void
breakable_set_victim (GstObject *bin)
{
  g_mutex_lock (&lock);
  victim = bin;
  g_mutex_unlock (&lock);
}
