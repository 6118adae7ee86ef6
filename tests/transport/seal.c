/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sealing opens what it should and nothing else: the cases of
 * tests/vectors/seal.json, which the page runs too, and its bounds. */

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "signalling/seal.h"

#define ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"

static const guint8 key[MESH_SEAL_KEY_BYTES] = "0123456789abcdef";

static char *
node_to_text (JsonNode *node)
{
  return json_to_string (node, FALSE);
}

static MeshMessage *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  MeshMessage *message = mesh_message_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  return message;
}

static MeshSealer *
make_sealer (JsonObject *fields)
{
  g_autofree char *text = g_strdup (
      json_object_get_string_member (fields, "key"));
  g_autofree guint8 *bytes = NULL;
  gsize length;

  g_strdelimit (text, "-", '+');
  g_strdelimit (text, "_", '/');
  bytes = g_base64_decode (text, &length);
  if (length < MESH_SEAL_KEY_BYTES) {   /* no padding in a link */
    g_autofree char *padded = g_strconcat (text, "==", NULL);

    g_free (bytes);
    bytes = g_base64_decode (padded, &length);
  }
  g_assert_cmpuint (length, ==, MESH_SEAL_KEY_BYTES);
  return mesh_sealer_new (bytes,
      json_object_get_string_member (fields, "room"),
      json_object_get_string_member (fields, "id"),
      json_object_get_string_member (fields, "inc"));
}

static void
assert_same_json (const char *text, JsonNode *expected)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);

  g_assert_nonnull (node);
  if (!json_node_equal (node, expected)) {
    g_autofree char *wanted = node_to_text (expected);

    g_error ("got %s, not %s", text, wanted);
  }
}

static void
run_seal (MeshSealer *sealer, JsonObject *step)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = node_to_text (
      json_object_get_member (step, "seal"));
  g_autoptr (MeshMessage) message = parse (text);
  g_autofree char *sealed = mesh_sealer_seal (sealer, message, &error);

  g_assert_no_error (error);
  assert_same_json (sealed, json_object_get_member (step, "sealed"));
}

static void
run_open (MeshSealer *sealer, JsonObject *step)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = node_to_text (
      json_object_get_member (step, "open"));
  g_autoptr (MeshMessage) sealed = mesh_message_parse (text, strlen (text),
      &error);
  g_autoptr (MeshMessage) message = NULL;

  if (sealed)
    message = mesh_sealer_open (sealer, sealed, &error);
  if (json_object_has_member (step, "refused")) {
    const char *why = json_object_get_string_member (step, "refused");

    if (message)
      g_error ("opened although: %s", why);
    g_assert_nonnull (error);
    g_assert_true (error->domain == MESH_ERROR);
    g_test_message ("%s: %s", why, error->message);
  } else {
    g_autofree char *inside = NULL;

    g_assert_no_error (error);
    inside = mesh_message_to_json (message);
    assert_same_json (inside, json_object_get_member (step, "message"));
    if (message->type != MESH_MESSAGE_OUTDATED)
      g_assert_cmpstr (message->newest, ==,
          json_object_get_string_member_with_default (step, "newest", NULL));
  }
}

static void
run_case (gconstpointer data)
{
  JsonObject *fields = (JsonObject *) data;
  g_autoptr (GHashTable) sealers = g_hash_table_new_full (g_str_hash,
      g_str_equal, NULL, (GDestroyNotify) mesh_sealer_free);
  JsonObject *owners = json_object_get_object_member (fields, "sealers");
  JsonArray *steps = json_object_get_array_member (fields, "steps");
  g_autoptr (GList) names = json_object_get_members (owners);

  for (GList *l = names; l; l = l->next)
    g_hash_table_insert (sealers, l->data,
        make_sealer (json_object_get_object_member (owners, l->data)));

  for (guint i = 0; i < json_array_get_length (steps); i++) {
    JsonObject *step = json_array_get_object_element (steps, i);
    MeshSealer *sealer = g_hash_table_lookup (sealers,
        json_object_get_string_member (step, "by"));

    g_test_message ("step %u", i);
    if (json_object_has_member (step, "renew"))
      mesh_sealer_renew (sealer,
          json_object_get_string_member (step, "renew"));
    else if (json_object_has_member (step, "seal"))
      run_seal (sealer, step);
    else
      run_open (sealer, step);
  }
}

static MeshMessage *
make_call (guint from, guint to, const char *inc)
{
  MeshMessage *message = mesh_message_new (MESH_MESSAGE_CALL);

  message->from = g_strdup_printf ("%08x-0000-4000-8000-000000000000", from);
  message->to = g_strdup_printf ("%08x-0000-4000-8000-000000000000", to);
  message->inc = g_strdup (inc);
  message->sid = g_strdup_printf ("%s-1", inc);
  return message;
}

static MeshMessage *
seal_one (MeshSealer *sealer, const MeshMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mesh_sealer_seal (sealer, message, &error);

  g_assert_no_error (error);
  return parse (text);
}

/* A nonce used twice under one key would give both texts away, and so would a
 * number that starts again because its recipient was forgotten. */
