/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of codecs: that each row is whole, what forms of a codec a peer may
 * offer, and how large the pictures are that a frame claims. */

#include "core/codec.h"
#include "core/frame-size.h"

static void
check_row (const MeshCodec *codec)
{
  g_assert_nonnull (codec->name);
  g_assert_true (g_str_has_prefix (codec->media_type,
          codec->kind == MESH_VIDEO ? "video/" : "audio/"));
  g_assert_true (g_str_has_prefix (codec->caps, codec->media_type));
  g_assert_nonnull (codec->decoders);
  g_assert_true (mesh_codec_for_media_type (codec->media_type) == codec);
  if (!codec->payloader) {
    g_assert_null (mesh_codec_find (codec->name));
    return;
  }
  g_assert_true (mesh_codec_find (codec->name) == codec);
  g_assert_nonnull (codec->depayloader);
  g_assert_nonnull (codec->passable);
  g_assert_nonnull (codec->encoders[0].element);
  g_assert_cmpint (codec->clock_rate, >, 0);
  for (guint i = 0; codec->encoders[i].element; i++)
    g_assert_true (!codec->encoders[i].bitrate
        || codec->encoders[i].bitrate_unit > 0);
  /* what is bounded before it is decoded is either read or parsed */
  if (codec->kind == MESH_VIDEO) {
    g_assert_true (codec->read_size || codec->parser);
    g_assert_cmpint (codec->min_side, >=, 1);
    g_assert_cmpint (codec->max_side, >, codec->min_side);
  }
  /* we take what we write */
  g_assert_true (!codec->takes || codec->takes (codec->fmtp));
}

static void
every_row_is_whole (void)
{
  guint n;
  const MeshCodec *codecs = mesh_codec_get_all (&n);

  for (guint i = 0; i < n; i++) {
    check_row (&codecs[i]);
    for (guint k = 0; k < i; k++)
      g_assert_true (!codecs[i].payloader
          || codecs[i].payload_type != codecs[k].payload_type);
  }
}

static void
names_are_those_of_sdp (void)
{
  g_autofree char *opus = mesh_codec_make_rtpmap (mesh_codec_find ("opus"));
  g_autofree char *vp8 = mesh_codec_make_rtpmap (mesh_codec_find ("vp8"));

  g_assert_cmpstr (opus, ==, "OPUS/48000/2");
  g_assert_cmpstr (vp8, ==, "VP8/90000");
  g_assert_null (mesh_codec_find ("VP"));
  g_assert_null (mesh_codec_find (NULL));
  g_assert_null (mesh_codec_for_media_type ("video/x-raw"));
}

static const struct {
  const char *codec;
  const char *fmtp;
  gboolean taken;
} forms[] = {
  { "H264", NULL, FALSE },
  { "H264", "packetization-mode=1", FALSE },
  { "H264", "packetization-mode=1;profile-level-id=42e01f", TRUE },
  { "H264", "profile-level-id=42E034; packetization-mode=1", TRUE },
  { "H264", "packetization-mode=1;profile-level-id=42001f", TRUE },
  { "H264", "packetization-mode=1;profile-level-id=42c00b", TRUE },
  { "H264", "packetization-mode=0;profile-level-id=42e01f", FALSE },
  { "H264", "packetization-mode=10;profile-level-id=42e01f", FALSE },
  { "H264", "packetization-mode=1;profile-level-id=640c1f", FALSE },
  { "H264", "packetization-mode=1;profile-level-id=", FALSE },
  { "H264", "x-packetization-mode=1;profile-level-id=42e01f", FALSE },
  { "AV1", NULL, TRUE },
  { "AV1", "level-idx=5;profile=0;tier=0", TRUE },
  { "AV1", "level-idx=8;profile=1;tier=0", FALSE },
  { "VP9", NULL, TRUE },
  { "VP9", "profile-id=0", TRUE },
  { "VP9", "max-fs=12288;max-fr=60", TRUE },
  { "VP9", "profile-id=2", FALSE },
  { "VP9", "max-fr=60; Profile-ID = 1", FALSE },
};

