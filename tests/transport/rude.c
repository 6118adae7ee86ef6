/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands between two members and their server, what they say arrives
 * once and in order. With MESH_LONG=1: a hundred thousand messages. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "rude-proxy.h"
#include "serving.h"
#include "signalling/connection.h"
#include "signalling/longpoll.h"
#include "signalling/websocket.h"

/* A mailbox also holds what came, until the word of that has come back: cut off
 * again and again, that takes a while. */
#define UNDER_WAY 400
#define BOX_FRAMES 16384
/* After which one who could not send looks whether he can. */
#define PAUSE (20 * G_TIME_SPAN_MILLISECOND)

typedef MeshTransport *(*MakeTransport) (const MeshLink *link);

typedef struct {
  const char *name;
  MakeTransport make;
  Rudeness rudeness;
  guint count;
} Case;

typedef struct _Pair Pair;

typedef struct {
  Pair *pair;
  MeshConnection *connection;
  const char *id;
  guint sent;
  guint received;               /* under the pair's lock, as all below */
  gboolean welcome;
  gboolean joined;              /* the other one */
} Member;

struct _Pair {
  Serving serving;
  RudeProxy *proxy;
  char *link;
  Member members[2];
  gboolean over;                /* they leave */
  GMutex lock;
  GCond cond;
};

static void
on_message (MeshConnection *connection, const char *json, gpointer user_data)
{
  Member *self = user_data;
  const char *text = strstr (json, "\"text\":\"");

  g_mutex_lock (&self->pair->lock);
  if (text)
    g_assert_cmpuint (strtoul (text + 8, NULL, 10), ==, ++self->received);
  else if (strstr (json, "\"welcome\""))
    self->welcome = TRUE;
  else if (strstr (json, "\"joined\""))
    self->joined = TRUE;
  else if (!self->pair->over && !strstr (json, "\"offline\""))
    g_error ("somebody was lost: %s", json);
  g_cond_signal (&self->pair->cond);
  g_mutex_unlock (&self->pair->lock);
}

static void
on_error (MeshConnection *connection, const GError *error, gboolean fatal,
    gpointer user_data)
{
  if (fatal)
    g_error ("%s", error->message);
  g_test_message ("%s", error->message);
}

static MeshTransport *
make_transport (gpointer data)
{
  gpointer *both = data;
  MakeTransport make = both[0];

  return make (both[1]);
}

static void
both_free (gpointer data)
{
  gpointer *both = data;

  mesh_link_free (both[1]);
  g_free (both);
}

static void
join (Member *self, MakeTransport make)
{
  g_autoptr (GError) error = NULL;
  gpointer *both = g_new (gpointer, 2);

  self->connection = mesh_connection_new (self->pair->link, self->id, &error);
  g_assert_no_error (error);
  both[0] = make;
  both[1] = mesh_link_parse (self->pair->link, NULL);
  mesh_connection_set_transport (self->connection, make_transport, both,
      both_free);
  mesh_connection_set_callbacks (self->connection, on_message, on_error, self,
      NULL);
  mesh_connection_start (self->connection);
}

/* FALSE: not now, since too much waits for the server already. */
static gboolean
say_next (Member *self, const char *to)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strdup_printf ("{\"type\":\"chat\",\"from\":\"%s\","
      "\"to\":\"%s\",\"text\":\"%u\"}", self->id, to, self->sent + 1);

  if (mesh_connection_send (self->connection, text, -1, &error)) {
    self->sent++;
    return TRUE;
  }
  g_assert_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG);
  return FALSE;
}

static void
wait_for (Pair *pair, const gboolean *flag)
{
  g_mutex_lock (&pair->lock);
  while (!*flag)
    g_cond_wait (&pair->cond, &pair->lock);
  g_mutex_unlock (&pair->lock);
}

