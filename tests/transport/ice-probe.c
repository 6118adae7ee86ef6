/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* STUN and TURN servers of every kind, and what is said of each. */

#include "signalling/ice-probe.h"

#include <string.h>

#include "core/stun.h"

#define USER "1764000000:ann"
#define PASSWORD "hush"
#define REALM "mesh.test"

typedef enum {
  GOOD,                         /* STUN, or TURN with the right login */
  WRONG,                        /* does not take the login */
  STALE,                        /* takes the login's second nonce alone */
  ALWAYS_STALE,
  FULL,                         /* 486 */
  ODD,                          /* another error */
  LOGINLESS,                    /* 401 without a realm */
  NOISY,                        /* sends other things first, then is good */
  SILENT,
  GARBLED,                      /* answers something else (TCP) */
  HANGS_UP,                     /* (TCP) */
} Kind;

typedef struct {
  Kind kind;
  GSocket *socket;
  GSource *source;
  GSocketService *service;
  guint asked;                  /* atomic: times with a login */
  guint given_back;             /* atomic: times; each connection is a thread */
} Fake;

typedef struct {
  GMainContext *context;
  GPtrArray *fakes;
  GHashTable *said;             /* server -> what was said of it */
} Fixture;

static const char *
nonce_of (Fake *fake)
{
  return fake->kind == STALE && g_atomic_int_get (&fake->asked) ? "second" : "first";
}

static gboolean
is_request (const guint8 *data, gsize size, MeshStunMethod method,
    const char *nonce)
{
  const MeshStunLogin login = { USER, PASSWORD, REALM, nonce };
  g_autoptr (GBytes) expected
      = mesh_stun_request (method, data + 8, nonce ? &login : NULL);

  return g_bytes_get_size (expected) == size
      && memcmp (g_bytes_get_data (expected, NULL), data, size) == 0;
}

static void
append_attribute (GByteArray *out, guint type, const void *data, gsize size)
{
  guint8 head[] = { type >> 8, type, size >> 8, size };

  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, data, size);
  g_byte_array_append (out, (const guint8 *) "\0\0\0", -size & 3);
}

/* @code: 0: success */
static GByteArray *
make_answer (const guint8 *request, guint code, const char *nonce)
{
  GByteArray *out = g_byte_array_new ();
  guint8 error[] = { 0, 0, code / 100, code % 100 };

  g_byte_array_append (out, request, MESH_STUN_HEAD_BYTES);
  out->data[0] |= 1;
  if (code) {
    out->data[1] |= 0x10;
    append_attribute (out, 0x0009, error, sizeof error);
  }
  if (nonce) {
    append_attribute (out, 0x0014, REALM, strlen (REALM));
    append_attribute (out, 0x0015, nonce, strlen (nonce));
  }
  out->data[2] = (out->len - MESH_STUN_HEAD_BYTES) >> 8;
  out->data[3] = out->len - MESH_STUN_HEAD_BYTES;
  return out;
}

/* NULL: nothing is said. */
static GByteArray *
answer (Fake *fake, const guint8 *data, gsize size)
{
  const char *nonce = nonce_of (fake);

  if (fake->kind == SILENT)
    return NULL;
  if (is_request (data, size, MESH_STUN_BINDING, NULL))
    return make_answer (data, fake->kind == ODD ? 400 : 0, NULL);
  if (is_request (data, size, MESH_STUN_REFRESH, nonce)) {
    g_atomic_int_inc (&fake->given_back);
    return make_answer (data, 0, NULL);
  }
  if (is_request (data, size, MESH_STUN_ALLOCATE, NULL))
    return make_answer (data, 401, fake->kind == LOGINLESS ? NULL : nonce);
  if (fake->kind == ALWAYS_STALE
      || (fake->kind == STALE && g_atomic_int_add (&fake->asked, 1) == 0))
    return make_answer (data, 438, nonce_of (fake));
  g_atomic_int_inc (&fake->asked);
  g_assert_true (fake->kind == WRONG
      || is_request (data, size, MESH_STUN_ALLOCATE, nonce));
  return make_answer (data, fake->kind == WRONG ? 401
      : fake->kind == FULL ? 486 : fake->kind == ODD ? 403 : 0, nonce);
}

static gboolean
on_datagram (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Fake *fake = user_data;
  guint8 data[MESH_STUN_MAX_BYTES];
  g_autoptr (GSocketAddress) from = NULL;
  gssize size = g_socket_receive_from (socket, &from, (char *) data,
      sizeof data, NULL, NULL);
  g_autoptr (GByteArray) out = size > 0 ? answer (fake, data, size) : NULL;

  if (!out)
    return G_SOURCE_CONTINUE;
  if (fake->kind == NOISY) {
    g_autoptr (GByteArray) other = make_answer (data, 0, NULL);

    other->data[9] ^= 1;        /* another transaction's */
    g_socket_send_to (socket, from, (char *) other->data, other->len, NULL,
        NULL);
    g_socket_send_to (socket, from, "junk", 4, NULL, NULL);
    g_socket_send_to (socket, from, "", 0, NULL, NULL);
  }
  g_socket_send_to (socket, from, (char *) out->data, out->len, NULL, NULL);
  return G_SOURCE_CONTINUE;
}

