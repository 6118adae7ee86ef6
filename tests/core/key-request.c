/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a key frame is asked for. */

#include "core/key-request.h"

#define MS G_TIME_SPAN_MILLISECOND

static void
only_what_is_wanted_is_asked_for (void)
{
  MeshKeyRequest r = { FALSE, };

  g_assert_false (mesh_key_request_is_due (&r, 0, 1000 * MS));
  mesh_key_request_want (&r);
  g_assert_true (mesh_key_request_is_due (&r, 0, 1000 * MS));
  mesh_key_request_got (&r);
  g_assert_false (mesh_key_request_is_due (&r, 0, 5000 * MS));
  g_assert_cmpuint (r.asked, ==, 1);
}

static void
requests_are_merged_and_repeated (void)
{
  MeshKeyRequest r = { FALSE, };

  for (int i = 0; i < 1000; i++) {
    mesh_key_request_want (&r);
    mesh_key_request_is_due (&r, 20 * MS, (1000 + i) * MS);
  }
  /* at once, after 300 ms, and after 600 ms more */
  g_assert_cmpuint (r.asked, ==, 3);
  for (int i = 0; i < 120; i++)
    mesh_key_request_is_due (&r, 20 * MS, (2000 + 100 * i) * MS);
  g_assert_cmpuint (r.asked, ==, 3 + 10);
  mesh_key_request_got (&r);
  mesh_key_request_want (&r);
  g_assert_true (mesh_key_request_is_due (&r, 0, 20000 * MS));
  g_assert_true (mesh_key_request_is_due (&r, 0, 20300 * MS));
}

static void
a_long_path_is_given_its_time (void)
{
  MeshKeyRequest r = { FALSE, };

  mesh_key_request_want (&r);
  g_assert_true (mesh_key_request_is_due (&r, 800 * MS, 1000 * MS));
  g_assert_false (mesh_key_request_is_due (&r, 800 * MS, 1799 * MS));
  g_assert_true (mesh_key_request_is_due (&r, 800 * MS, 1800 * MS));
}

static void
a_loss_after_the_key_frame_is_another_one (void)
{
  MeshKeyRequest r = { FALSE, };

  mesh_key_request_want (&r);
  g_assert_true (mesh_key_request_is_due (&r, 0, 1000 * MS));
  mesh_key_request_got (&r);
  mesh_key_request_want (&r);
  g_assert_true (mesh_key_request_is_due (&r, 0, 1001 * MS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/key-request/wanted", only_what_is_wanted_is_asked_for);
  g_test_add_func ("/key-request/merged", requests_are_merged_and_repeated);
  g_test_add_func ("/key-request/long-path", a_long_path_is_given_its_time);
  g_test_add_func ("/key-request/anew",
      a_loss_after_the_key_frame_is_another_one);
  return g_test_run ();
}
