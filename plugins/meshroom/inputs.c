/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes the room a sink of the pipeline that feeds it: it posts EOS at a file's
 * end, and passes seeks to the file's source. */

#include "meshroom/meshroom.h"

/* An input that is not live, so that a seek makes sense. */
typedef struct {
  MeshSource *source;
  GstPad *pad;
  gboolean had_ended;
} Seekable;

static void
seekable_clear (gpointer data)
{
  Seekable *seekable = data;

  gst_object_unref (seekable->pad);
  mesh_source_unref (seekable->source);
}

/* Returns: (transfer full): the inputs that are not live, video first */
static GArray *
list_seekable (MeshMeshroom *self)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (Seekable));

  g_array_set_clear_func (list, seekable_clear);
  for (int i = MESH_N_KINDS - 1; i >= 0; i--) {
    Seekable seekable = { 0 };

    g_mutex_lock (&self->lock);
    if (self->sources[i])
      seekable.source = mesh_source_ref (self->sources[i]);
    if (seekable.source)
      seekable.pad = gst_object_ref (mesh_source_get_pad (seekable.source));
    g_mutex_unlock (&self->lock);
    if (!seekable.source)
      continue;
    seekable.had_ended = mesh_source_has_ended (seekable.source);
    if (gst_pad_is_linked (seekable.pad)
        && !mesh_source_is_live (seekable.source))
      g_array_append_val (list, seekable);
    else
      seekable_clear (&seekable);
  }
  return list;
}

/* Returns: whether there were inputs, and all have ended. A pad to which
 * nothing has come does not count: it may be for the sound of a file that has
 * none. */
static gboolean
have_all_ended_locked (MeshMeshroom *self)
{
  gboolean any = FALSE, all = TRUE;

  for (guint i = 0; i < MESH_N_KINDS; i++) {
    MeshSource *source = self->sources[i];

    if (!source || !gst_pad_is_linked (mesh_source_get_pad (source))
        || !mesh_source_has_begun (source))
      continue;
    if (mesh_source_has_ended (source))
      any = TRUE;
    else
      all = FALSE;
  }
  return any && all;
}

/**
 * mesh_meshroom_input_ended:
 * @source: one of its sources
 *
 * Tells the application that the input has been played to its end, and posts
 * EOS once all inputs have ended, as any sink does. The call goes on.
 */
void
mesh_meshroom_input_ended (MeshMeshroom *self, MeshSource *source)
{
  GstObject *room = GST_OBJECT (self);
  GstStructure *structure = gst_structure_new ("meshroom-input-ended", "pad",
      G_TYPE_STRING, GST_OBJECT_NAME (mesh_source_get_pad (source)), NULL);
  GstMessage *message = gst_message_new_element (room, structure);
  GstMessage *eos = gst_message_new_eos (room);

  /* The messages are queued under the lock, so that the EOS comes once, and
   * after all others, when two inputs end at the same moment. */
  g_mutex_lock (&self->lock);
  mesh_source_set_ended (source, TRUE);
  if (self->notifier) {
    mesh_notifier_post_message (self->notifier, g_steal_pointer (&message));
    if (have_all_ended_locked (self))
      mesh_notifier_post_message (self->notifier, g_steal_pointer (&eos));
  }
  g_mutex_unlock (&self->lock);
  gst_clear_message (&message);
  gst_clear_message (&eos);
}

/**
 * mesh_meshroom_seek:
 * @event: (transfer full): a seek
 *
 * Seeks in the inputs that are not live.
 *
 * Returns: whether an element upstream has handled the seek
 */
gboolean
mesh_meshroom_seek (MeshMeshroom *self, GstEvent *event)
{
  g_autoptr (GArray) list = list_seekable (self);
  gboolean done = FALSE;

  /* No input counts as ended until all have been asked, since the first one may
   * be at its end again by then. */
  for (guint i = 0; i < list->len; i++)
    mesh_source_set_ended (g_array_index (list, Seekable, i).source, FALSE);
  for (guint i = 0; i < list->len; i++) {
    Seekable *seekable = &g_array_index (list, Seekable, i);

    if (gst_pad_push_event (seekable->pad, gst_event_ref (event)))
      done = TRUE;
    else if (seekable->had_ended)
      mesh_source_set_ended (seekable->source, TRUE);
  }
  gst_event_unref (event);
  return done;
}

static gboolean
ask (Seekable *seekable, GstQuery *query)
{
  GstFormat format;
  gint64 position;

  if (GST_QUERY_TYPE (query) != GST_QUERY_POSITION)
    return gst_pad_peer_query (seekable->pad, query);
  gst_query_parse_position (query, &format, NULL);
  if (format != GST_FORMAT_TIME
      || !mesh_source_get_position (seekable->source, &position))
    return gst_pad_peer_query (seekable->pad, query);
  gst_query_set_position (query, format, position);
  return TRUE;
}

/**
 * mesh_meshroom_answer:
 * @query: a query of the pipeline to its sinks
 * @answered: (out): whether there is an answer
 *
 * Answers queries about the inputs. The room's source pads answer for their
 * latency themselves.
 *
 * Returns: whether @query is one about the inputs
 */
gboolean
mesh_meshroom_answer (MeshMeshroom *self, GstQuery *query, gboolean *answered)
{
  g_autoptr (GArray) list = NULL;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
      *answered = TRUE;
      return TRUE;
    case GST_QUERY_POSITION:
    case GST_QUERY_DURATION:
    case GST_QUERY_SEEKING:
      break;
    default:
      return FALSE;
  }
  list = list_seekable (self);
  *answered = FALSE;
  for (guint i = 0; i < list->len && !*answered; i++)
    *answered = ask (&g_array_index (list, Seekable, i), query);
  return TRUE;
}