static void
forms_of_a_codec_are_told_apart (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    g_assert_cmpint (mesh_codec_find (forms[i].codec)->takes (forms[i].fmtp),
        ==, forms[i].taken);
}

/* --- what size a frame claims --- */

static const struct {
  gboolean (*read) (const guint8 *data, gsize size, int *width, int *height);
  guint8 data[24];
  gsize size;
  int width, height;            /* 0: none */
} frames[] = {
  { mesh_vp8_read_size, { 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0 }, 10,
      320, 240 },
  /* scaling bits are none of the size */
  { mesh_vp8_read_size, { 0x10, 2, 0, 0x9d, 1, 0x2a, 0xff, 0xff, 0xff, 0x7f },
      10, 16383, 16383 },
  { mesh_vp8_read_size, { 0x11, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0 }, 10,
      0, 0 },
  { mesh_vp8_read_size, { 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0 }, 9, 0, 0 },
  { mesh_vp8_read_size, { 0 }, 0, 0, 0 },
  /* key frames of profiles 0, 1 (4:4:4) and 2 (10 bits), as libvpx makes
   * them */
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf6,
          6 }, 10, 320, 240 },
  { mesh_vp9_read_size, { 0xa2, 0x49, 0x83, 0x42, 0x20, 0x06, 0xa8, 0x03, 0xbc,
          0xc3 }, 10, 853, 479 },
  { mesh_vp9_read_size, { 0x92, 0x49, 0x83, 0x42, 0x20, 0x9f, 0xf8, 0x2c, 0xfb,
          0x3f }, 10, 5120, 1440 },
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x42, 0x20, 0, 0, 0, 0, 6 }, 10,
      1, 1 },
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x42, 0x2f, 0xff, 0xff, 0xff, 0xff,
          0xf6 }, 10, 65536, 65536 },
  /* cut off in the size, without the sync code, of no VP9 */
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e }, 8,
      0, 0 },
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x43, 0x20, 0x13, 0xf0, 0x0e, 0xf6,
          6 }, 10, 0, 0 },
  { mesh_vp9_read_size, { 0x42, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf6,
          6 }, 10, 0, 0 },
  { mesh_vp9_read_size, { 0 }, 0, 0, 0 },
  /* a frame of the size of what it is built on; and two that are not, the
   * second of which needs none */
  { mesh_vp9_read_size, { 0x86, 0, 0x40, 0x92, 0xf0, 0xa1, 0x25, 0, 1, 0xc4 },
      10, 0, 0 },
  { mesh_vp9_read_size, { 0x86, 0, 0x40, 0, 0x27, 0xff, 0x16, 0x7f, 0x80 }, 9,
      20479, 11520 },
  { mesh_vp9_read_size, { 0x85, 0xa4, 0xc1, 0xa1, 0x7f, 0x81, 0x3f, 0x80, 0xef,
          0x80 }, 10, 640, 480 },
  /* one that is shown again */
  { mesh_vp9_read_size, { 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10, 0, 0 },
  /* two frames in one: the larger one counts */
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x42, 0x20, 0, 0, 0, 0, 6, 0x82,
          0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf6, 6, 0xc1, 10, 10,
          0xc1 }, 24, 320, 240 },
  /* an index of which a frame is larger than all */
  { mesh_vp9_read_size, { 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf6,
          6, 0xc0, 200, 0xc0 }, 13, 0, 0 },
};

static void
a_frames_size_is_read (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    /* not a byte of it may be read past its end */
    g_autofree guint8 *data = g_memdup2 (frames[i].data, frames[i].size);
    int width = 0, height = 0;

    g_assert_cmpint (frames[i].read (data, frames[i].size, &width, &height),
        ==, frames[i].width > 0);
    g_assert_cmpint (width, ==, frames[i].width);
    g_assert_cmpint (height, ==, frames[i].height);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec/every-row-is-whole", every_row_is_whole);
  g_test_add_func ("/codec/names-are-those-of-sdp", names_are_those_of_sdp);
  g_test_add_func ("/codec/forms-of-a-codec-are-told-apart",
      forms_of_a_codec_are_told_apart);
  g_test_add_func ("/codec/a-frames-size-is-read", a_frames_size_is_read);
  return g_test_run ();
}
