/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which STUN and TURN servers browsers are told of. */

#include <string.h>

#include "server/ice.h"
#include "serving.h"

static char *
ask (Serving *f, const char *headers)
{
  return raw_request (f, "GET /v1/ice HTTP/1.1\r\nHost: h:1\r\n%s"
      "Connection: close\r\n\r\n", headers);
}

static void
add (Serving *f, const char *uri)
{
  g_autoptr (GError) error = NULL;

  mesh_server_add_ice_server (f->server, uri, &error);
  g_assert_no_error (error);
}

static void
without_any_there_are_none (Serving *f, gconstpointer data)
{
  g_autofree char *answer = NULL;

  serving_start (f);
  answer = ask (f, "");
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 200 OK\r\n"));
  g_assert_true (g_str_has_suffix (answer, "\r\n\r\n{\"iceServers\":[]}"));
}

static void
they_are_told_as_browsers_take_them (Serving *f, gconstpointer data)
{
  g_autofree char *answer = NULL;

  add (f, "stun://s.example:3478");
  add (f, "stun:[2001:db8::1]");
  add (f, "turn://us%3Aer:p@ss%2Fw\"rd@t.example:80?transport=tcp");
  add (f, "turns:u:p@t.example");
  serving_start (f);
  answer = ask (f, "");
  g_assert_nonnull (strstr (answer, "\r\nContent-Type: application/json\r\n"));
  g_assert_nonnull (strstr (answer, "\r\nCache-Control: no-store\r\n"));
  g_assert_cmpstr (strstr (answer, "\r\n\r\n") + 4, ==, "{\"iceServers\":["
      "{\"urls\":\"stun:s.example:3478\"},"
      "{\"urls\":\"stun:[2001:db8::1]\"},"
      "{\"urls\":\"turn:t.example:80?transport=tcp\","
      "\"username\":\"us:er\",\"credential\":\"p@ss/w\\\"rd\"},"
      "{\"urls\":\"turns:t.example\","
      "\"username\":\"u\",\"credential\":\"p\"}]}");
}

static void
other_pages_are_told_nothing (Serving *f, gconstpointer data)
{
  static const struct {
    const char *headers;
    const char *answer;
    gboolean readable;          /* for a page from elsewhere */
  } cases[] = {
    { "", "HTTP/1.1 200 ", FALSE },
    { "Origin: http://h:1\r\n", "HTTP/1.1 200 ", TRUE },
    { "Origin: https://good.example\r\n", "HTTP/1.1 200 ", TRUE },
    { "Origin: https://evil.example\r\n", "HTTP/1.1 403 ", FALSE },
    { "Origin: null\r\n", "HTTP/1.1 403 ", FALSE },
  };

  f->origins = g_strsplit ("https://good.example", " ", 0);
  add (f, "turn:user:hush@t.example");
  serving_start (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *answer = ask (f, cases[i].headers);

    g_assert_true (g_str_has_prefix (answer, cases[i].answer));
    g_assert_true ((strstr (answer, "hush") != NULL)
        == g_str_has_prefix (answer, "HTTP/1.1 200 "));
    g_assert_true ((strstr (answer, "\r\nAccess-Control-Allow-Origin: ")
            != NULL) == cases[i].readable);
  }
}

/* The password is what
 *   printf 1043200:meshroom | openssl dgst -sha1 -hmac "north wind" -binary |
 *     base64
 * says. */
static void
credentials_are_made_of_the_secret (void)
{
  g_autoptr (MeshIce) ice = mesh_ice_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) headers = g_ptr_array_new ();
  g_auto (MeshHttpResponse) response = { 0 };
  MeshHttpRequest request = { .headers = headers };
  g_autofree char *text = NULL;

  g_assert_false (mesh_ice_add (ice, "turn:t.example", NULL));
  g_assert_false (mesh_ice_set_secret (ice, "", NULL));
  g_assert_false (mesh_ice_set_secret (ice, "a\nb", NULL));
  mesh_ice_set_secret (ice, "north wind", &error);
  g_assert_no_error (error);
  mesh_ice_add (ice, "turn:t.example", &error);
  g_assert_no_error (error);
  mesh_ice_add (ice, "turn:u:p@t.example", &error);
  g_assert_no_error (error);
  mesh_ice_answer (ice, &request, NULL, &response, 1000000);
  text = g_strndup (g_bytes_get_data (response.body, NULL),
      g_bytes_get_size (response.body));
  g_assert_cmpstr (text, ==, "{\"iceServers\":[{\"urls\":\"turn:t.example\","
      "\"username\":\"1043200:meshroom\","
      "\"credential\":\"PyoSyPBzgpJlq2/3aiipOnyJrmI=\"},"
      "{\"urls\":\"turn:t.example\",\"username\":\"u\",\"credential\":\"p\"}],"
      "\"ttl\":43200}");
}

static void
what_is_none_is_refused (void)
{
  static const char *const cases[] = {
    "", "stun", "stun:", "stun://", "http://x", "x.example:3478",
    "stun:u:hush@h", "stun:h?transport=tcp", "stun:h:0", "stun:h:65536",
    "stun:h:", "stun:h:x", "stun:h:+1", "stun:h/path", "stun:h h",
    "stun:[::1", "stun:::1", "stun:[x]", "stun:[fe80::1%eth0]", "stun:[]",
    "stun:[1.2.3.4]", "turn:h", "turn:u@h", "turn::hush@h", "turn:u:@h",
    "turn:u:hush@", "turn:u:hush@h?", "turn:u:hush@h?transport=sctp",
    "turn:u:hush@h?transport=tcp&x", "turn:u:hush%00@h", "turn:u:hush%0a@h",
    "turn:u:hush%ff@h", "turn:u:hush%zz@h", "turn:u:hush\xff@h",
    "turn:hush@:\xff",
  };
  g_autoptr (MeshIce) ice = mesh_ice_new ();
  g_autofree char *long_host = g_strnfill (300, 'h');
  g_autofree char *long_uri = g_strconcat ("stun:", long_host, NULL);

  g_assert_false (mesh_ice_add (ice, long_uri, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_test_message ("%u", i);
    g_assert_false (mesh_ice_add (ice, cases[i], &error));
    g_assert_true (g_utf8_validate (error->message, -1, NULL));
    g_assert_null (strstr (error->message, "hush"));
  }
}

static void
there_are_not_too_many (void)
{
  g_autoptr (MeshIce) ice = mesh_ice_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < MESH_ICE_MAX_SERVERS; i++)
    g_assert_true (mesh_ice_add (ice, "STUN:s.example", NULL));
  g_assert_false (mesh_ice_add (ice, "stun:s.example", &error));
  g_assert_nonnull (strstr (error->message, "too many"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/server-ice/" #name, Serving, NULL, \
    serving_set_up, name, serving_tear_down)
  ADD (without_any_there_are_none);
  ADD (they_are_told_as_browsers_take_them);
  ADD (other_pages_are_told_nothing);
#define ADD_FUNC(name) g_test_add_func ("/server-ice/" #name, name)
  ADD_FUNC (credentials_are_made_of_the_secret);
  ADD_FUNC (what_is_none_is_refused);
  ADD_FUNC (there_are_not_too_many);
  return g_test_run ();
}
