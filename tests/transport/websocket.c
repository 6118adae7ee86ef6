/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What servers may do to a WebSocket, and what the transport lets them. */

#include "signalling/websocket.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "fake-server.h"
#ifdef HAVE_SERVER
#include "server/certificate.h"
#endif

#define FIN 0x80
#define CONTINUATION 0x0
#define TEXT 0x1
#define PING 0x9
#define PONG 0xa

typedef struct {
  FakeServer *server;
  MeshTransport *transport;
  gboolean opened;
  gboolean closed;
  guint heard;
  GError *error;
  GPtrArray *frames;            /* char * */
} Fixture;

static void
on_opened (MeshTransport *transport, Fixture *fixture)
{
  g_assert_false (fixture->opened);
  fixture->opened = TRUE;
}

static void
on_frame (MeshTransport *transport, GBytes *frame, Fixture *fixture)
{
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  g_assert_true (fixture->opened && !fixture->closed);
  g_ptr_array_add (fixture->frames, g_strndup (text, length));
}

static void
on_heard (MeshTransport *transport, Fixture *fixture)
{
  fixture->heard++;
}

static void
on_closed (MeshTransport *transport, const GError *error, Fixture *fixture)
{
  g_assert_false (fixture->closed);
  fixture->closed = TRUE;
  fixture->error = error ? g_error_copy (error) : NULL;
}

static void
set_up_with (Fixture *fixture, GTlsCertificate *certificate)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshLink) link = NULL;
  g_autofree char *text = NULL;

  fixture->frames = g_ptr_array_new_with_free_func (g_free);
  fixture->server = fake_server_new (certificate);
  text = fake_server_dup_link (fixture->server);
  link = mesh_link_parse (text, &error);
  g_assert_no_error (error);
  fixture->transport = mesh_websocket_new (link);
  g_signal_connect (fixture->transport, "opened", G_CALLBACK (on_opened),
      fixture);
  g_signal_connect (fixture->transport, "frame", G_CALLBACK (on_frame),
      fixture);
  g_signal_connect (fixture->transport, "heard", G_CALLBACK (on_heard),
      fixture);
  g_signal_connect (fixture->transport, "closed", G_CALLBACK (on_closed),
      fixture);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  set_up_with (fixture, NULL);
}

static gboolean
has_finalised (gpointer data)
{
  return *(gpointer *) data == NULL;
}

/* Fails where something of the transport stays behind. */
static void
tear_down (Fixture *fixture, gconstpointer data)
{
  gpointer transport = fixture->transport;

  g_object_add_weak_pointer (transport, &transport);
  mesh_transport_close (fixture->transport, FALSE);
  g_object_unref (fixture->transport);
  fake_wait_until (has_finalised, &transport);
  fake_server_free (fixture->server);
  g_clear_error (&fixture->error);
  g_ptr_array_unref (fixture->frames);
}

static gboolean
is_opened (gpointer data)
{
  return ((Fixture *) data)->opened;
}

static gboolean
is_closed (gpointer data)
{
  return ((Fixture *) data)->closed;
}

static gboolean
has_frame (gpointer data)
{
  return ((Fixture *) data)->frames->len > 0;
}

static void
open_it (Fixture *fixture)
{
  mesh_transport_open (fixture->transport);
  fake_wait_until (is_opened, fixture);
}

static gboolean
send_frame (Fixture *fixture, guint first, gsize length)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *payload = g_strnfill (length, 'x');
  guint8 head[10] = { first, length < 126 ? length : 126, length >> 8,
    length };
  guint head_length = length < 126 ? 2 : 4;

  if (length > G_MAXUINT16) {
    head[1] = 127;
    head_length = 10;
    for (guint i = 2; i < head_length; i++)
      head[i] = (guint64) length >> (8 * (9 - i));
  }
  g_byte_array_append (bytes, head, head_length);
  g_byte_array_append (bytes, (guint8 *) payload, length);
  return fake_server_send_raw (fixture->server, bytes->data, bytes->len);
}

static void
frames_go_both_ways (Fixture *fixture, gconstpointer data)
{
  g_autoptr (JsonObject) frame = NULL;

  open_it (fixture);
  mesh_transport_send (fixture->transport, "{\"ack\":7}");
  frame = fake_server_wait (fixture->server);
  g_assert_cmpint (json_object_get_int_member (frame, "ack"), ==, 7);
  fake_server_send (fixture->server, "{\"mid\":1}");
  fake_wait_until (has_frame, fixture);
  g_assert_cmpstr (fixture->frames->pdata[0], ==, "{\"mid\":1}");
}

static void
finishing_gets_everything_out (Fixture *fixture, gconstpointer data)
{
  open_it (fixture);
  for (guint i = 0; i < 100; i++)
    mesh_transport_send (fixture->transport, "{\"ack\":7}");
  mesh_transport_send (fixture->transport, "{\"type\":\"bye\"}");
  mesh_transport_close (fixture->transport, TRUE);
  for (guint i = 0; i < 100; i++)
    json_object_unref (fake_server_wait (fixture->server));
  json_object_unref (fake_server_wait_for (fixture->server, "type"));
  fake_wait_until (is_closed, fixture);
  g_assert_no_error (fixture->error);
  fake_server_wait_closed (fixture->server);
}

static void
closing_is_silent (Fixture *fixture, gconstpointer data)
{
  if (data)
    open_it (fixture);
  else
    mesh_transport_open (fixture->transport);
  mesh_transport_close (fixture->transport, FALSE);
  if (data)
    fake_server_wait_closed (fixture->server);
  g_assert_false (fixture->closed);
}