/* One connection after the other; each is served on a thread of its own, in
 * pieces as a network may deliver them. */
static gboolean
on_connection (GThreadedSocketService *service, GSocketConnection *connection,
    GObject *source, gpointer user_data)
{
  Fake *fake = user_data;
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream *output
      = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  guint8 data[MESH_STUN_MAX_BYTES];

  while (fake->kind != HANGS_UP) {
    g_autoptr (GByteArray) out = NULL;
    gsize got = 0;

    if (!g_input_stream_read_all (input, data, MESH_STUN_HEAD_BYTES, &got, NULL,
            NULL) || got < MESH_STUN_HEAD_BYTES
        || !g_input_stream_read_all (input, data + got, data[2] << 8 | data[3],
            &got, NULL, NULL))
      break;
    out = answer (fake, data, MESH_STUN_HEAD_BYTES + (data[2] << 8 | data[3]));
    if (fake->kind == GARBLED)
      memcpy (out->data, "HTTP/1.1 400", 12);
    g_output_stream_write_all (output, out->data, 7, NULL, NULL, NULL);
    g_output_stream_write_all (output, out->data + 7, out->len - 7, NULL, NULL,
        NULL);
  }
  return TRUE;
}

static void
fake_unref (gpointer fake, GClosure *closure)
{
  g_atomic_rc_box_release (fake);
}

static void
fake_free (Fake *fake)
{
  if (fake->source)
    g_source_destroy (fake->source);
  g_clear_pointer (&fake->source, g_source_unref);
  g_clear_object (&fake->socket);
  if (fake->service) {
    g_socket_service_stop (fake->service);
    g_socket_listener_close (G_SOCKET_LISTENER (fake->service));
  }
  g_clear_object (&fake->service);
  g_atomic_rc_box_release (fake);
}

/* Returns: its port */
static guint16
serve (Fixture *f, Kind kind, Fake **made)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) any
      = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  Fake *fake = g_atomic_rc_box_new0 (Fake);

  fake->kind = kind;
  fake->socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM,
      G_SOCKET_PROTOCOL_UDP, &error);
  g_assert_no_error (error);
  g_socket_bind (fake->socket, any, FALSE, &error);
  g_assert_no_error (error);
  fake->source = g_socket_create_source (fake->socket, G_IO_IN, NULL);
  g_source_set_callback (fake->source, G_SOURCE_FUNC (on_datagram), fake, NULL);
  g_source_attach (fake->source, f->context);
  g_ptr_array_add (f->fakes, fake);
  bound = g_socket_get_local_address (fake->socket, NULL);
  if (made)
    *made = fake;
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
}

static guint16
serve_stream (Fixture *f, Kind kind)
{
  g_autoptr (GError) error = NULL;
  Fake *fake = g_atomic_rc_box_new0 (Fake);
  guint16 port;

  fake->kind = kind;
  fake->service = g_threaded_socket_service_new (8);
  /* its threads hold on to the service, and so to this */
  g_signal_connect_data (fake->service, "run", G_CALLBACK (on_connection),
      g_atomic_rc_box_acquire (fake), fake_unref, 0);
  port = g_socket_listener_add_any_inet_port (
      G_SOCKET_LISTENER (fake->service), NULL, &error);
  g_assert_no_error (error);
  g_ptr_array_add (f->fakes, fake);
  return port;
}

static void
on_probed (const char *server, const char *why, gpointer user_data)
{
  Fixture *f = user_data;

  g_assert_null (strstr (server, PASSWORD));
  g_assert_false (g_hash_table_contains (f->said, server));
  g_hash_table_insert (f->said, g_strdup (server),
      g_strdup (why ? why : "serves"));
}

static const char *
wait_for (Fixture *f, const char *server)
{
  while (!g_hash_table_contains (f->said, server))
    g_main_context_iteration (f->context, TRUE);
  return g_hash_table_lookup (f->said, server);
}

/* What is said of one TURN server. */
static const char *
probe (Fixture *f, guint16 port, const char *query)
{
  g_autofree char *url = g_strdup_printf ("turn:" USER ":" PASSWORD
      "@127.0.0.1:%u%s", port, query);
  g_autofree char *server = g_strdup_printf ("turn:127.0.0.1:%u%s", port,
      query);
  MeshIceProbe *probe = mesh_ice_probe_new (f->context, NULL,
      (const char *[]) { url, NULL }, on_probed, f);
  const char *said = wait_for (f, server);

  mesh_ice_probe_free (probe);
  return said;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->context = g_main_context_new ();
  g_main_context_push_thread_default (f->context);
  f->fakes = g_ptr_array_new_with_free_func ((GDestroyNotify) fake_free);
  f->said = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_ptr_array_unref (f->fakes);
  g_hash_table_unref (f->said);
  while (g_main_context_iteration (f->context, FALSE));
  g_main_context_pop_thread_default (f->context);
  g_main_context_unref (f->context);
}

