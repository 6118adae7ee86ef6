/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json.h"

#include <string.h>

#include "core/error.h"

static const struct {
  const char *what;
  const char *text;
  int length;                   /* -1: up to the NUL */
  gboolean valid;
} texts[] = {
  { "an object", "{\"a\":1}", -1, TRUE },
  { "depth 8", "{\"a\":[[[[[[[]]]]]]]}", -1, TRUE },
  { "depth 9", "{\"a\":[[[[[[[[]]]]]]]]}", -1, FALSE },
  { "brackets in a string", "{\"a\":\"[[[[[[[[[[{{{{\"}", -1, TRUE },
  { "a quote escaped in a string", "{\"a\":\"\\\"[[[[[[[[[[\"}", -1, TRUE },
  { "a backslash at the very end", "{\"a\":\"\\", -1, FALSE },
  { "more closed than opened", "]]]]{\"a\":1}", -1, FALSE },
  { "two objects", "{\"a\":1}{\"b\":2}", -1, FALSE },
  { "something before it", "1{\"a\":1}", -1, FALSE },
  { "something after it", "{\"a\":1},", -1, FALSE },
  { "space around it", " \t\r\n{ \"a\" : 1 }\n", -1, TRUE },
  { "all of JSON", "{\"a\":[-1.5e+3,1E2,true,false,null,\"\\u00e4\\n/'\"]}", -1,
      TRUE },
  { "a comment", "{\"a\":/* one */1}", -1, FALSE },
  { "a comment to the line's end", "//\n{\"a\":1}", -1, FALSE },
  { "brackets hidden by a comment", "/*\"*/{\"a\":[[[[[[[[[[", -1, FALSE },
  { "a string in single quotes", "{'a':1}", -1, FALSE },
  { "brackets hidden by such a string", "{'\"':[[[[[[[[[[[", -1, FALSE },
  { "a statement", "var a = {\"a\":1};", -1, FALSE },
  { "a line break in a string", "{\"a\":\"\n\"}", -1, FALSE },
  { "a cut-off string", "{\"a", -1, FALSE },
  { "nothing", "", -1, FALSE },
  { "a list", "[1]", -1, FALSE },
  { "a NUL inside", "{\"a\":1}\0", 8, FALSE },
  { "half of a character", "{\"a\":\"\xc3\"}", -1, FALSE },
  { "half of a surrogate pair", "{\"a\":\"\\ud800x\"}", -1, FALSE },
  { "two other halves", "{\"a\":\"\\udc00\\udc00\"}", -1, FALSE },
  { "a surrogate pair", "{\"a\":\"\\ud83d\\ude00\"}", -1, TRUE },
  { "an escape that there is not", "{\"a\":\"\\x\"}", -1, FALSE },
  { "a number that begins with 0", "{\"a\":01}", -1, FALSE },
  { "a number that ends in a point", "{\"a\":1.}", -1, FALSE },
  { "a number with a plus", "{\"a\":+1}", -1, FALSE },
  { "a minus apart from its number", "{\"a\":- 1}", -1, FALSE },
  { "a cut-off number", "{\"a\":1", -1, FALSE },
  { "a cut-off word", "{\"a\":tru", -1, FALSE },
  { "a comma too many", "{\"a\":1,}", -1, FALSE },
  { "one in a list", "{\"a\":[1,]}", -1, FALSE },
  { "a member without a value", "{\"a\"}", -1, FALSE },
  { "two of a name", "{\"a\":1,\"a\":2}", -1, TRUE },
  { "a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", -1, FALSE },
};

static void
only_sane_objects_are_parsed (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    gsize length
        = texts[i].length < 0 ? strlen (texts[i].text)
                              : (gsize) texts[i].length;
    g_autofree char *bytes = g_memdup2 (texts[i].text, length);
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonObject) object = mesh_json_parse (bytes, length, &error);

    g_test_message ("%s", texts[i].what);
    g_assert_true ((object != NULL) == texts[i].valid);
    g_assert_true ((error != NULL) == !texts[i].valid);
  }
}

