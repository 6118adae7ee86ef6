/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connection to a fake server, and a log of what it tells. */

#include <string.h>

#include "core/error.h"
#include "core/link.h"
#include "fake-server.h"
#include "signalling/connection.h"
#include "signalling/transport.h"

#define TO_BOB(text) \
  "{\"type\":\"chat\",\"from\":\"" FAKE_ALICE "\",\"to\":\"" FAKE_BOB \
  "\",\"text\":\"" text "\"}"

/* What a connection told us; written by its thread. */
typedef struct {
  GMutex lock;
  GQueue messages;              /* JsonObject */
  GQueue errors;                /* GError, not fatal */
  GError *fatal;
} Log;

static inline void
on_message (MeshConnection *connection, const char *json, gpointer user_data)
{
  Log *log = user_data;
  g_autoptr (JsonNode) node = json_from_string (json, NULL);

  g_mutex_lock (&log->lock);
  g_queue_push_tail (&log->messages, json_node_dup_object (node));
  g_mutex_unlock (&log->lock);
  g_main_context_wakeup (NULL);
}

static inline void
on_error (MeshConnection *connection, const GError *error, gboolean fatal,
    gpointer user_data)
{
  Log *log = user_data;

  g_mutex_lock (&log->lock);
  if (fatal) {
    g_assert_null (log->fatal);
    log->fatal = g_error_copy (error);
  } else {
    g_queue_push_tail (&log->errors, g_error_copy (error));
  }
  g_mutex_unlock (&log->lock);
  g_main_context_wakeup (NULL);
}

static inline Log *
log_new (void)
{
  Log *log = g_new0 (Log, 1);

  g_mutex_init (&log->lock);
  g_queue_init (&log->messages);
  g_queue_init (&log->errors);
  return log;
}

static inline void
log_free (Log *log)
{
  g_queue_clear_full (&log->messages, (GDestroyNotify) json_object_unref);
  g_queue_clear_full (&log->errors, (GDestroyNotify) g_error_free);
  g_clear_error (&log->fatal);
  g_mutex_clear (&log->lock);
  g_free (log);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Log, log_free)

static inline gboolean
has_message (gpointer data)
{
  Log *log = data;
  gboolean has;

  g_mutex_lock (&log->lock);
  has = log->messages.length > 0;
  g_mutex_unlock (&log->lock);
  return has;
}

static inline JsonObject *
log_wait_message (Log *log, const char *type)
{
  JsonObject *message;

  fake_wait_until (has_message, log);
  g_mutex_lock (&log->lock);
  message = g_queue_pop_head (&log->messages);
  g_mutex_unlock (&log->lock);
  g_assert_cmpstr (json_object_get_string_member (message, "type"), ==, type);
  return message;
}

static inline gboolean
has_fatal (gpointer data)
{
  Log *log = data;
  gboolean has;

  g_mutex_lock (&log->lock);
  has = log->fatal != NULL;
  g_mutex_unlock (&log->lock);
  return has;
}

static inline gboolean
has_error (gpointer data)
{
  Log *log = data;
  gboolean has;

  g_mutex_lock (&log->lock);
  has = log->errors.length > 0;
  g_mutex_unlock (&log->lock);
  return has;
}

static inline GError *
log_wait_error (Log *log)
{
  GError *error;

  fake_wait_until (has_error, log);
  g_mutex_lock (&log->lock);
  error = g_queue_pop_head (&log->errors);
  g_mutex_unlock (&log->lock);
  return error;
}

/* Which transport the tests go over; NULL: the one that the link asks for. */
static MeshTransport *(*make_transport) (const MeshLink *link);

static inline MeshTransport *
make_for_link (gpointer link)
{
  return make_transport (link);
}

static inline MeshConnection *
new_connection (FakeServer *server, const char *peer_id)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *link = fake_server_dup_link (server);
  MeshConnection *connection = mesh_connection_new (link, peer_id, &error);

  g_assert_no_error (error);
  if (make_transport)
    mesh_connection_set_transport (connection, make_for_link,
        mesh_link_parse (link, NULL), (GDestroyNotify) mesh_link_free);
  return connection;
}

static inline MeshConnection *
connect_to (FakeServer *server, Log *log, const char *peer_id)
{
  MeshConnection *connection = new_connection (server, peer_id);

  mesh_connection_set_callbacks (connection, on_message, on_error, log, NULL);
  mesh_connection_start (connection);
  return connection;
}

static inline void
send_text (MeshConnection *connection, const char *json)
{
  g_autoptr (GError) error = NULL;

  mesh_connection_send (connection, json, -1, &error);
  g_assert_no_error (error);
}

static inline void
expect_send (FakeServer *server, gint64 mid)
{
  g_autoptr (JsonObject) frame = fake_server_wait_for (server, "mid");

  g_assert_cmpint (json_object_get_int_member (frame, "mid"), ==, mid);
  g_assert_cmpstr (json_object_get_string_member (frame, "to"), ==, FAKE_BOB);
}

static inline void
send_chat (FakeServer *server, guint seq, const char *from, const char *stamp)
{
  fake_server_send (server,
      "{\"seq\":%u,\"from\":\"%s\",\"payload\":{\"type\":\"chat\","
      "\"from\":\"%s\",\"to\":\"" FAKE_ALICE "\",\"text\":\"%u\"}}",
      seq, stamp, from, seq);
}

static inline void
expect_chat (Log *log, guint seq)
{
  g_autoptr (JsonObject) message = log_wait_message (log, "chat");
  g_autofree char *text = g_strdup_printf ("%u", seq);

  g_assert_cmpstr (json_object_get_string_member (message, "text"), ==, text);
}
