/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/mailbox.h"

/* The room for the server's own frames beyond the limit, so that members cannot
 * keep these from a member by filling the box. */
#define EVENT_FRAMES 256
#define EVENT_BYTES (EVENT_FRAMES * 256)

struct _MeshMailbox {
  char epoch[17];
  guint max_frames;
  gsize max_bytes;

  GQueue frames;                /* GBytes, of numbers first to next - 1 */
  guint64 first;
  guint64 next;
  gsize bytes;
};

/**
 * mesh_mailbox_new:
 * @epoch: a random number, a different one for each box
 * @max_frames: the most unacknowledged messages that it holds
 * @max_bytes: the most bytes of them
 *
 * Returns: (transfer full): an empty box
 */
MeshMailbox *
mesh_mailbox_new (guint64 epoch, guint max_frames, gsize max_bytes)
{
  MeshMailbox *self = g_new0 (MeshMailbox, 1);

  g_snprintf (self->epoch, sizeof self->epoch, "%016" G_GINT64_MODIFIER "x",
      epoch);
  self->max_frames = max_frames;
  self->max_bytes = max_bytes;
  self->first = self->next = 1;
  g_queue_init (&self->frames);
  return self;
}

/**
 * mesh_mailbox_free:
 * @box: (nullable) (transfer full): a box
 */
void
mesh_mailbox_free (MeshMailbox *box)
{
  if (!box)
    return;
  g_queue_clear_full (&box->frames, (GDestroyNotify) g_bytes_unref);
  g_free (box);
}

/**
 * mesh_mailbox_get_epoch:
 * Returns: (transfer none): the box's epoch, 16 hex digits
 */
const char *
mesh_mailbox_get_epoch (MeshMailbox *box)
{
  return box->epoch;
}

/**
 * mesh_mailbox_get_next:
 * Returns: the number that the next frame gets
 */
guint64
mesh_mailbox_get_next (MeshMailbox *box)
{
  return box->next;
}

/**
 * mesh_mailbox_get_bytes:
 * Returns: how many bytes of frames it holds
 */
gsize
mesh_mailbox_get_bytes (MeshMailbox *box)
{
  return box->bytes;
}

/**
 * mesh_mailbox_push:
 * @frame: the frame, which contains the number of mesh_mailbox_get_next()
 * @event: whether the frame is the server's own
 *
 * Returns: %FALSE, and nothing is kept, when the box is full
 */
gboolean
mesh_mailbox_push (MeshMailbox *box, GBytes *frame, gboolean event)
{
  guint max_frames = box->max_frames + (event ? EVENT_FRAMES : 0);
  gsize max_bytes = box->max_bytes + (event ? EVENT_BYTES : 0);
  gsize size = g_bytes_get_size (frame);

  if (box->frames.length >= max_frames || box->bytes + size > max_bytes)
    return FALSE;
  g_queue_push_tail (&box->frames, g_bytes_ref (frame));
  box->bytes += size;
  box->next++;
  return TRUE;
}

/**
 * mesh_mailbox_ack:
 * @seq: the last number that its owner has processed
 *
 * Forgets everything up to @seq. A number that was never given out is ignored.
 */
void
mesh_mailbox_ack (MeshMailbox *box, guint64 seq)
{
  if (seq >= box->next)
    return;
  for (; box->first <= seq; box->first++) {
    GBytes *frame = g_queue_pop_head (&box->frames);

    box->bytes -= g_bytes_get_size (frame);
    g_bytes_unref (frame);
  }
}

/**
 * mesh_mailbox_can_resume:
 * @epoch: of the box that the client knows
 * @after: the last number that it has processed
 *
 * Returns: whether @box is that box, and still holds everything after @after
 */
gboolean
mesh_mailbox_can_resume (MeshMailbox *box, const char *epoch, guint64 after)
{
  return g_str_equal (box->epoch, epoch) && after + 1 >= box->first
      && after < box->next;
}

/**
 * mesh_mailbox_foreach:
 * @func: called with each frame that waits, in order
 * @user_data: for @func
 */
void
mesh_mailbox_foreach (MeshMailbox *box, MeshMailboxFunc func,
    gpointer user_data)
{
  for (GList *l = box->frames.head; l; l = l->next)
    func (l->data, user_data);
}