static void
what_is_too_big_is_not_parsed (void)
{
  g_autofree char *text = g_strnfill (MESH_JSON_MAX_BYTES + 1, ' ');
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = NULL;

  memcpy (text, "{}", 2);
  object = mesh_json_parse (text, MESH_JSON_MAX_BYTES, NULL);
  g_assert_nonnull (object);
  g_assert_null (mesh_json_parse (text, MESH_JSON_MAX_BYTES + 1, &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG);
}

static void
fields_are_checked_for_their_type (void)
{
  const char *json = "{\"s\":\"text\",\"i\":7,\"b\":true,\"n\":null,\"d\":1.5}";
  g_autoptr (JsonObject) object = mesh_json_parse (json, strlen (json), NULL);
  const char *text;
  gint64 number = 3;
  gboolean flag = FALSE;

  g_assert_true (mesh_json_get_string (object, "s", 4, &text, NULL));
  g_assert_cmpstr (text, ==, "text");
  g_assert_false (mesh_json_get_string (object, "s", 3, &text, NULL));
  g_assert_false (mesh_json_get_string (object, "i", 9, &text, NULL));
  g_assert_true (mesh_json_get_string (object, "n", 9, &text, NULL));
  g_assert_null (text);
  g_assert_true (mesh_json_get_string (object, "none", 9, &text, NULL));
  g_assert_null (text);

  g_assert_true (mesh_json_get_int (object, "none", 0, 9, &number, NULL));
  g_assert_cmpint (number, ==, 3);
  g_assert_true (mesh_json_get_int (object, "i", 7, 7, &number, NULL));
  g_assert_cmpint (number, ==, 7);
  g_assert_false (mesh_json_get_int (object, "i", 8, 9, &number, NULL));
  g_assert_false (mesh_json_get_int (object, "i", 0, 6, &number, NULL));
  g_assert_false (mesh_json_get_int (object, "d", 0, 9, &number, NULL));
  g_assert_false (mesh_json_get_int (object, "s", 0, 9, &number, NULL));

  g_assert_true (mesh_json_get_bool (object, "none", &flag, NULL));
  g_assert_false (flag);
  g_assert_true (mesh_json_get_bool (object, "b", &flag, NULL));
  g_assert_true (flag);
  g_assert_false (mesh_json_get_bool (object, "i", &flag, NULL));
}

/* What a tree is built of: json-glib writes it as it was. */
static void
a_tree_says_what_the_text_did (void)
{
  static const struct {
    const char *text;
    const char *said;
  } trees[] = {
    { "{}", "{}" },
    { " { \"a\" : [ ] , \"b\" : { } } ", "{\"a\":[],\"b\":{}}" },
    { "{\"a\":[1,-2,true,false,null,\"x\",[{\"b\":[0.5]}]]}",
        "{\"a\":[1,-2,true,false,null,\"x\",[{\"b\":[0.5]}]]}" },
    { "{\"a\":\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\n\"}",
        "{\"a\":\"\u00e4\U0001f600\\\"\\\\/\\n\"}" },
    { "{\"\\u0061\":1,\"a\":2}", "{\"a\":2}" },
    { "{\"a\":-9223372036854775808,\"b\":9223372036854775807}",
        "{\"a\":-9223372036854775808,\"b\":9223372036854775807}" },
    { "{\"a\":1E2,\"b\":-0}", "{\"a\":100.0,\"b\":0}" },
    { "{\"a\":9223372036854775808}", "{\"a\":9.2233720368547758e+18}" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (trees); i++) {
    g_autoptr (JsonObject) object = mesh_json_parse (trees[i].text,
        strlen (trees[i].text), NULL);
    g_autofree char *said = mesh_json_to_string (object);

    g_assert_cmpstr (said, ==, trees[i].said);
  }
}

static void
uuids_are_lower_case (void)
{
  const char *good = "aaaaaaaa-0000-4000-8000-00000000000f";
  const char *bad[] = { NULL, "", "aaaaaaaa",
    "{aaaaaaaa-0000-4000-8000-00000000}",
    "AAAAAAAA-0000-4000-8000-00000000000f",
    "aaaaaaaa-0000-4000-8000-00000000000g",
    "aaaaaaaa-0000-4000-8000-00000000000",
    "aaaaaaaa-0000-4000-8000-0000000000000",
    "aaaaaaaa00000-4000-8000-00000000000f" };

  g_assert_true (mesh_is_uuid (good));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mesh_is_uuid (bad[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/objects", only_sane_objects_are_parsed);
  g_test_add_func ("/json/too-big", what_is_too_big_is_not_parsed);
  g_test_add_func ("/json/fields", fields_are_checked_for_their_type);
  g_test_add_func ("/json/tree", a_tree_says_what_the_text_did);
  g_test_add_func ("/json/uuid", uuids_are_lower_case);
  return g_test_run ();
}