/* Each says so many things to the other, as fast as they arrive there. */
static void
talk (Pair *pair, guint count)
{
  Member *members = pair->members;
  guint done = 0;

  while (done < 2 * count) {
    guint heard[2];
    gboolean said = FALSE;

    g_mutex_lock (&pair->lock);
    heard[0] = members[1].received;
    heard[1] = members[0].received;
    g_mutex_unlock (&pair->lock);
    for (guint i = 0; i < 2; i++)
      while (members[i].sent < count
          && members[i].sent - heard[i] < UNDER_WAY
          && say_next (&members[i], members[!i].id))
        said = TRUE;
    g_mutex_lock (&pair->lock);
    if (!said && heard[0] == members[1].received
        && heard[1] == members[0].received && heard[0] + heard[1] < 2 * count)
      g_cond_wait_until (&pair->cond, &pair->lock,
          g_get_monotonic_time () + PAUSE);
    done = members[0].received + members[1].received;
    g_mutex_unlock (&pair->lock);
  }
}

static void
set_up (Pair *pair, const Case *test)
{
  serving_set_up (&pair->serving, NULL);
  pair->serving.limits.hub.rate = 100000;
  pair->serving.limits.hub.burst = 1000000;
  pair->serving.limits.hub.box_frames = BOX_FRAMES;
  pair->serving.limits.hub.box_bytes = BOX_FRAMES * 1024;
  serving_start (&pair->serving);
  pair->serving.fds = 0;        /* the test of transports counts them */
  pair->proxy = rude_proxy_new (pair->serving.port, test->rudeness);
  pair->link = g_strdup_printf ("http://127.0.0.1:%u/room/" ROOM_ID,
      rude_proxy_get_port (pair->proxy));
  g_mutex_init (&pair->lock);
  g_cond_init (&pair->cond);
  pair->members[0] = (Member) { pair, NULL, ID_A };
  pair->members[1] = (Member) { pair, NULL, ID_B };
}

static void
tear_down (Pair *pair)
{
  g_mutex_lock (&pair->lock);
  pair->over = TRUE;
  g_mutex_unlock (&pair->lock);
  for (guint i = 0; i < 2; i++) {
    mesh_connection_stop (pair->members[i].connection);
    g_assert_finalize_object (pair->members[i].connection);
  }
  rude_proxy_free (pair->proxy);
  serving_tear_down (&pair->serving, NULL);
  g_free (pair->link);
  g_cond_clear (&pair->cond);
  g_mutex_clear (&pair->lock);
}

static void
each_arrives_once_and_in_order (gconstpointer data)
{
  const Case *test = data;
  Pair pair = { 0 };
  gint64 begin;

  set_up (&pair, test);
  if (test->count >= 10000)
    alarm (600);
  join (&pair.members[0], test->make);
  wait_for (&pair, &pair.members[0].welcome);
  join (&pair.members[1], test->make);
  wait_for (&pair, &pair.members[0].joined);
  wait_for (&pair, &pair.members[1].welcome);
  begin = g_get_monotonic_time ();
  talk (&pair, test->count);
  g_test_message ("2 x %u messages in %.1f s, %u times rude", test->count,
      (g_get_monotonic_time () - begin) / 1e6, rude_proxy_count (pair.proxy));
  g_assert_cmpuint (pair.members[0].received, ==, test->count);
  g_assert_cmpuint (pair.members[1].received, ==, test->count);
  if (test->rudeness == RUDE_CUT || test->rudeness == RUDE_ABORT)
    g_assert_cmpuint (rude_proxy_count (pair.proxy), >, 0);
  tear_down (&pair);
}

int
main (int argc, char **argv)
{
  gboolean is_long = g_getenv ("MESH_LONG") != NULL;
  const Case cases[] = {
    { "websocket/slow", mesh_websocket_new, RUDE_SLOW, 50 },
    { "longpoll/slow", mesh_longpoll_new, RUDE_SLOW, 50 },
    { "websocket/cut", mesh_websocket_new, RUDE_CUT, 400 },
    { "longpoll/cut", mesh_longpoll_new, RUDE_CUT, 1000 },
    { "longpoll/abort", mesh_longpoll_new, RUDE_ABORT,
        is_long ? 100000 : g_getenv ("MESH_SLOW") ? 1000 : 5000 },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/rude/", cases[i].name, NULL);

    g_test_add_data_func (path, &cases[i], each_arrives_once_and_in_order);
  }
  return g_test_run ();
}