static void
server_closes (Fixture *fixture, gconstpointer data)
{
  open_it (fixture);
  if (data)
    fake_server_cut (fixture->server);
  else
    fake_server_close (fixture->server, 4403);
  fake_wait_until (is_closed, fixture);
  mesh_transport_send (fixture->transport, "nowhere");
}

static void
largest_message_passes (Fixture *fixture, gconstpointer data)
{
  open_it (fixture);
  send_frame (fixture, TEXT, MESH_JSON_MAX_BYTES / 2);
  send_frame (fixture, PONG | FIN, 100);
  send_frame (fixture, CONTINUATION, 0);
  send_frame (fixture, CONTINUATION | FIN, MESH_JSON_MAX_BYTES / 2);
  fake_wait_until (has_frame, fixture);
  g_assert_cmpuint (strlen (fixture->frames->pdata[0]), ==,
      MESH_JSON_MAX_BYTES);
  g_assert_cmpuint (fixture->heard, ==, 1);
}

/* Byte by byte, each in a packet of its own. */
static void
slow_frame_passes (Fixture *fixture, gconstpointer data)
{
  const char *bytes = data;

  open_it (fixture);
  for (gsize i = 0; i < strlen (bytes); i++) {
    g_assert_true (fake_server_send_raw (fixture->server, bytes + i, 1));
    while (g_main_context_iteration (NULL, FALSE))
      ;
  }
  fake_wait_until (has_frame, fixture);
  g_assert_cmpstr (fixture->frames->pdata[0], ==, "slow but sure");
}

static void
huge_frame_is_the_end (Fixture *fixture, gconstpointer data)
{
  open_it (fixture);
  send_frame (fixture, TEXT | FIN, MESH_JSON_MAX_BYTES + 1024);
  fake_wait_until (is_closed, fixture);
  g_assert_cmpuint (fixture->frames->len, ==, 0);
}

/* Each fragment is small, and signs of life come in between. */
static void
endless_fragments_are_the_end (Fixture *fixture, gconstpointer data)
{
  guint sent = 0;

  open_it (fixture);
  send_frame (fixture, TEXT, 1024);
  while (send_frame (fixture, CONTINUATION, 1024)
         && send_frame (fixture, PING | FIN, 10)) {
    g_assert_cmpuint (++sent, <, 10000);
    while (g_main_context_iteration (NULL, FALSE))
      ;
  }
  fake_wait_until (is_closed, fixture);
  g_assert_cmpuint (sent, <, 1024);
  g_assert_cmpuint (fixture->frames->len, ==, 0);
}

static void
nonsense_is_the_end (Fixture *fixture, gconstpointer data)
{
  open_it (fixture);
  fake_server_send_raw (fixture->server, data, strlen (data));
  fake_wait_until (is_closed, fixture);
  g_assert_cmpuint (fixture->frames->len, ==, 0);
}

/* In one packet with the answer to the handshake, before our hello. */
static void
early_frame_is_read (Fixture *fixture, gconstpointer data)
{
  fake_server_answer_with (fixture->server, FAKE_EARLY_FRAME);
  mesh_transport_open (fixture->transport);
  fake_wait_until (has_frame, fixture);
  g_assert_true (fixture->opened);
  g_assert_cmpstr (fixture->frames->pdata[0], ==, "early");
}

#ifdef HAVE_SERVER
static void
set_up_tls (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = { "127.0.0.1", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsCertificate) certificate
      = mesh_certificate_new_self_signed (names, &error);

  g_assert_no_error (error);
  set_up_with (fixture, certificate);
}

static void
unknown_certificate_is_said_to_be (Fixture *fixture, gconstpointer data)
{
  mesh_transport_open (fixture->transport);
  fake_wait_until (is_closed, fixture);
  g_test_message ("%s", fixture->error->message);
  g_assert_error (fixture->error, MESH_ERROR, MESH_ERROR_FAILED);
  g_assert_nonnull (strstr (fixture->error->message, "certificate"));
  g_assert_nonnull (strstr (fixture->error->message, "signed by itself"));
}
#endif

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name, func, data) \
  g_test_add ("/websocket/" name, Fixture, data, set_up, func, tear_down)
  TEST ("both-ways", frames_go_both_ways, NULL);
  TEST ("finish", finishing_gets_everything_out, NULL);
  TEST ("close/open", closing_is_silent, "open");
  TEST ("close/connecting", closing_is_silent, NULL);
  TEST ("server-closes", server_closes, NULL);
  TEST ("server-cuts", server_closes, "cut");
  TEST ("largest-message", largest_message_passes, NULL);
  TEST ("slow-frame", slow_frame_passes,
      "\x01\x05slow \x8a\x01x\x80\x08" "but sure");
  TEST ("huge-frame", huge_frame_is_the_end, NULL);
  TEST ("endless-fragments", endless_fragments_are_the_end, NULL);
  TEST ("nonsense/opcode", nonsense_is_the_end, "\x83\x01x");
  TEST ("nonsense/bits", nonsense_is_the_end, "\xf1\x01x");
  TEST ("nonsense/mask", nonsense_is_the_end, "\x81\x81\1\2\3\4x");
  TEST ("nonsense/binary", nonsense_is_the_end, "\x82\x01x");
  TEST ("early-frame", early_frame_is_read, NULL);
#ifdef HAVE_SERVER
  g_test_add ("/websocket/certificate", Fixture, NULL, set_up_tls,
      unknown_certificate_is_said_to_be, tear_down);
#endif
  return g_test_run ();
}
