/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/link.h"

#include <string.h>

#include "core/error.h"
#include "vectors.h"

static JsonObject *links, *pasted;

#define ROOM "aaaaaaaa-0000-4000-8000-00000000000a"
#define KEY "AAECAwQFBgcICQoLDA0ODw"

static char *
key_to_hex (const MeshLink *link)
{
  GString *hex = g_string_new (NULL);

  for (guint i = 0; i < 16; i++)
    g_string_append_printf (hex, "%02x", link->key[i]);
  return g_string_free (hex, FALSE);
}

static void
links_come_apart_and_together (void)
{
  JsonArray *entries = json_object_get_array_member (links, "valid");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshLink) link = mesh_link_parse (
        json_object_get_string_member (entry, "link"), &error);
    g_autofree char *text = NULL;
    g_autofree char *public = NULL;
    g_autofree char *key = NULL;

    g_assert_no_error (error);
    text = mesh_link_to_string (link);
    public = mesh_link_to_public_string (link);
    key = link->has_key ? key_to_hex (link) : NULL;
    g_assert_cmpstr (link->scheme, ==,
        json_object_get_string_member (entry, "scheme"));
    g_assert_cmpstr (link->host, ==,
        json_object_get_string_member (entry, "host"));
    g_assert_cmpint (link->port, ==,
        json_object_get_int_member (entry, "port"));
    g_assert_cmpstr (link->room, ==,
        json_object_get_string_member (entry, "room"));
    g_assert_cmpstr (key, ==, json_object_get_string_member (entry, "key"));
    g_assert_cmpstr (text, ==,
        json_object_get_string_member (entry, "canonical"));
    g_assert_cmpstr (public, ==,
        json_object_get_string_member (entry, "public"));
  }
}

/* A link is still read when a chat, a mail program or a person has changed its
 * surroundings. */
static void
links_are_taken_as_people_paste_them (void)
{
  JsonArray *entries = json_object_get_array_member (pasted, "taken");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshLink) link = NULL;
    g_autofree char *text = NULL;

    g_test_message ("%s", json_object_get_string_member (entry, "name"));
    link = mesh_link_parse (json_object_get_string_member (entry, "text"),
        &error);
    g_assert_no_error (error);
    text = mesh_link_to_string (link);
    g_assert_cmpstr (text, ==, json_object_get_string_member (entry, "link"));
    if (json_object_has_member (entry, "query"))
      g_assert_cmpstr (link->query, ==,
          json_object_get_string_member (entry, "query"));
  }
}

/* The error says what is wrong and what a link looks like, and holds no more
 * of the key than fits by chance. */
static void
what_is_not_taken_is_explained (void)
{
  JsonArray *entries = json_object_get_array_member (pasted, "refused");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    g_autoptr (GError) error = NULL;
    g_autofree char *lower = NULL;
    MeshLink *link;

    g_test_message ("%s", json_object_get_string_member (entry, "name"));
    link = mesh_link_parse (json_object_get_string_member (entry, "text"),
        &error);
    g_assert_null (link);
    g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_LINK);
    lower = g_ascii_strdown (error->message, -1);
    if (!strstr (lower, json_object_get_string_member (entry, "says")))
      g_error ("%s", error->message);
    g_assert_nonnull (strstr (error->message,
            "https://HOST/room/ROOM-ID#KEY"));
    g_assert_null (strstr (error->message, "AAECAw"));
    g_assert_null (strstr (error->message, "secret"));
  }
}

/* Each spelling of a room over Pusher Channels, which no browser opens. */
static void
pusher_links_are_taken_as_people_paste_them (void)
{
  static const char *const cases[] = {
    "<pusher://k@eu/" ROOM "?app=7&secret=s3#" KEY ">",
    "Join: PUSHER://k@eu/" ROOM "?app=7&amp;secret=s3#" KEY ". See you",
    "pusher://k@eu//" ROOM "/?app=7&secret=s3#" KEY "==",
    "pusher:/k@eu/AAAAAAAA-0000-4000-8000-00000000000A?app=7&secret=s3#" KEY,
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshLink) link = mesh_link_parse (cases[i], &error);
    g_autofree char *text = NULL;

    g_test_message ("%s", cases[i]);
    g_assert_no_error (error);
    text = mesh_link_to_string (link);
    g_assert_cmpstr (text, ==, "pusher://k@eu/" ROOM "?app=7&secret=s3#" KEY);
  }
}

/* Also: an error goes into logs, so the key must not be in it. */
static void
bad_links_are_refused (void)
{
  JsonArray *entries = json_object_get_array_member (links, "invalid");

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    const char *text = json_object_get_string_member (entry, "link");
    const char *fragment = strchr (text, '#');
    g_autoptr (GError) error = NULL;
    MeshLink *link = mesh_link_parse (text, &error);

    g_test_message ("%s", json_object_get_string_member (entry, "name"));
    g_assert_null (link);
    g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_LINK);
    if (fragment)
      g_assert_null (strstr (error->message, fragment + 1));
  }
}

static void
no_link_and_an_endless_one_are_refused (void)
{
  g_autofree char *endless = g_strnfill (1 << 20, 'x');
  g_autofree char *brackets = NULL, *text = NULL;

  g_assert_null (mesh_link_parse (NULL, NULL));
  g_assert_null (mesh_link_parse (endless, NULL));
  /* the most that is read: marks without an end cost no more than others */
  brackets = g_strnfill (15000, ')');
  text = g_strconcat ("https://h/room/" ROOM "?x", brackets, NULL);
  for (guint i = 0; i < 100; i++) {
    g_autoptr (MeshLink) link = mesh_link_parse (text, NULL);

    g_assert_nonnull (link);
    g_assert_cmpstr (link->query, ==, "x");
  }
}

