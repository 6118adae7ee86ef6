/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/message.h"

#include <string.h>

#include "core/error.h"
#include "vectors.h"

static JsonObject *vectors;

static void
each (const char *list, void (*func) (JsonObject *entry, const char *name))
{
  JsonArray *entries = json_object_get_array_member (vectors, list);

  g_assert_cmpuint (json_array_get_length (entries), >, 0);
  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);

    func (entry, json_object_get_string_member (entry, "name"));
  }
}

static void
check_valid (JsonObject *entry, const char *name)
{
  g_autofree char *text = vectors_get_text (entry);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message = NULL;
  g_autofree char *again = NULL;
  g_autoptr (JsonNode) node = NULL;
  const char *expected
      = json_object_has_member (entry, "canonical") ? "canonical" : "message";

  /* without a NUL behind it, so that a sanitizer sees who reads too far */
  g_autofree char *bytes = g_memdup2 (text, strlen (text));

  message = mesh_message_parse (bytes, strlen (text), &error);
  g_test_message ("%s", name);
  g_assert_no_error (error);
  g_assert_cmpint (message->type, !=, MESH_MESSAGE_UNKNOWN);
  again = mesh_message_to_json (message);
  node = json_from_string (again, NULL);
  vectors_assert_equal (name, json_object_get_member (entry, expected), node);
}

static void
every_message_goes_there_and_back (void)
{
  each ("valid", check_valid);
}

static void
check_unknown (JsonObject *entry, const char *name)
{
  g_autofree char *text = vectors_get_text (entry);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message
      = mesh_message_parse (text, strlen (text), &error);

  g_test_message ("%s", name);
  g_assert_no_error (error);
  g_assert_cmpint (message->type, ==, MESH_MESSAGE_UNKNOWN);
  g_assert_null (mesh_message_to_json (message));
}

static void
what_is_unknown_is_no_error (void)
{
  each ("unknown", check_unknown);
}

static void
check_invalid (JsonObject *entry, const char *name)
{
  g_autofree char *text = vectors_get_text (entry);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message
      = mesh_message_parse (text, strlen (text), &error);

  if (message)
    g_test_message ("accepted: %s", name);
  g_assert_null (message);
  g_assert_true (error->domain == MESH_ERROR);
}

static void
what_is_wrong_is_refused (void)
{
  each ("invalid", check_invalid);
}

static void
fields_are_where_they_belong (void)
{
  const char *json
      = "{\"type\":\"signal\",\"from\":\"aaaaaaaa-0000-4000-8000-00000000000a\""
        ",\"sid\":\"018f3a2b4c5d0001-7\",\"data\":{\"candidate\":{"
        "\"candidate\":\"candidate:1\",\"sdpMLineIndex\":3}}}";
  g_autoptr (MeshMessage) message
      = mesh_message_parse (json, strlen (json), NULL);
  char inc[17];
  guint64 number;

  g_assert_cmpstr (message->candidate, ==, "candidate:1");
  g_assert_cmpint (message->mline, ==, 3);
  g_assert_null (message->mid);
  g_assert_null (message->sdp);
  g_assert_true (mesh_sid_parse (message->sid, inc, &number));
  g_assert_cmpstr (inc, ==, "018f3a2b4c5d0001");
  g_assert_cmpuint (number, ==, 7);
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonNode) root = NULL;

  g_test_init (&argc, &argv, NULL);
  root = vectors_load ("messages.json");
  vectors = json_node_get_object (root);
  g_test_add_func ("/message/there-and-back",
      every_message_goes_there_and_back);
  g_test_add_func ("/message/unknown", what_is_unknown_is_no_error);
  g_test_add_func ("/message/invalid", what_is_wrong_is_refused);
  g_test_add_func ("/message/fields", fields_are_where_they_belong);
  return g_test_run ();
}
