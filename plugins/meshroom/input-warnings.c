/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Warns the application of encoded video that is not as every peer needs it:
 * the call goes on, but at a price, which settings of the encoder avoid. */

#include "meshroom/source-private.h"

/* @caps: what comes in, and cannot be passed on for every peer
 * @passes: whether it is passed on all the same */
void
mesh_source_explain (MeshSource *self, const GstCaps *caps, gboolean passes)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const char *profile = gst_structure_get_string (s, "profile");
  const char *name = self->input->name;
  int width = 0, height = 0;

  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  if (passes)
    mesh_source_warn (self, "not every peer can decode this form of %s, and no "
        "decoder is installed to have it encoded again (one of: %s)", name,
        self->input->decoders);
  else if (!mesh_codec_is_spoken (self->input))
    mesh_source_warn (self, "peers speak no %s: it is decoded and encoded "
        "again, which costs processor time and quality. Give one of "
        "video-codecs, or raw video", name);
  else if (!self->spoken)
    mesh_source_warn (self, "video-codecs does not name %s: it is decoded and "
        "encoded again, which costs processor time and quality. Name it there, "
        "or give raw video", name);
  else if ((gint64) width * height > MESH_MAX_PIXELS)
    mesh_source_warn (self, "%s of %dx%d is larger than peers take (%d pixels):"
        " it is decoded, scaled down and encoded again", name, width, height,
        MESH_MAX_PIXELS);
  else if (profile && self->input->advice)
    mesh_source_warn (self, "not every peer can decode %s in profile %s: it is "
        "decoded and encoded again, which costs processor time and quality. "
        "%s", name, profile, self->input->advice);
  else
    mesh_source_warn (self, "not every peer can decode this form of %s: it is "
        "decoded and encoded again", name);
}

/* Newcomers see nothing of a stream that is passed on before its next key
 * frame, and only the application's encoder can make one. */
void
mesh_source_on_starved (gint64 waited, gpointer user_data)
{
  MeshSource *self = user_data;
  gboolean tell;

  g_mutex_lock (&self->lock);
  tell = self->input && !self->tee && !self->told_starved;
  self->told_starved |= tell;
  g_mutex_unlock (&self->lock);
  if (tell)
    mesh_source_warn (self, "somebody has waited %d s for a key frame: what "
        "encodes it makes none when asked (it is a file, or far away), so "
        "whoever comes waits for the next in the dark. Have one made at least "
        "every 2 s (key-int-max of x264enc, keyframe-max-dist of vp8enc, "
        "gop-size of others), or give raw video", (int) (waited
            / G_TIME_SPAN_SECOND));
}
