/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a server says about STUN and TURN servers, as webrtcbin takes it. */

#include "core/ice-servers.h"

#include <string.h>

#include "core/error.h"

static MeshIceServers *
parse (const char *text, GError **error)
{
  return mesh_ice_servers_parse (text, strlen (text), error);
}

static void
servers_become_uris (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshIceServers) servers = parse ("{\"iceServers\":["
      "{\"urls\":\"stun:stun.example.org:3478\"},"
      "{\"urls\":\"stun:later.example.org\"},"
      "{\"urls\":\"turn:[2001:db8::1]:3478?transport=tcp\","
      "\"username\":\"1764000000:meshroom\",\"credential\":\"a/b+c=@\"},"
      "{\"urls\":\"turns:turn.example.org\",\"username\":\"u\","
      "\"credential\":\"p\"}],\"ttl\":43200}", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (servers->stun_server, ==, "stun://stun.example.org:3478");
  g_assert_cmpuint (g_strv_length (servers->turn_servers), ==, 2);
  g_assert_cmpstr (servers->turn_servers[0], ==, "turn://"
      "1764000000%3Ameshroom:a%2Fb%2Bc%3D%40@[2001:db8::1]:3478"
      "?transport=tcp");
  g_assert_cmpstr (servers->turn_servers[1], ==,
      "turns://u:p@turn.example.org:5349");
  g_assert_cmpint (servers->ttl, ==, 43200);
}

static void
none_is_an_answer (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshIceServers) servers = parse ("{\"iceServers\":[]}", &error);

  g_assert_no_error (error);
  g_assert_null (servers->stun_server);
  g_assert_null (servers->turn_servers[0]);
  g_assert_cmpint (servers->ttl, ==, 0);
}

/* Each of these among others costs nothing but itself. */
static void
unknown_ones_are_passed_over (void)
{
  static const char *const odd[] = { "7", "null", "[]", "{}",
    "{\"urls\":[\"stun:a\"]}", "{\"urls\":\"http:a\"}", "{\"urls\":\"stun:\"}",
    "{\"urls\":\"stun:a b\"}", "{\"urls\":\"stun:[\"}",
    "{\"urls\":\"stun:[]\"}", "{\"urls\":\"stun:[::1\"}",
    "{\"urls\":\"stun:[a]\"}", "{\"urls\":\"stun:::1\"}",
    "{\"urls\":\"stun:a:\"}", "{\"urls\":\"stun:a:65536\"}",
    "{\"urls\":\"stun:a\\\"b\"}",
    "{\"urls\":\"turn:no.credentials\"}", "{\"urls\":\"stuns:a\"}",
    "{\"urls\":\"turn:a?transport=carrier-pigeon\",\"username\":\"u\","
        "\"credential\":\"p\"}",
    "{\"urls\":\"turn:u:p@a\",\"username\":\"u\",\"credential\":\"p\"}",
    "{\"urls\":\"turn:a\",\"username\":7,\"credential\":\"p\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autofree char *text = g_strdup_printf ("{\"iceServers\":[%s,"
        "{\"urls\":\"STUN:good\"}]}", odd[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (MeshIceServers) servers = parse (text, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (servers->stun_server, ==, "stun://good:3478");
    g_assert_null (servers->turn_servers[0]);
  }
}

static void
there_is_an_end_to_them (void)
{
  g_autoptr (GString) text = g_string_new ("{\"iceServers\":[");
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshIceServers) servers = NULL;

  for (guint i = 0; i < 100; i++)
    g_string_append_printf (text, "%s{\"urls\":\"turn:t%u\","
        "\"username\":\"u\",\"credential\":\"p\"}", i ? "," : "", i);
  g_string_append (text, "]}");
  servers = parse (text->str, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (servers->turn_servers), ==, 8);
}

static void
junk_is_refused (void)
{
  static const char *const junk[] = { "", "[]", "junk", "{}",
    "{\"iceServers\":{}}", "{\"iceServers\":7}",
    "{\"iceServers\":[],\"ttl\":\"long\"}", "{\"iceServers\":[],\"ttl\":1}",
    "{\"iceServers\":[],\"ttl\":1e99}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (junk); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (parse (junk[i], &error));
    g_assert_nonnull (error);
    g_assert_true (error->domain == MESH_ERROR);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ice-servers/uris", servers_become_uris);
  g_test_add_func ("/ice-servers/none", none_is_an_answer);
  g_test_add_func ("/ice-servers/odd", unknown_ones_are_passed_over);
  g_test_add_func ("/ice-servers/many", there_is_an_end_to_them);
  g_test_add_func ("/ice-servers/junk", junk_is_refused);
  return g_test_run ();
}
