/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/mailbox.h"

#define EPOCH "00000000000000ab"

static GBytes *
frame (const char *text)
{
  return g_bytes_new_static (text, strlen (text));
}

static gboolean
push (MeshMailbox *box, const char *text, gboolean event)
{
  g_autoptr (GBytes) bytes = frame (text);

  return mesh_mailbox_push (box, bytes, event);
}

static void
append (GBytes *bytes, gpointer user_data)
{
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size);

  g_string_append_len (user_data, text, size);
}

static void
assert_holds (MeshMailbox *box, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  mesh_mailbox_foreach (box, append, text);
  g_assert_cmpstr (text->str, ==, expected);
  g_assert_cmpuint (mesh_mailbox_get_bytes (box), ==, text->len);
}

static void
numbers_rise_from_one (void)
{
  g_autoptr (MeshMailbox) box = mesh_mailbox_new (0xab, 10, 100);

  g_assert_cmpstr (mesh_mailbox_get_epoch (box), ==, EPOCH);
  g_assert_cmpuint (mesh_mailbox_get_next (box), ==, 1);
  g_assert_true (push (box, "a", FALSE));
  g_assert_true (push (box, "b", TRUE));
  g_assert_cmpuint (mesh_mailbox_get_next (box), ==, 3);
  assert_holds (box, "ab");
}

static void
acknowledged_is_forgotten (void)
{
  g_autoptr (MeshMailbox) box = mesh_mailbox_new (0xab, 10, 100);

  push (box, "a", FALSE);
  push (box, "b", FALSE);
  push (box, "c", FALSE);
  mesh_mailbox_ack (box, 2);
  assert_holds (box, "c");
  mesh_mailbox_ack (box, 1);    /* again, late */
  assert_holds (box, "c");
  mesh_mailbox_ack (box, 4);    /* never given out */
  assert_holds (box, "c");
  mesh_mailbox_ack (box, G_MAXUINT64);
  assert_holds (box, "c");
  mesh_mailbox_ack (box, 3);
  assert_holds (box, "");
  g_assert_cmpuint (mesh_mailbox_get_next (box), ==, 4);
}

static void
resumes_only_where_nothing_is_missing (void)
{
  static const struct {
    const char *epoch;
    guint64 after;
    gboolean expected;
  } cases[] = {
    { EPOCH, 0, FALSE },        /* 1 is forgotten */
    { EPOCH, 1, TRUE },
    { EPOCH, 2, TRUE },
    { EPOCH, 3, TRUE },
    { EPOCH, 4, FALSE },        /* not given out yet */
    { EPOCH, G_MAXUINT64 >> 11, FALSE },
    { "00000000000000ac", 2, FALSE },
    { "", 2, FALSE },
  };
  g_autoptr (MeshMailbox) box = mesh_mailbox_new (0xab, 10, 100);

  push (box, "a", FALSE);
  push (box, "b", FALSE);
  push (box, "c", FALSE);
  mesh_mailbox_ack (box, 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (mesh_mailbox_can_resume (box, cases[i].epoch,
            cases[i].after), ==, cases[i].expected);
}

static void
a_new_box_resumes_from_nothing (void)
{
  g_autoptr (MeshMailbox) box = mesh_mailbox_new (0xab, 10, 100);

  g_assert_true (mesh_mailbox_can_resume (box, EPOCH, 0));
  g_assert_false (mesh_mailbox_can_resume (box, EPOCH, 1));
}

static void
full_by_frames_or_bytes (void)
{
  g_autoptr (MeshMailbox) few = mesh_mailbox_new (1, 2, 100);
  g_autoptr (MeshMailbox) small = mesh_mailbox_new (1, 100, 4);

  g_assert_true (push (few, "a", FALSE));
  g_assert_true (push (few, "b", FALSE));
  g_assert_false (push (few, "c", FALSE));
  g_assert_true (push (few, "e", TRUE));        /* events have room still */
  assert_holds (few, "abe");
  g_assert_cmpuint (mesh_mailbox_get_next (few), ==, 4);

  g_assert_true (push (small, "abcd", FALSE));
  g_assert_false (push (small, "e", FALSE));
  mesh_mailbox_ack (small, 1);
  g_assert_true (push (small, "e", FALSE));
}

static void
events_have_an_end_too (void)
{
  g_autoptr (MeshMailbox) box = mesh_mailbox_new (1, 2, 100);
  guint n = 0;

  while (push (box, "e", TRUE))
    g_assert_cmpuint (n++, <, 10000);
  g_assert_cmpuint (n, >, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/mailbox/" #name, name)
  ADD (numbers_rise_from_one);
  ADD (acknowledged_is_forgotten);
  ADD (resumes_only_where_nothing_is_missing);
  ADD (a_new_box_resumes_from_nothing);
  ADD (full_by_frames_or_bytes);
  ADD (events_have_an_end_too);
  return g_test_run ();
}
