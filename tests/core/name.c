/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Display names: one form, however they are typed or sent. */

#include "core/name.h"

#include <string.h>

#include "core/message.h"
#include "vectors.h"

static JsonObject *vectors;

static gint64
get_times (JsonObject *entry, const char *name)
{
  return json_object_has_member (entry, name)
      ? json_object_get_int_member (entry, name) : 1;
}

static char *
repeat (const char *text, gint64 times, const char *tail)
{
  GString *out = g_string_new (NULL);

  while (times-- > 0)
    g_string_append (out, text);
  g_string_append (out, tail);
  return g_string_free (out, FALSE);
}

static void
one_form_of_a_name (void)
{
  JsonArray *entries = json_object_get_array_member (vectors, "names");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autofree char *text = repeat (json_object_get_string_member (entry,
            "text"), get_times (entry, "times"),
        json_object_get_string_member_with_default (entry, "tail", ""));
    g_autofree char *expected = repeat (json_object_get_string_member (entry,
            "tidy"), get_times (entry, "tidyTimes"),
        json_object_get_string_member_with_default (entry, "tidyTail", ""));
    g_autofree char *name = mesh_name_tidy (text);
    g_autofree char *again = mesh_name_tidy (name);

    g_test_message ("%s", json_object_get_string_member (entry, "name"));
    g_assert_cmpstr (name, ==, expected);
    g_assert_cmpstr (again, ==, expected);
  }
}

static void
what_is_one_name (void)
{
  JsonArray *entries = json_object_get_array_member (vectors, "pairs");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autofree char *a =
        mesh_name_tidy (json_object_get_string_member (entry, "a"));
    g_autofree char *b =
        mesh_name_tidy (json_object_get_string_member (entry, "b"));

    g_test_message ("%s and %s", a, b);
    g_assert_true (g_str_equal (a, b)
        == json_object_get_boolean_member (entry, "same"));
  }
}

static void
what_is_no_utf8_becomes_it (void)
{
  static const struct {
    const char *text, *tidy;
  } table[] = {
    { "A\xff" "nn", "A\xef\xbf\xbdnn" },
    { "Ann\xc3", "Ann\xef\xbf\xbd" },
    { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { "Zo\xeb", "Zo\xef\xbf\xbd" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    g_autofree char *name = mesh_name_tidy (table[i].text);

    g_assert_cmpstr (name, ==, table[i].tidy);
  }
}

/* Any bytes become a name that is valid UTF-8 and within the limit, and that
 * stays the same when it is cleaned once more. */
static void
any_bytes_become_a_name (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (11);

  for (guint i = 0; i < 20000; i++) {
    char text[700];
    guint n = g_rand_int_range (random, 0, sizeof text);
    gboolean is_text = i % 2;
    g_autofree char *name = NULL, *again = NULL;

    for (guint k = 0; k < n; k++)
      text[k] = g_rand_int_range (random, 1, is_text ? 128 : 256);
    for (guint k = 0; is_text && k + 3 < n; k += 3)
      g_unichar_to_utf8 (g_rand_int_range (random, 0x800, 0xd7ff), text + k);
    text[n] = '\0';
    name = mesh_name_tidy (text);
    again = mesh_name_tidy (name);
    g_assert_true (g_utf8_validate (name, -1, NULL));
    g_assert_cmpuint (strlen (name), <=, MESH_MESSAGE_MAX_NAME);
    g_assert_cmpstr (again, ==, name);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonNode) node = vectors_load ("names.json");

  g_test_init (&argc, &argv, NULL);
  vectors = json_node_get_object (node);
  g_test_add_func ("/name/one-form", one_form_of_a_name);
  g_test_add_func ("/name/pairs", what_is_one_name);
  g_test_add_func ("/name/no-utf8", what_is_no_utf8_becomes_it);
  g_test_add_func ("/name/any-bytes", any_bytes_become_a_name);
  return g_test_run ();
}
