/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/vp8-layers.h"

/* Returns: the size of the picture id at @at, 0 where it is cut off */
static gsize
get_picture_id_size (const guint8 *data, gsize size, gsize at)
{
  gsize n = at < size && data[at] & 0x80 ? 2 : 1;

  return at + n <= size ? n : 0;
}

/**
 * mesh_vp8_descriptor_read:
 * @data: (array length=size): the payload of a packet
 * @descriptor: (out): what stands before the frame's bytes
 *
 * Returns: whether it could be read
 */
gboolean
mesh_vp8_descriptor_read (const guint8 *data, gsize size,
    MeshVp8Descriptor *descriptor)
{
  gsize at = 1;
  guint8 flags;

  *descriptor = (MeshVp8Descriptor) { FALSE, };
  if (size < 2)
    return FALSE;
  descriptor->start = (data[0] & 0x17) == 0x10;
  flags = data[0] & 0x80 ? data[at++] : 0;
  if (flags & 0x80) {
    gsize n = get_picture_id_size (data, size, at);

    if (n == 0)
      return FALSE;
    at += n;
  }
  if ((flags & 0x60) == 0x60) {
    if (at + 2 > size)
      return FALSE;
    descriptor->has_layers = TRUE;
    descriptor->base = data[at];
    descriptor->layer = data[at + 1] >> 6;
    descriptor->syncs = (data[at + 1] & 0x20) != 0;
  }
  at += (flags & 0x40) != 0;
  at += (flags & 0x30) != 0;
  /* RFC 6386 §9.1: the first bit of a key frame is 0 */
  descriptor->key = descriptor->start && at < size && !(data[at] & 1);
  return TRUE;
}

/* Whether the packets that are missing before the present one were all of upper
 * layers, or of older frames than the last whole one of the lowest layer. */
static gboolean
is_harmless (const MeshVp8Layers *self, const MeshVp8Descriptor *d)
{
  if (d->key)
    return TRUE;
  if (!self->known || !d->has_layers)
    return FALSE;
  if (d->layer > 0)
    return d->base == self->base;
  return d->start && d->base == (guint8) (self->base + 1);
}

/**
 * mesh_vp8_layers_take:
 * @descriptor: of the next packet
 * @gap: whether packets before it are missing
 * @marker: whether it is the last one of its frame
 *
 * Returns: what a gap before the packet means, and what is to be done with the
 *   packet's frame
 */
MeshVp8Verdict
mesh_vp8_layers_take (MeshVp8Layers *self, const MeshVp8Descriptor *d,
    gboolean gap, gboolean marker)
{
  MeshVp8Verdict verdict = { .cut = !gap && d->start && self->open };

  if (gap || verdict.cut) {
    verdict.harmless = is_harmless (self, d);
    self->broken = verdict.harmless && !d->key;
    self->whole = FALSE;
  }
  self->open = !marker;
  if (d->start)
    self->whole = TRUE;
  if (d->has_layers && d->layer > 0 && d->start && d->syncs)
    self->broken = FALSE;
  verdict.drop = self->broken && d->has_layers && d->layer > 0;
  if (marker && self->whole && d->has_layers && d->layer == 0) {
    self->known = TRUE;
    self->base = d->base;
  }
  return verdict;
}
