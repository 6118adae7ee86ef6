/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The smallest possible relay with libsoup's WebSocket server, to compare ours
 * with: it passes {"to":"ID",… on, byte for byte. */

#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

static GHashTable *members;     /* id -> SoupWebsocketConnection */

static void
on_message (SoupWebsocketConnection *connection, gint type, GBytes *message)
{
  static const char prefix[] = "{\"to\":\"";
  const gsize head = sizeof prefix - 1;
  const char *text = g_bytes_get_data (message, NULL);
  gsize size = g_bytes_get_size (message);
  g_autofree char *id = NULL;
  SoupWebsocketConnection *to;

  if (size < head + 36 || memcmp (text, prefix, head) != 0)
    return;
  id = g_strndup (text + head, 36);
  to = g_hash_table_lookup (members, id);
  if (to && soup_websocket_connection_get_state (to)
      == SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_send_message (to, SOUP_WEBSOCKET_DATA_TEXT,
        message);
}

static void
on_closed (SoupWebsocketConnection *connection, char *id)
{
  g_hash_table_remove (members, id);
}

static void
on_connection (SoupServer *server, SoupServerMessage *message,
    const char *path, SoupWebsocketConnection *connection, gpointer data)
{
  const char *query = g_uri_get_query (soup_server_message_get_uri (message));
  char *id = g_strdup (query && strlen (query) > 3 ? query + 3 : "");

  g_hash_table_replace (members, id, g_object_ref (connection));
  g_signal_connect (connection, "message", G_CALLBACK (on_message), NULL);
  g_signal_connect (connection, "closed", G_CALLBACK (on_closed), id);
}

int
main (void)
{
  g_autoptr (SoupServer) server = g_object_new (SOUP_TYPE_SERVER, NULL);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  GSList *uris;

  members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_object_unref);
  soup_server_add_websocket_handler (server, "/", NULL, NULL, on_connection,
      NULL, NULL);
  if (!soup_server_listen_local (server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY,
          &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  uris = soup_server_get_uris (server);
  printf ("listening on http://127.0.0.1:%d\n",
      g_uri_get_port (uris->data));
  fflush (stdout);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  g_main_loop_run (loop);
  return 0;
}
