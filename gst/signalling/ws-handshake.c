/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/ws-handshake.h"

#include <libsoup/soup.h>
#include <string.h>

#include "core/error.h"
#include "core/ws-frame.h"
#include "host/random.h"
#include "signalling/connect-error.h"

/* Returns the nonce of one handshake (transfer full). */
char *
mesh_ws_make_key (void)
{
  guint8 bytes[16];

  mesh_random_fill (bytes, sizeof bytes);
  return g_base64_encode (bytes, sizeof bytes);
}

/* Returns the request for a WebSocket at the link's server; @path with a
 * query. */
char *
mesh_ws_make_request (const MeshLink *link, const char *path, const char *key)
{
  gboolean is_ipv6 = strchr (link->host, ':') != NULL;

  return g_strdup_printf ("GET %s HTTP/1.1\r\n"
                          "Host: %s%s%s:%u\r\n"
                          "User-Agent: meshroom/" MESH_VERSION "\r\n"
                          "Connection: Upgrade\r\n"
                          "Upgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: %s\r\n\r\n",
      path, is_ipv6 ? "[" : "", link->host, is_ipv6 ? "]" : "", link->port,
      key);
}

/* Returns the length of the answer's head, with the empty line; -1: it is not
 * complete yet. */
gssize
mesh_ws_answer_length (const char *text, gsize length)
{
  const char *end = g_strstr_len (text, length, "\r\n\r\n");

  return end ? end + 4 - text : -1;
}

/* Checks that the server speaks WebSocket with us, without extensions. */
gboolean
mesh_ws_check_answer (const char *answer, gsize length, const char *key,
    GError **error)
{
  SoupMessageHeaders *headers
      = soup_message_headers_new (SOUP_MESSAGE_HEADERS_RESPONSE);
  g_autofree char *expected = mesh_ws_accept_key (key);
  guint status = 0;
  gboolean yes;

  yes = soup_headers_parse_response (answer, length, headers, NULL, &status,
      NULL);
  if (!yes) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "it is no meshroom server (it does not speak HTTP)");
  } else if (status != SOUP_STATUS_SWITCHING_PROTOCOLS) {
    yes = FALSE;
    g_propagate_error (error, mesh_connect_error_from_status (status));
  } else if (!soup_message_headers_header_equals (headers, "Upgrade",
                 "websocket")
             || !soup_message_headers_header_contains (headers, "Connection",
                 "Upgrade")
             || g_strcmp0 (soup_message_headers_get_one (headers,
                               "Sec-WebSocket-Accept"),
                    expected)
                    != 0
             || soup_message_headers_get_list (headers,
                 "Sec-WebSocket-Extensions")
             || soup_message_headers_get_list (headers,
                 "Sec-WebSocket-Protocol")) {
    yes = FALSE;
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "it is no meshroom server (its WebSocket handshake is wrong)");
  }
  soup_message_headers_unref (headers);
  return yes;
}
