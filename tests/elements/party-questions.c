/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What tests ask about a party. All but party_count_elements() is asked under
 * party_lock. */

#include "party.h"

Stream *
party_stream (Party *party, const char *name)
{
  for (guint i = 0; i < party->streams->len; i++) {
    Stream *stream = g_ptr_array_index (party->streams, i);

    if (!stream->gone && g_str_equal (stream->name, name))
      return stream;
  }
  return NULL;
}

/* Returns: the live stream of @peer, once its event has said whose it is */
Stream *
party_stream_of (Party *party, const char *peer, gboolean video)
{
  for (guint i = 0; i < party->streams->len; i++) {
    Stream *stream = g_ptr_array_index (party->streams, i);

    if (!stream->gone && stream->is_video == video && stream->peer
        && g_strcmp0 (gst_structure_get_string (stream->peer, "peer-id"),
            peer) == 0)
      return stream;
  }
  return NULL;
}

/* @colour: as in the PARTY_ colours */
gboolean
party_sees (Party *party, const char *peer, const char *colour)
{
  Stream *stream = party_stream_of (party, peer, TRUE);
  guint64 argb = g_ascii_strtoull (colour, NULL, 16);

  if (!stream || stream->frames == 0)
    return FALSE;
  for (guint i = 0; i < 3; i++) {
    int wanted = (argb >> (16 - 8 * i)) & 0xff;

    if (ABS (stream->rgb[i] - wanted) > 32)
      return FALSE;
  }
  return TRUE;
}

gboolean
party_hears (Party *party, const char *peer, guint hz)
{
  Stream *stream = party_stream_of (party, peer, FALSE);

  return stream && stream->hz == hz;
}

/* Whether the property "peers" has @value as @field of @peer, as text. */
gboolean
party_knows (Party *party, const char *peer, const char *field,
    const char *value)
{
  g_auto (GValue) peers = G_VALUE_INIT;

  g_object_get_property (G_OBJECT (party->room), "peers", &peers);
  for (guint i = 0; i < gst_value_array_get_size (&peers); i++) {
    const GstStructure *s =
        gst_value_get_structure (gst_value_array_get_value (&peers, i));
    const GValue *found = gst_structure_get_value (s, field);
    g_autofree char *text = NULL;

    if (g_strcmp0 (gst_structure_get_string (s, "peer-id"), peer) != 0
        || !found)
      continue;
    text = G_VALUE_HOLDS_STRING (found) ? g_value_dup_string (found)
        : gst_value_serialize (found);
    return g_strcmp0 (text, value) == 0;
  }
  return FALSE;
}

gboolean
party_has (GPtrArray *texts, const char *prefix)
{
  for (guint i = 0; i < texts->len; i++) {
    if (g_str_has_prefix (texts->pdata[i], prefix))
      return TRUE;
  }
  return FALSE;
}

/* Returns: the element message @name about @peer */
const GstStructure *
party_message (Party *party, const char *name, const char *peer)
{
  for (guint i = 0; i < party->messages->len; i++) {
    const GstStructure *s = party->messages->pdata[i];

    if (gst_structure_has_name (s, name)
        && g_strcmp0 (gst_structure_get_string (s, "peer-id"), peer) == 0)
      return s;
  }
  return NULL;
}

/* How many elements of @factory there are in @party's room. */
guint
party_count_elements (Party *party, const char *factory)
{
  g_autoptr (GstIterator) iterator =
      gst_bin_iterate_all_by_element_factory_name (GST_BIN (party->room),
      factory);
  g_auto (GValue) item = G_VALUE_INIT;
  guint n = 0;

  while (gst_iterator_next (iterator, &item) == GST_ITERATOR_OK) {
    g_value_unset (&item);
    n++;
  }
  return n;
}
