/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Has a source's encoders prepare for the loss that peers report: Opus repeats
 * in each packet what was in the one before, as far as losses make it worth the
 * bits. */

#include "meshroom/source-private.h"

static void
set_if_it_can (const GValue *item, gpointer user_data)
{
  GObject *element = g_value_get_object (item);

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element),
          "packet-loss-percentage"))
    g_object_set (element, "packet-loss-percentage",
        GPOINTER_TO_INT (user_data), NULL);
}

/* Sets the encoder in @compartment, (transfer none), to the loss that is known;
 * for an encoder that begins. */
void
mesh_source_apply_loss (MeshSource *self, MeshCompartment *compartment)
{
  GstIterator *elements;
  int percent;

  g_mutex_lock (&self->lock);
  percent = self->redundancy.percent;
  g_mutex_unlock (&self->lock);
  if (percent < 0)
    return;
  elements = gst_bin_iterate_elements (GST_BIN (compartment));
  while (gst_iterator_foreach (elements, set_if_it_can,
          GINT_TO_POINTER (percent)) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (elements);
  gst_iterator_free (elements);
}

/**
 * mesh_source_set_loss:
 * @loss: the part of the source's packets that a peer reports as lost, 0 to 1
 *
 * The encoder, which all peers share, follows the worst of the reports of all
 * peers. Any thread; never blocks for long.
 *
 * Since: 0.1
 */
void
mesh_source_set_loss (MeshSource *source, double loss)
{
  g_autoptr (GPtrArray) compartments =
      g_ptr_array_new_with_free_func (gst_object_unref);
  gboolean changed;

  g_mutex_lock (&source->lock);
  changed = mesh_redundancy_take (&source->redundancy, loss,
      g_get_monotonic_time ());
  for (guint i = 0; changed && i < source->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (source->encodings, i);

    /* sound has one rung */
    if (encoding->rungs[0].compartment)
      g_ptr_array_add (compartments,
          gst_object_ref (encoding->rungs[0].compartment));
  }
  g_mutex_unlock (&source->lock);
  for (guint i = 0; i < compartments->len; i++)
    mesh_source_apply_loss (source, g_ptr_array_index (compartments, i));
}
