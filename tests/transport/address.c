/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where to listen, as people write it. */

#include <gio/gio.h>
#include <string.h>

#include "core/error.h"
#include "server/address.h"
#include "server/listener.h"

static const struct {
  const char *text;
  const char *host;             /* NULL: refused */
  guint16 port;
  gboolean name;
} spellings[] = {
  { "127.0.0.1:8080", "127.0.0.1", 8080 },
  { "0.0.0.0:0", "0.0.0.0", 0 },
  { "[::]:0", "::", 0 },
  { "[::1]:65535", "::1", 65535 },
  { "[fe80::1%lo]:80", "fe80::1%lo", 80 },
  { "localhost:8080", "localhost", 8080, TRUE },
  { "my-host.example.org:443", "my-host.example.org", 443, TRUE },
  { "lo:8080", "lo", 8080 },
  { "*:8080", "*", 8080 },
  { ":8080", "*", 8080 },
  { "8080", "127.0.0.1", 8080 },
  { "0", "127.0.0.1", 0 },
  { "" }, { ":" }, { "localhost" }, { "localhost:" }, { "1.2.3.4" },
  { "[::1]" }, { "[]:80" }, { "[::1:80" }, { "::1:80" }, { "::1" },
  { "2001:db8::1:8080" }, { "localhost:65536" }, { "localhost:-1" },
  { "localhost:+1" }, { "localhost:8080 " }, { "http://localhost:8080" },
  { "https://localhost" }, { "HTTPS:localhost:80" },
  { "http:8080", "http", 8080, TRUE },
};

static void
usual_spellings_are_understood (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *host = NULL;
    guint16 port = 0;
    gboolean ok = mesh_address_parse (spellings[i].text, &host, &port, &error);

    g_test_message ("%s", spellings[i].text);
    g_assert_cmpstr (host, ==, spellings[i].host);
    g_assert_cmpint (ok, ==, spellings[i].host != NULL);
    if (ok) {
      g_assert_cmpuint (port, ==, spellings[i].port);
      g_assert_cmpint (mesh_address_is_name (host), ==, spellings[i].name);
    } else {
      g_assert_error (error, MESH_ERROR, MESH_ERROR_FAILED);
      g_assert_nonnull (strstr (error->message, ":80"));
      if (g_ascii_strncasecmp (spellings[i].text, "http", 4) == 0) {
        g_assert_nonnull (strstr (error->message, "scheme"));
        g_assert_nonnull (strstr (error->message, "--tls-self-signed"));
      }
    }
  }
}

static void
an_address_is_written_as_urls_have_it (void)
{
  static const char *const pairs[][2] = {
    { "10.0.0.1", "10.0.0.1" }, { "2001:db8::1", "[2001:db8::1]" },
    { "fe80::1%lo", "[fe80::1%25lo]" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autoptr (GSocketAddress) address =
        g_inet_socket_address_new_from_string (pairs[i][0], 80);
    g_autofree char *host =
        mesh_address_to_url_host (G_INET_SOCKET_ADDRESS (address));

    g_assert_cmpstr (host, ==, pairs[i][1]);
  }
}

static void
a_certificate_names_what_it_may_be_called (void)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = mesh_address_list_names ("[::1]:0", &error);
  static const char *const needed[] = { "::1", "127.0.0.1", "localhost" };

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (needed); i++)
    g_assert_true (g_strv_contains ((const char *const *) names, needed[i]));
  g_assert_true (g_strv_contains ((const char *const *) names,
          g_get_host_name ()));
  for (guint i = 0; names[i]; i++)
    for (guint k = 0; k < i; k++)
      g_assert_cmpstr (names[i], !=, names[k]);
}

static void
drop (GSocket *socket, gpointer user_data)
{
  g_object_unref (socket);
}

static GError *
fail_to_listen (const char *address)
{
  GError *error = NULL;
  g_autoptr (MeshListener) listener =
      mesh_listener_new (address, g_main_context_default (), drop, NULL,
      &error);

  g_assert_null (listener);
  g_assert_nonnull (error);
  return error;
}

static gboolean
has_ipv6_loopback (void)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV6,
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr (GSocketAddress) address =
      g_inet_socket_address_new_from_string ("::1", 0);

  return socket && g_socket_bind (socket, address, FALSE, NULL);
}

static gboolean
answers (const char *host, guint16 port)
{
  g_autoptr (GSocketAddress) address =
      g_inet_socket_address_new_from_string (host, port);
  g_autoptr (GSocket) socket = g_socket_new
      (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM,
      G_SOCKET_PROTOCOL_TCP, NULL);

  return socket && g_socket_connect (socket, address, NULL, NULL);
}

static void
localhost_is_all_that_the_name_means (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshListener) listener =
      mesh_listener_new ("localhost:0", g_main_context_default (), drop, NULL,
      &error);
  g_auto (GStrv) hosts = NULL;
  guint16 port;

  g_assert_no_error (error);
  hosts = mesh_listener_list_hosts (listener);
  g_assert_cmpstr (hosts[0], ==, "localhost");
  g_assert_null (hosts[1]);
  port = mesh_listener_get_port (listener);
  g_assert_true (answers ("127.0.0.1", port));
  g_assert_cmpint (answers ("::1", port), ==, has_ipv6_loopback ());
}

static void
what_cannot_be_listened_on_is_explained (void)
{
  g_autoptr (GError) none = NULL;
  g_autoptr (MeshListener) listener =
      mesh_listener_new ("127.0.0.1:0", g_main_context_default (), drop, NULL,
      &none);
  g_autofree char *same = NULL;
  g_autoptr (GError) taken = NULL, foreign = NULL, unknown = NULL;

  g_assert_no_error (none);
  same = g_strdup_printf ("127.0.0.1:%u", mesh_listener_get_port (listener));
  taken = fail_to_listen (same);
  g_assert_error (taken, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_nonnull (strstr (taken->message, "another program listens there"));
  foreign = fail_to_listen ("192.0.2.77:0");
  g_assert_nonnull (strstr (foreign->message, "an address of this machine"));
  unknown = fail_to_listen ("no-such-interface-or-name.invalid:0");
  g_assert_nonnull (strstr (unknown->message, "no name that can be looked up"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/address/spellings", usual_spellings_are_understood);
  g_test_add_func ("/address/url", an_address_is_written_as_urls_have_it);
  g_test_add_func ("/address/names",
      a_certificate_names_what_it_may_be_called);
  g_test_add_func ("/address/localhost", localhost_is_all_that_the_name_means);
  g_test_add_func ("/address/explained",
      what_cannot_be_listened_on_is_explained);
  return g_test_run ();
}