static void
number_never_repeats (void)
{
  const char *inc = "0199a3b0c1d20001";
  g_autoptr (MeshMessage) first = make_call (0, 1, inc);
  g_autoptr (MeshSealer) sealer = mesh_sealer_new (key, ROOM, first->from, inc);
  guint64 last = 0;

  for (guint round = 0; round < 3; round++) {
    g_autoptr (MeshMessage) sealed = seal_one (sealer, first);

    g_assert_cmpuint (sealed->n, >, last);
    last = sealed->n;
    for (guint other = 2; other < 600; other++) {
      g_autoptr (MeshMessage) message = make_call (0, other, inc);
      g_autoptr (MeshMessage) dropped = seal_one (sealer, message);
    }
  }
}

/* Nobody can make us forget a member that we keep hearing. */
static void
crowd_does_not_displace_member (void)
{
  const char *inc = "0199a3b0c1d20001";
  g_autoptr (MeshMessage) call = make_call (1, 0, inc);
  g_autoptr (MeshSealer) ours = mesh_sealer_new (key, ROOM, call->to, inc);
  g_autoptr (MeshSealer) member = mesh_sealer_new (key, ROOM, call->from, inc);
  g_autoptr (MeshMessage) recorded = seal_one (member, call);
  g_autoptr (MeshMessage) first = mesh_sealer_open (ours, recorded, NULL);

  g_assert_nonnull (first);
  for (guint other = 2; other < 600; other++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshMessage) stranger = make_call (other, 0, inc);
    g_autoptr (MeshSealer) sealer = mesh_sealer_new (key, ROOM, stranger->from,
        inc);
    g_autoptr (MeshMessage) sealed = seal_one (sealer, stranger);
    g_autoptr (MeshMessage) next = seal_one (member, call);
    g_autoptr (MeshMessage) opened = mesh_sealer_open (ours, sealed, &error);
    g_autoptr (MeshMessage) kept = NULL;

    g_assert_no_error (error);
    g_assert_nonnull (opened);
    kept = mesh_sealer_open (ours, next, &error);
    g_assert_no_error (error);
    g_assert_nonnull (kept);
    g_assert_null (mesh_sealer_open (ours, recorded, NULL));
  }
}

/* A member that has sent nothing yet takes a call, and nothing else. */
static void
reaches_who_has_spoken (void)
{
  const char *inc = "0199a3b0c1d20001";
  g_autoptr (MeshMessage) call = make_call (0, 1, inc);
  g_autoptr (MeshMessage) chat = make_call (0, 1, inc);
  g_autoptr (MeshMessage) theirs = make_call (1, 0, inc);
  g_autoptr (MeshSealer) ours = mesh_sealer_new (key, ROOM, call->from, inc);
  g_autoptr (MeshSealer) other = mesh_sealer_new (key, ROOM, call->to, inc);
  g_autoptr (MeshMessage) sealed = NULL;
  g_autoptr (MeshMessage) opened = NULL;

  chat->type = MESH_MESSAGE_CHAT;
  chat->text = g_strdup ("hello");
  g_assert_true (mesh_sealer_reaches (ours, call));
  g_assert_false (mesh_sealer_reaches (ours, chat));
  sealed = seal_one (other, theirs);
  opened = mesh_sealer_open (ours, sealed, NULL);
  g_assert_nonnull (opened);
  g_assert_true (mesh_sealer_reaches (ours, chat));
}

static void
too_big_is_an_error (void)
{
  const char *inc = "0199a3b0c1d20001";
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message = make_call (0, 1, inc);
  g_autoptr (MeshSealer) sealer = mesh_sealer_new (key, ROOM, message->from,
      inc);
  g_autofree char *text = g_strnfill (60 * 1024, 'x');

  message->type = MESH_MESSAGE_CHAT;
  message->text = g_steal_pointer (&text);
  g_assert_null (mesh_sealer_seal (sealer, message, &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG);
}

static JsonParser *
load_cases (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("MESH_VECTORS"),
      "seal.json", NULL);
  g_autoptr (GError) error = NULL;
  JsonParser *parser = json_parser_new ();

  if (!json_parser_load_from_file (parser, path, &error))
    g_error ("cannot read %s: %s", path, error->message);
  return parser;
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonParser) parser = load_cases ();
  JsonObject *root = json_node_get_object (json_parser_get_root (parser));
  JsonArray *cases = json_object_get_array_member (root, "cases");

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < json_array_get_length (cases); i++) {
    JsonObject *fields = json_array_get_object_element (cases, i);
    g_autofree char *path = g_strconcat ("/seal/vectors/",
        json_object_get_string_member (fields, "name"), NULL);

    g_test_add_data_func (path, fields, run_case);
  }
  g_test_add_func ("/seal/number-never-repeats", number_never_repeats);
  g_test_add_func ("/seal/crowd-does-not-displace-member",
      crowd_does_not_displace_member);
  g_test_add_func ("/seal/reaches-who-has-spoken", reaches_who_has_spoken);
  g_test_add_func ("/seal/too-big-is-an-error", too_big_is_an_error);
  return g_test_run ();
}
