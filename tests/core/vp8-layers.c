/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which losses of a layered VP8 stream matter. */

#include "core/vp8-layers.h"

static const struct {
  const char *what;
  guint8 data[8];
  gsize size;
  gboolean readable;
  MeshVp8Descriptor d;
} packets[] = {
  { "nothing", { 0 }, 0, FALSE, { FALSE, } },
  { "a start", { 0x10, 1 }, 2, TRUE, { TRUE, } },
  { "another partition's start", { 0x11, 1 }, 2, TRUE, { FALSE, } },
  { "a key frame", { 0x10, 0 }, 2, TRUE, { .start = TRUE, .key = TRUE } },
  { "a key frame behind all that may be before it",
    { 0x90, 0xf0, 0x81, 2, 7, 0x00, 0x10 }, 7, TRUE,
    { TRUE, TRUE, FALSE, 0, 7, TRUE } },
  { "more of a key frame", { 0x00, 0 }, 2, TRUE, { FALSE, } },
  { "more of a frame", { 0x00, 1 }, 2, TRUE, { FALSE, } },
  { "a short picture id", { 0x90, 0x80, 5, 1 }, 4, TRUE, { TRUE, } },
  { "no picture id where one is said", { 0x90, 0x80 }, 2, FALSE, { TRUE, } },
  { "half a picture id", { 0x90, 0x80, 0x85 }, 3, FALSE, { TRUE, } },
  { "layers", { 0x90, 0xe0, 0x81, 2, 7, 0x60, 1 }, 7, TRUE,
    { TRUE, TRUE, TRUE, 1, 7 } },
  { "layers without a picture id", { 0x90, 0x60, 9, 0x00, 1 }, 5, TRUE,
    { TRUE, TRUE, FALSE, 0, 9 } },
  { "a layer without a count", { 0x90, 0x20, 0x60, 1 }, 4, TRUE, { TRUE, } },
  { "layers cut off", { 0x90, 0xe0, 0x81, 2, 7 }, 5, FALSE, { TRUE, } },
};

static void
descriptors_are_read (gconstpointer user_data)
{
  gsize i = GPOINTER_TO_SIZE (user_data);
  g_autofree guint8 *data = g_memdup2 (packets[i].data, packets[i].size);
  const MeshVp8Descriptor *wanted = &packets[i].d;
  MeshVp8Descriptor d;

  g_assert_cmpint (mesh_vp8_descriptor_read (data, packets[i].size, &d), ==,
      packets[i].readable);
  if (!packets[i].readable)
    return;
  g_assert_cmpint (d.start, ==, wanted->start);
  g_assert_cmpint (d.has_layers, ==, wanted->has_layers);
  g_assert_cmpint (d.syncs, ==, wanted->syncs);
  g_assert_cmpint (d.layer, ==, wanted->layer);
  g_assert_cmpint (d.base, ==, wanted->base);
  g_assert_cmpint (d.key, ==, wanted->key);
}

/* Frames, two packets each, of a stream with two layers: frame i is of layer
 * i % 2, and @syncs says whether those of the upper one stand alone. */
typedef struct {
  MeshVp8Layers layers;
  gboolean syncs;
} Stream;

static MeshVp8Verdict
take (Stream *stream, guint packet, gboolean gap)
{
  guint frame = packet / 2;
  MeshVp8Descriptor d = { packet % 2 == 0, TRUE, stream->syncs && frame % 2,
    frame % 2, 250 + frame / 2 };

  return mesh_vp8_layers_take (&stream->layers, &d, gap, packet % 2);
}

/* Takes the packets up to @first, and @next after a gap. */
static MeshVp8Verdict
lose (Stream *stream, guint first, guint next)
{
  for (guint i = 0; i < first; i++) {
    MeshVp8Verdict verdict = take (stream, i, FALSE);

    g_assert_false (verdict.drop);
  }
  return take (stream, next, TRUE);
}