static void
pusher_links_come_apart_and_together (void)
{
  static const struct {
    const char *link;
    const char *host;
    guint16 port;
    gboolean tls;
    const char *canonical;      /* NULL: link is */
  } cases[] = {
    { "pusher://k3y@eu/" ROOM "?api=https://mooz.example/api/messages#" KEY,
      "ws-eu.pusher.com", 443, TRUE, NULL },
    { "pusher://k@127.0.0.1:8080/" ROOM "?app=7&secret=s3", "127.0.0.1", 8080,
      FALSE, NULL },
    { "pusher://k@127.0.0.1:8080/" ROOM "?secret=s3&app=7&x=y", "127.0.0.1",
      8080, FALSE, "pusher://k@127.0.0.1:8080/" ROOM "?app=7&secret=s3" },
    { "pusher://k@host.example/" ROOM "?app=7&secret=s3", "host.example", 80,
      FALSE, NULL },
    { "pusher://k@localhost/" ROOM "?app=7&secret=s3", "localhost", 80,
      FALSE, NULL },
    { "pusher://k@host.example:443/" ROOM "?app=7&secret=s3",
      "host.example", 443, TRUE, NULL },
    { "pusher://k@host.example/" ROOM "?app=7&secret=s3&tls=1",
      "host.example", 443, TRUE,
      "pusher://k@host.example:443/" ROOM "?app=7&secret=s3" },
    { "pusher://k@[::1]:6001/" ROOM "?api=http%3A%2F%2Fx%3A80%2Fy&tls=1",
      "::1", 6001, TRUE, "pusher://k@[::1]:6001/" ROOM
      "?api=http://x:80/y&tls=1" },
    { "pusher://k@h:1/" ROOM "?app=7&secret=s3&prefix=presence-", "h", 1,
      FALSE, NULL },
    { "pusher://k@h:1/" ROOM "?api=http://x&prefix=private-&auth=http://y/z",
      "h", 1, FALSE, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshLink) link = mesh_link_parse (cases[i].link, &error);
    g_autoptr (MeshLink) copy = NULL;
    g_autofree char *text = NULL, *public = NULL;

    g_test_message ("%s", cases[i].link);
    g_assert_no_error (error);
    copy = mesh_link_copy (link);
    text = mesh_link_to_string (copy);
    public = mesh_link_to_public_string (link);
    g_assert_cmpstr (link->scheme, ==, "pusher");
    g_assert_cmpstr (link->host, ==, cases[i].host);
    g_assert_cmpint (link->port, ==, cases[i].port);
    g_assert_cmpint (link->tls, ==, cases[i].tls);
    g_assert_cmpstr (link->room, ==, ROOM);
    g_assert_cmpstr (text, ==,
        cases[i].canonical ? cases[i].canonical : cases[i].link);
    g_assert_null (strstr (public, "s3"));
    g_assert_null (strstr (public, KEY));
  }
}

static void
bad_pusher_links_are_refused (void)
{
  static const char *const cases[] = {
    "pusher://eu/" ROOM "?api=http://x",
    "pusher://k@/" ROOM "?api=http://x",
    "pusher://k@h:0/" ROOM "?api=http://x",
    "pusher://k@eu/room/" ROOM "?api=http://x",
    "pusher://k@eu/" ROOM, "pusher://k@eu/" ROOM "?secret=s3",
    "pusher://k@eu/" ROOM "?app=7", "pusher://k@eu/" ROOM "?api=x",
    "pusher://k@eu/" ROOM "?api=ftp://x",
    "pusher://k@eu/" ROOM "?api=http://x/?y",
    "pusher://k@eu/" ROOM "?app=7&secret=s%0a3",
    "pusher://k%20@eu/" ROOM "?api=http://x",
    "pusher://k@eu/" ROOM "?api=http://x&prefix=x-",
    "pusher://k@eu/" ROOM "?api=http://x&prefix=private-",
    "pusher://k@eu/" ROOM "?api=http://x#short",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    MeshLink *link = mesh_link_parse (cases[i], &error);

    g_test_message ("%s", cases[i]);
    g_assert_null (link);
    g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_LINK);
    g_assert_null (strstr (error->message, "s3"));
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonNode) root = NULL, pasted_root = NULL;

  g_test_init (&argc, &argv, NULL);
  root = vectors_load ("messages.json");
  links = json_object_get_object_member (json_node_get_object (root), "links");
  pasted_root = vectors_load ("links.json");
  pasted = json_node_get_object (pasted_root);
  g_test_add_func ("/link/pasted/taken", links_are_taken_as_people_paste_them);
  g_test_add_func ("/link/pasted/refused", what_is_not_taken_is_explained);
  g_test_add_func ("/link/pasted/pusher",
      pusher_links_are_taken_as_people_paste_them);
  g_test_add_func ("/link/valid", links_come_apart_and_together);
  g_test_add_func ("/link/invalid", bad_links_are_refused);
  g_test_add_func ("/link/extremes", no_link_and_an_endless_one_are_refused);
  g_test_add_func ("/link/pusher/valid", pusher_links_come_apart_and_together);
  g_test_add_func ("/link/pusher/invalid", bad_pusher_links_are_refused);
  return g_test_run ();
}