static void
a_stun_server_is_there_when_it_answers (Fixture *f, gconstpointer data)
{
  static const Kind kinds[] = { GOOD, ODD, NOISY };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    guint16 port = serve (f, kinds[i], NULL);
    g_autofree char *url = g_strdup_printf ("stun://127.0.0.1:%u", port);
    g_autofree char *server = g_strdup_printf ("stun:127.0.0.1:%u", port);
    MeshIceProbe *probe
        = mesh_ice_probe_new (f->context, url, NULL, on_probed, f);

    g_assert_cmpstr (wait_for (f, server), ==, "serves");
    mesh_ice_probe_free (probe);
  }
}

static void
a_turn_server_serves_with_the_right_login (Fixture *f, gconstpointer data)
{
  static const Kind kinds[] = { GOOD, STALE, NOISY };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    Fake *fake;
    guint16 port = serve (f, kinds[i], &fake);

    g_assert_cmpstr (probe (f, port, ""), ==, "serves");
    /* what it gave is given back */
    while (!g_atomic_int_get (&fake->given_back))
      g_main_context_iteration (f->context, TRUE);
  }
}

static void
each_refusal_has_its_words (Fixture *f, gconstpointer data)
{
  static const struct {
    Kind kind;
    const char *why;
  } cases[] = {
    { WRONG, "rejects the user and password" },
    { ALWAYS_STALE, "rejects the user and password" },
    { FULL, "as many relayed connections as it allows" },
    { ODD, "refuses (error 403)" },
    { LOGINLESS, "without saying for what" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_nonnull (strstr (probe (f, serve (f, cases[i].kind, NULL), ""),
            cases[i].why));
}

static void
streams_are_asked_as_well (Fixture *f, gconstpointer data)
{
  static const struct {
    Kind kind;
    const char *why;
  } cases[] = {
    { GOOD, "serves" }, { STALE, "serves" },
    { WRONG, "rejects the user and password" },
    { GARBLED, "does not speak STUN" }, { HANGS_UP, "hung up" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_nonnull (strstr (probe (f, serve_stream (f, cases[i].kind),
                "?transport=tcp"), cases[i].why));
}

static void
nobody_is_told_from_silence (Fixture *f, gconstpointer data)
{
  guint16 port = serve (f, GOOD, NULL);
  guint16 stream_port = serve_stream (f, GOOD);

  g_ptr_array_set_size (f->fakes, 0);
  g_assert_cmpstr (probe (f, port, ""), ==, "nobody listens there");
  g_assert_cmpstr (probe (f, stream_port, "?transport=tcp"), ==,
      "nobody listens there");
  g_assert_nonnull (strstr (probe (f, serve (f, SILENT, NULL), ""),
          "no answer within"));
}

static void
a_name_that_is_none_is_told (Fixture *f, gconstpointer data)
{
  MeshIceProbe *probe = mesh_ice_probe_new (f->context, NULL,
      (const char *[]) { "turn:u:" PASSWORD "@nowhere.invalid", NULL },
      on_probed, f);

  g_assert_nonnull (strstr (wait_for (f, "turn:nowhere.invalid"), "name"));
  mesh_ice_probe_free (probe);
}

/* At any moment. */
static void
it_can_be_given_up (Fixture *f, gconstpointer data)
{
  guint16 silent = serve (f, SILENT, NULL), good = serve (f, GOOD, NULL);
  guint16 stream = serve_stream (f, GOOD);
  g_autofree char *first = NULL, *second = NULL, *third = NULL;
  const char *const list[] = {
    first = g_strdup_printf ("turn:u:p@127.0.0.1:%u", silent),
    second = g_strdup_printf ("turn:" USER ":" PASSWORD "@localhost:%u", good),
    third = g_strdup_printf ("turn:" USER ":" PASSWORD
        "@127.0.0.1:%u?transport=tcp", stream),
    NULL
  };

  for (guint n = 0; n < 40; n++) {
    MeshIceProbe *probe
        = mesh_ice_probe_new (f->context, NULL, list, on_probed, f);

    for (guint i = 0; i < n; i++)
      g_main_context_iteration (f->context, FALSE);
    mesh_ice_probe_free (probe);
    g_hash_table_remove_all (f->said);
  }
}

static void
what_is_none_is_not_asked (Fixture *f, gconstpointer data)
{
  MeshIceProbe *probe = mesh_ice_probe_new (f->context, "garbage",
      (const char *[]) { "turn:without.a.user", "", NULL }, on_probed, f);

  while (g_main_context_iteration (f->context, FALSE));
  g_assert_cmpuint (g_hash_table_size (f->said), ==, 0);
  mesh_ice_probe_free (probe);
  mesh_ice_probe_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/ice-probe/" #name, Fixture, NULL, set_up, \
    name, tear_down)
  ADD (a_stun_server_is_there_when_it_answers);
  ADD (a_turn_server_serves_with_the_right_login);
  ADD (each_refusal_has_its_words);
  ADD (streams_are_asked_as_well);
  ADD (nobody_is_told_from_silence);
  ADD (a_name_that_is_none_is_told);
  ADD (it_can_be_given_up);
  ADD (what_is_none_is_not_asked);
  return g_test_run ();
}