static void
losses_are_judged (void)
{
  static const struct {
    guint first, next;
    gboolean harmless;
  } gaps[] = {
    { 2, 3, TRUE },             /* the upper frame's start */
    { 3, 4, TRUE },             /* its end */
    { 2, 4, TRUE },             /* all of it */
    { 26, 28, TRUE },           /* the same, where the count goes round */
    { 3, 5, FALSE },            /* the next lower one's start is lost too */
    { 4, 5, FALSE },            /* a lower frame's start */
    { 5, 6, FALSE },            /* its end */
    { 4, 6, FALSE },            /* all of it */
    { 2, 8, FALSE },            /* an upper frame and a lower one */
    { 2, 6, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (gaps); i++) {
    Stream stream = { { FALSE, }, TRUE };

    g_assert_cmpint (lose (&stream, gaps[i].first, gaps[i].next).harmless, ==,
        gaps[i].harmless);
  }
}

static void
without_layers_every_loss_matters (void)
{
  MeshVp8Layers layers = { FALSE, };
  MeshVp8Descriptor d = { TRUE, };

  mesh_vp8_layers_take (&layers, &d, FALSE, TRUE);
  g_assert_false (mesh_vp8_layers_take (&layers, &d, TRUE, TRUE).harmless);
}

static void
nothing_matters_before_a_key_frame (void)
{
  MeshVp8Layers layers = { FALSE, };
  MeshVp8Descriptor d = { .start = TRUE }, key = { .start = TRUE, .key = TRUE };
  MeshVp8Verdict verdict;

  mesh_vp8_layers_take (&layers, &d, FALSE, TRUE);
  g_assert_true (mesh_vp8_layers_take (&layers, &key, TRUE, TRUE).harmless);

  /* a frame without an end, and no packet missing */
  g_assert_false (mesh_vp8_layers_take (&layers, &d, FALSE, FALSE).cut);
  verdict = mesh_vp8_layers_take (&layers, &key, FALSE, TRUE);
  g_assert_true (verdict.cut);
  g_assert_true (verdict.harmless);
  g_assert_false (mesh_vp8_layers_take (&layers, &d, FALSE, FALSE).cut);
  verdict = mesh_vp8_layers_take (&layers, &d, FALSE, TRUE);
  g_assert_true (verdict.cut);
  g_assert_false (verdict.harmless);
}

static void
an_upper_frame_that_refers_to_a_lost_one_is_dropped (void)
{
  Stream stream = { { FALSE, }, FALSE };

  g_assert_true (lose (&stream, 2, 4).harmless);
  g_assert_false (take (&stream, 5, FALSE).drop);
  g_assert_true (take (&stream, 6, FALSE).drop);
  g_assert_true (take (&stream, 7, FALSE).drop);
  g_assert_false (take (&stream, 8, FALSE).drop);
  g_assert_false (take (&stream, 9, FALSE).drop);
  stream.syncs = TRUE;
  g_assert_false (take (&stream, 10, FALSE).drop);
  stream.syncs = FALSE;
  take (&stream, 11, FALSE);
  take (&stream, 12, FALSE);
  take (&stream, 13, FALSE);
  g_assert_false (take (&stream, 14, FALSE).drop);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (packets); i++) {
    g_autofree char *path = g_strdup_printf ("/vp8-layers/%s",
        packets[i].what);

    g_test_add_data_func (path, GSIZE_TO_POINTER (i), descriptors_are_read);
  }
  g_test_add_func ("/vp8-layers/before-a-key-frame",
      nothing_matters_before_a_key_frame);
  g_test_add_func ("/vp8-layers/losses", losses_are_judged);
  g_test_add_func ("/vp8-layers/none", without_layers_every_loss_matters);
  g_test_add_func ("/vp8-layers/references",
      an_upper_frame_that_refers_to_a_lost_one_is_dropped);
  return g_test_run ();
}
