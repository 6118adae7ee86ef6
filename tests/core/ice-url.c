/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* STUN and TURN servers, however they are spelled. */

#include "core/ice-url.h"

#include <string.h>

#include "core/error.h"
#include "vectors.h"

static JsonObject *vectors;

static const char *
get (JsonObject *entry, const char *name)
{
  return json_object_has_member (entry, name)
      ? json_object_get_string_member (entry, name) : NULL;
}

static void
every_usual_spelling_is_taken (void)
{
  JsonArray *entries = json_object_get_array_member (vectors, "taken");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshIceUrl) url = mesh_ice_url_parse (get (entry, "text"),
        &error);
    g_autofree char *web = NULL, *gst = NULL;

    g_test_message ("%s", get (entry, "text"));
    g_assert_no_error (error);
    web = mesh_ice_url_to_web (url);
    gst = mesh_ice_url_to_gst (url);
    g_assert_cmpstr (web, ==, get (entry, "web"));
    g_assert_cmpstr (gst, ==, get (entry, "gst"));
    g_assert_cmpstr (url->user, ==, get (entry, "user"));
    g_assert_cmpstr (url->password, ==, get (entry, "password"));
  }
}

/* What is written is read again as the same. */
static void
what_is_written_is_taken (void)
{
  JsonArray *entries = json_object_get_array_member (vectors, "taken");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autoptr (MeshIceUrl) url = mesh_ice_url_parse (get (entry, "gst"), NULL);
    g_autofree char *gst = NULL;

    g_assert_nonnull (url);
    gst = mesh_ice_url_to_gst (url);
    g_assert_cmpstr (gst, ==, get (entry, "gst"));
    g_assert_cmpstr (url->password, ==, get (entry, "password"));
  }
}

static void
what_is_none_is_explained (void)
{
  JsonArray *entries = json_object_get_array_member (vectors, "refused");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autoptr (GError) error = NULL;
    g_autofree char *lower = NULL;

    g_test_message ("%s", get (entry, "text"));
    g_assert_null (mesh_ice_url_parse (get (entry, "text"), &error));
    g_assert_error (error, MESH_ERROR, MESH_ERROR_FAILED);
    lower = g_ascii_strdown (error->message, -1);
    if (!strstr (lower, get (entry, "says")))
      g_error ("%s", error->message);
    g_assert_null (strstr (lower, "hush"));
  }
}

/* Beyond what JSON can hold. */
static void
bytes_are_no_text (void)
{
  static const char *const cases[] = { "turn:u:hush\xff@h", "turn:hush@:\xff",
    "stun:\xff", "\xff", "turn:u:hush@h\xff", "\xff@" };
  g_autofree char *long_host = g_strnfill (254, 'h');
  g_autofree char *long_text = g_strconcat ("stun:", long_host, NULL);
  g_autofree char *endless = g_strnfill (1 << 20, '@');

  g_assert_null (mesh_ice_url_parse (long_text, NULL));
  g_assert_null (mesh_ice_url_parse (endless, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (mesh_ice_url_parse (cases[i], &error));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_assert_null (strstr (error->message, "hush"));
  }
}

static void
credentials_are_a_line_of_text (void)
{
  g_autofree char *longest = g_strnfill (512, 'x');
  g_autofree char *longer = g_strnfill (513, 'x');
  const char *const good[] = { "x", "north wind", "Ñandú:1", longest };
  const char *const bad[] = { NULL, "", "a\nb", "a\x7f", "\xff", longer };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (mesh_ice_url_is_credential (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mesh_ice_url_is_credential (bad[i]));
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonNode) root = NULL;

  g_test_init (&argc, &argv, NULL);
  root = vectors_load ("ice.json");
  vectors = json_node_get_object (root);
  g_test_add_func ("/ice-url/taken", every_usual_spelling_is_taken);
  g_test_add_func ("/ice-url/written", what_is_written_is_taken);
  g_test_add_func ("/ice-url/refused", what_is_none_is_explained);
  g_test_add_func ("/ice-url/bytes", bytes_are_no_text);
  g_test_add_func ("/ice-url/credentials", credentials_are_a_line_of_text);
  return g_test_run ();
}
