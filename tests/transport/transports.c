/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every transport promises, with the server that it is for. */

#include <json-glib/json-glib.h>
#include <string.h>

#include "memory-transport.h"
#include "serving.h"
#include "signalling/fallback.h"
#include "signalling/longpoll.h"
#include "signalling/roomless-pusher.h"
#include "signalling/websocket.h"

typedef struct {
  const char *name;
  MeshTransport *(*make) (const MeshLink *link);        /* NULL: memory */
  gboolean forwards;            /* it passes messages on, and knows no rooms */
} Kind;

typedef struct {
  Serving serving;
  const Kind *kind;
  MeshMemoryHub *hub;
  MeshLink *link;
} Place;

/* One end of a connection, and what came out of it. */
typedef struct {
  MeshTransport *transport;
  const char *id;
  gboolean opened;
  gboolean closed;
  guint heard;
  GError *error;
  GPtrArray *frames;            /* JsonObject */
} End;

static void
on_opened (MeshTransport *transport, End *end)
{
  g_assert_false (end->opened);
  end->opened = TRUE;
}

static void
on_frame (MeshTransport *transport, GBytes *frame, End *end)
{
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);
  g_autofree char *copy = g_strndup (text, length);
  g_autoptr (JsonNode) node = json_from_string (copy, NULL);

  g_assert_nonnull (node);
  g_assert_true (end->opened && !end->closed);
  g_ptr_array_add (end->frames, json_node_dup_object (node));
}

static void
on_heard (MeshTransport *transport, End *end)
{
  end->heard++;
}

static void
on_closed (MeshTransport *transport, const GError *error, End *end)
{
  g_assert_false (end->closed);
  end->closed = TRUE;
  end->error = error ? g_error_copy (error) : NULL;
}

static MeshTransport *
make_fallback (const MeshLink *link)
{
  g_autoptr (MeshRoute) route = mesh_route_new ();

  return mesh_fallback_new (link, route);
}

static End *
end_new (Place *place)
{
  End *end = g_new0 (End, 1);

  end->frames = g_ptr_array_new_with_free_func (
      (GDestroyNotify) json_object_unref);
  end->transport = place->kind->make ? place->kind->make (place->link)
      : mesh_memory_new (place->hub);
  g_signal_connect (end->transport, "opened", G_CALLBACK (on_opened), end);
  g_signal_connect (end->transport, "frame", G_CALLBACK (on_frame), end);
  g_signal_connect (end->transport, "heard", G_CALLBACK (on_heard), end);
  g_signal_connect (end->transport, "closed", G_CALLBACK (on_closed), end);
  mesh_transport_open (end->transport);
  wait_until (end->opened);
  return end;
}

