/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of a source, and what its other files use: references, warnings, and
 * how an element of it is taken down. */

#include "meshroom/source-private.h"

/* Posts a warning about the stream. The call goes on with its other streams. */
void
mesh_source_warn (MeshSource *self, const char *format, ...)
{
  g_autofree char *what = NULL;
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  text = g_strdup_printf ("the stream on %s: %s", GST_OBJECT_NAME (self->pad),
      what);
  self->events->warning (self, text, self->user_data);
}

/* Returns: whether @codec can be sent to peers */
gboolean
mesh_source_speaks (MeshSource *self, const MeshCodec *codec)
{
  return mesh_codec_is_spoken (codec) && (codec->kind == MESH_AUDIO
      || self->events->speaks (self, codec, self->user_data));
}

/* Takes an element down and out of the room. */
void
mesh_source_shut_down (MeshSource *self, GstElement *element)
{
  if (MESH_IS_COMPARTMENT (element))
    mesh_compartment_abandon (MESH_COMPARTMENT (element));
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  /* a room that is being finalised has let go of its children */
  if (GST_OBJECT_PARENT (element) == GST_OBJECT (self->room))
    gst_bin_remove (self->room, element);
}

/**
 * mesh_source_ref:
 *
 * A reference is needed by whoever asks the source for a fan-out, or has a
 * branch of one.
 *
 * Returns: (transfer full): @source
 */
MeshSource *
mesh_source_ref (MeshSource *source)
{
  g_atomic_ref_count_inc (&source->refs);
  return source;
}

/**
 * mesh_source_stop:
 *
 * Takes all elements down and out of the room, so that the next stream may be
 * of another format. No branch may be left on any fan-out.
 */
void
mesh_source_stop (MeshSource *source)
{
  g_autoptr (GPtrArray) elements = NULL;
  MeshIntake *intake;

  gst_ghost_pad_set_target (GST_GHOST_PAD (source->pad), NULL);
  g_mutex_lock (&source->lock);
  elements = g_steal_pointer (&source->elements);
  source->elements = g_ptr_array_new_with_free_func (gst_object_unref);
  intake = g_steal_pointer (&source->intake);
  g_ptr_array_set_size (source->encodings, 0);
  source->tee = NULL;
  source->parser = NULL;
  source->decoder = NULL;
  source->input = NULL;
  source->failures = 0;
  gst_clear_caps (&source->caps);
  source->expected = NULL;
  source->hidden = FALSE;
  g_mutex_unlock (&source->lock);

  g_atomic_int_set (&source->ended, FALSE);
  if (intake)
    mesh_intake_stop (intake);
  mesh_intake_free (intake);
  for (guint i = 0; i < elements->len; i++)
    mesh_source_shut_down (source, g_ptr_array_index (elements, i));
}

/**
 * mesh_source_unref:
 * @source: (nullable) (transfer full): the source; at the last reference its
 *   pad is off the room, and no branch is left on any fan-out
 *
 * The last reference takes the elements down, which may take a moment.
 */
void
mesh_source_unref (MeshSource *source)
{
  if (!source || !g_atomic_ref_count_dec (&source->refs))
    return;
  mesh_source_stop (source);
  gst_clear_caps (&source->caps);
  mesh_intake_free (source->intake);
  mesh_timeline_unref (source->timeline);
  g_ptr_array_unref (source->encodings);
  g_ptr_array_unref (source->elements);
  gst_object_unref (source->pad);
  g_mutex_clear (&source->lock);
  g_free (source);
}
