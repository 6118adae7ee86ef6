/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which connections a proxy is asked for, and what is said of it. */

#include "signalling/proxy.h"

typedef struct {
  GProxyResolver *proxies;
} Fixture;

/* A system on which everything goes through one proxy, as http_proxy and its
 * like have it. */
static void
set_up (Fixture *f, gconstpointer proxy)
{
  g_autoptr (GProxyResolver) system
      = g_simple_proxy_resolver_new (proxy, NULL);

  f->proxies = mesh_proxy_resolver_new (system);
}

static void
tear_down (Fixture *f, gconstpointer proxy)
{
  g_assert_finalize_object (f->proxies);
}

static void
on_looked_up (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  char ***proxies = user_data;

  *proxies = g_proxy_resolver_lookup_finish (G_PROXY_RESOLVER (source), result,
      &error);
  g_assert_no_error (error);
}

/* Both ways of asking have one answer, which the caller frees. */
static char *
look_up (Fixture *f, const char *url)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) now = g_proxy_resolver_lookup (f->proxies, url, NULL, &error);
  g_auto (GStrv) later = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (now), ==, 1);
  g_proxy_resolver_lookup_async (f->proxies, url, NULL, on_looked_up, &later);
  while (!later)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstrv (now, later);
  return g_strdup (now[0]);
}

static void
this_machine_is_reached_straight (Fixture *f, gconstpointer proxy)
{
  static const char *const urls[] = { "http://127.0.0.1:8080/",
    "https://127.1.2.3/", "http://[::1]:8080/", "http://localhost/",
    "http://LocalHost:8080/", "http://localhost./", "http://room.localhost/",
    "http://0.0.0.0:8080/", "http://[::]:8080/", "none://127.0.0.1:8080",
  };
  g_autofree char *own
      = g_strdup_printf ("http://%s:8080/", g_get_host_name ());
  g_autofree char *own_answer = look_up (f, own);

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++) {
    g_autofree char *answer = look_up (f, urls[i]);
    g_autofree char *way = mesh_proxy_resolver_dup_way (
        MESH_PROXY_RESOLVER (f->proxies), urls[i]);

    g_test_message ("%s", urls[i]);
    g_assert_cmpstr (answer, ==, "direct://");
    g_assert_null (way);
  }
  g_assert_cmpstr (own_answer, ==, "direct://");
}

static void
others_are_reached_as_the_system_says (Fixture *f, gconstpointer proxy)
{
  static const char *const urls[] = { "http://meet.example.org/",
    "https://meet.example.org:8443/", "http://192.0.2.7/",
    "http://[2001:db8::7]/", "http://notlocalhost/",
    "http://localhost.example.org/", "http://128.0.0.1/",
    "http://user@meet.example.org/127.0.0.1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++) {
    g_autofree char *answer = look_up (f, urls[i]);

    g_test_message ("%s", urls[i]);
    g_assert_cmpstr (answer, ==, proxy);
  }
}

/* By whatever name, for as long as it serves. */
static void
what_this_process_serves_is_reached_straight (Fixture *f, gconstpointer proxy)
{
  static const char url[] = "http://meet.example.org:8080";
  g_autofree char *before = look_up (f, url);

  g_assert_cmpstr (before, ==, proxy);
  mesh_proxy_add_own (url);
  mesh_proxy_add_own (url);
  mesh_proxy_remove_own (url);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *own
        = look_up (f, "http://meet.example.org:8080/v1/socket");
    g_autofree char *other = look_up (f, "http://meet.example.org:8081/");

    g_assert_cmpstr (own, ==, i ? proxy : "direct://");
    g_assert_cmpstr (other, ==, proxy);
    mesh_proxy_remove_own (url);
  }
  mesh_proxy_remove_own ("none");
}

/* The text names where the proxy is, and never who we are to it. */
static void
the_proxy_is_named_without_its_password (void)
{
  static const char *const cases[][2] = {
    { "http://10.0.0.1:3128", "through the proxy 10.0.0.1:3128: " },
    { "http://ann:geheim@10.0.0.1:3128/", "through the proxy 10.0.0.1:3128: " },
    { "http://proxy.example", "through the proxy proxy.example:80: " },
    { "https://proxy.example", "through the proxy proxy.example:443: " },
    { "socks5://ann:ge%40heim@[2001:db8::1]",
      "through the proxy [2001:db8::1]:1080: " },
    { "direct://", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Fixture f;
    g_autofree char *answer = NULL, *way = NULL, *other = NULL;
    MeshProxyResolver *self;

    set_up (&f, cases[i][0]);
    self = MESH_PROXY_RESOLVER (f.proxies);
    g_test_message ("%s", cases[i][0]);
    answer = look_up (&f, "http://meet.example.org/v1/socket");
    way = mesh_proxy_resolver_dup_way (self, "http://meet.example.org:80/x");
    other = mesh_proxy_resolver_dup_way (self, "http://other.example.org/");
    g_assert_cmpstr (way, ==, cases[i][1]);
    g_assert_null (other);
    tear_down (&f, NULL);
  }
}

/* A long life with many servers does not add up. */
static void
few_are_remembered (Fixture *f, gconstpointer proxy)
{
  guint remembered = 0;

  for (guint i = 0; i < 100; i++) {
    g_autofree char *url = g_strdup_printf ("http://h%u.example/", i);
    g_autofree char *answer = look_up (f, url);

    g_assert_cmpstr (answer, ==, proxy);
  }
  for (guint i = 0; i < 100; i++) {
    g_autofree char *url = g_strdup_printf ("http://h%u.example/", i);
    g_autofree char *way = mesh_proxy_resolver_dup_way (
        MESH_PROXY_RESOLVER (f->proxies), url);

    remembered += way != NULL;
  }
  g_assert_cmpuint (remembered, >, 0);
  g_assert_cmpuint (remembered, <, 10);
}

static void
own_addresses_are_known (void)
{
  g_assert_true (mesh_proxy_is_this_machine ("127.0.0.1"));
  g_assert_true (mesh_proxy_is_this_machine ("::1"));
  g_assert_true (mesh_proxy_is_this_machine ("::1%lo"));
  g_assert_false (mesh_proxy_is_this_machine ("192.0.2.7"));
  g_assert_false (mesh_proxy_is_this_machine ("2001:db8::7"));
  g_assert_false (mesh_proxy_is_this_machine ("meet.example.org"));
  g_assert_false (mesh_proxy_is_this_machine (""));
  /* tests/e2e/proxy.test.js has one that is not loopback */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/proxy/" #name, Fixture, \
    "http://ann:geheim@10.0.0.1:3128", set_up, name, tear_down)
  ADD (this_machine_is_reached_straight);
  ADD (others_are_reached_as_the_system_says);
  ADD (what_this_process_serves_is_reached_straight);
  ADD (few_are_remembered);
  g_test_add_func ("/proxy/named", the_proxy_is_named_without_its_password);
  g_test_add_func ("/proxy/own", own_addresses_are_known);
  return g_test_run ();
}