/* Nothing of the transport stays behind. */
static void
end_free (End *end)
{
  gpointer transport = end->transport;

  g_object_add_weak_pointer (transport, &transport);
  g_signal_handlers_disconnect_by_data (end->transport, end);
  mesh_transport_close (end->transport, FALSE);
  g_object_unref (end->transport);
  wait_until (transport == NULL);
  g_ptr_array_unref (end->frames);
  g_clear_error (&end->error);
  g_free (end);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (End, end_free)

static JsonObject *
wait_frame (End *end, guint n)
{
  wait_until (end->frames->len > n);
  return end->frames->pdata[n];
}

static void
say_hello (End *end, const char *id, const char *cursor)
{
  g_autofree char *hello = g_strdup_printf ("{\"type\":\"hello\",\"v\":1,"
      "\"room\":\"" ROOM_ID "\",\"id\":\"%s\",\"token\":\"" TOKEN_A "\"%s}",
      id, cursor);

  end->id = id;
  mesh_transport_send (end->transport, hello);
  g_assert_cmpstr (json_object_get_string_member (wait_frame (end, 0),
          "type"), ==, "welcome");
}

static void
say (End *end, const char *to, guint mid, gsize length)
{
  g_autofree char *filling = g_strnfill (length, 'x');
  g_autofree char *text = g_strdup_printf ("{\"mid\":%u,\"to\":\"%s\","
      "\"payload\":{\"type\":\"chat\",\"from\":\"%s\",\"text\":\"%u\","
      "\"x\":\"%s\"}}", mid, to, end->id, mid, filling);

  mesh_transport_send (end->transport, text);
}

/* The frames of the mailbox, however many others there are between them. */
static guint
count_numbered (End *end, guint from)
{
  guint next = from;

  for (guint i = 0; i < end->frames->len; i++) {
    JsonObject *frame = end->frames->pdata[i];

    if (json_object_has_member (frame, "seq"))
      g_assert_cmpint (json_object_get_int_member (frame, "seq"), ==, next++);
  }
  return next - from;
}

static void
frames_arrive_in_order (Place *place)
{
  g_autoptr (End) a = end_new (place);
  g_autoptr (End) b = NULL;

  say_hello (a, ID_A, "");
  b = end_new (place);
  say_hello (b, ID_B, "");
  for (guint n = 1; n <= 300; n++) {
    say (a, ID_B, n, n % 100 ? n : place->kind->forwards ? 9000 : 60000);
    say (b, ID_A, n, n);
  }
  wait_until (count_numbered (b, 1) == 300);
  /* and "joined" */
  wait_until (count_numbered (a, 1) == 300 + !place->kind->forwards);
  g_assert_false (a->closed || b->closed);
}

static void
finishing_gets_everything_out (Place *place)
{
  g_autoptr (End) a = end_new (place);
  g_autoptr (End) b = NULL;
  JsonObject *last;

  say_hello (a, ID_A, "");
  b = end_new (place);
  say_hello (b, ID_B, "");
  for (guint n = 1; n <= 100; n++)
    say (b, ID_A, n, 10);
  mesh_transport_send (b->transport, "{\"type\":\"bye\"}");
  mesh_transport_close (b->transport, TRUE);
  wait_until (b->closed);
  g_assert_no_error (b->error);
  if (place->kind->forwards) {
    wait_until (count_numbered (a, 1) == 100);
    return;
  }
  wait_until (count_numbered (a, 1) == 102);    /* "joined", and "left" */
  last = json_object_get_object_member (
      a->frames->pdata[a->frames->len - 1], "event");
  g_assert_cmpstr (json_object_get_string_member (last, "reason"), ==, "bye");
}

static void
closing_is_silent (Place *place)
{
  g_autoptr (End) a = end_new (place);

  say_hello (a, ID_A, "");
  mesh_transport_close (a->transport, FALSE);
  mesh_transport_send (a->transport, "{\"type\":\"ping\"}");
  for (guint i = 0; i < 100; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (a->frames->len, ==, 1);
  g_assert_false (a->closed);
}

/* As when a page is opened twice. */
static void
the_newer_replaces_the_older (Place *place)
{
  g_autoptr (End) older = end_new (place);
  g_autoptr (End) newer = NULL;

  say_hello (older, ID_A, "");
  newer = end_new (place);
  say_hello (newer, ID_A, "");
  wait_until (older->closed);
  g_assert_cmpstr (json_object_get_string_member (wait_frame (older, 1),
          "code"), ==, "replaced");
  mesh_transport_send (newer->transport, "{\"type\":\"ping\"}");
  g_assert_cmpstr (json_object_get_string_member (wait_frame (newer, 1),
          "type"), ==, "pong");
  g_assert_false (newer->closed);
}

static void
nonsense_is_the_end (Place *place)
{
  g_autoptr (End) a = end_new (place);

  mesh_transport_send (a->transport, "nonsense");
  wait_until (a->closed);
  g_assert_cmpstr (json_object_get_string_member (wait_frame (a, 0), "code"),
      ==, "bad-message");
  mesh_transport_send (a->transport, "to nobody");
}

/* Frames that were processed do not come again, and the rest do. */
static void
the_next_connection_goes_on (Place *place)
{
  g_autoptr (End) b = end_new (place);
  End *a;
  g_autofree char *cursor = NULL;

  say_hello (b, ID_B, "");
  a = end_new (place);
  say_hello (a, ID_A, "");
  cursor = g_strdup_printf (",\"epoch\":\"%s\",\"after\":20",
      json_object_get_string_member (a->frames->pdata[0], "epoch"));
  for (guint n = 1; n <= 30; n++)
    say (b, ID_A, n, 10);
  wait_until (count_numbered (a, 1) == 30);
  end_free (a);
  for (guint n = 31; n <= 40; n++)
    say (b, ID_A, n, 10);
  a = end_new (place);
  say_hello (a, ID_A, cursor);
  g_assert_true (json_object_get_boolean_member (a->frames->pdata[0],
          "resumed"));
  wait_until (count_numbered (a, 21) == 20);
  end_free (a);
}

static void
the_server_goes (Place *place)
{
  g_autoptr (End) a = end_new (place);

  say_hello (a, ID_A, "");
  serving_stop (&place->serving);
  wait_until (a->closed);
  /* a poll that was not waiting just then finds nobody */
  if (a->frames->len > 1)
    g_assert_cmpstr (json_object_get_string_member (a->frames->pdata[1],
            "code"), ==, "going-away");
}

typedef struct {
  const Kind *kind;
  void (*func) (Place *place);
} Case;

static void
run_case (gconstpointer data)
{
  const Case *test = data;
  Place place = { .kind = test->kind };
  g_autofree char *link = NULL;

  serving_set_up (&place.serving, NULL);
  place.serving.pusher_app = "1:key:secret";
  place.serving.fds = 0;        /* GIO opens some at its first TLS or proxy */
  place.hub = mesh_memory_hub_new ();
  serving_start (&place.serving);
  link = test->kind->forwards
      ? g_strdup_printf ("pusher://key@127.0.0.1:%u/" ROOM_ID
          "?app=1&secret=secret", place.serving.port)
      : g_strconcat (place.serving.url, "/room/" ROOM_ID, NULL);
  place.link = mesh_link_parse (link, NULL);
  test->func (&place);
  mesh_link_free (place.link);
  mesh_memory_hub_unref (place.hub);
  serving_tear_down (&place.serving, NULL);
}

typedef struct {
  const char *name;
  void (*func) (Place *place);
  gboolean of_rooms;            /* who has a mailbox can promise it */
  gboolean of_server;           /* so can who has a server, which goes */
} PromiseCase;

static const PromiseCase promises[] = {
  { "in-order", frames_arrive_in_order },
  { "finish", finishing_gets_everything_out },
  { "close", closing_is_silent },
  { "replace", the_newer_replaces_the_older, TRUE },
  { "nonsense", nonsense_is_the_end, TRUE },
  { "resume", the_next_connection_goes_on, TRUE },
  { "server-goes", the_server_goes, FALSE, TRUE },
};

static gboolean
is_promised (const Kind *kind, const PromiseCase *promise)
{
  return !(promise->of_rooms && kind->forwards)
      && !(promise->of_server && !kind->make);
}

int
main (int argc, char **argv)
{
  static const Kind kinds[] = {
    { "memory", NULL },
    { "websocket", mesh_websocket_new },
    { "longpoll", mesh_longpoll_new },
    { "fallback", make_fallback },
    { "pusher", mesh_roomless_pusher_new, TRUE },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (guint j = 0; j < G_N_ELEMENTS (promises); j++) {
      g_autofree char *path = g_strdup_printf ("/transports/%s/%s",
          kinds[i].name, promises[j].name);
      Case *test;

      if (!is_promised (&kinds[i], &promises[j]))
        continue;
      test = g_new (Case, 1);
      *test = (Case) { &kinds[i], promises[j].func };
      g_test_add_data_func_full (path, test, run_case, g_free);
    }
  return g_test_run ();
}
