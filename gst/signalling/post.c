/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/post.h"

#include "core/error.h"
#include "host/timer.h"
#include "signalling/connect-error.h"
#include "signalling/proxy.h"

#define READ_BYTES (16 * 1024)
/* One request waits at the server, one sends, and others are about to end. */
#define MAX_CONNECTIONS 4

typedef struct {
  MeshProxyResolver *proxies;
  SoupMessage *message;
  GInputStream *stream;
  GByteArray *answer;
  gsize max_answer;
  GCancellable *cancellable;    /* ours: the caller's, or late */
  GCancellable *outer;
  gulong outer_handler;
  GSource *timer;
  gboolean late;
  MeshPostFunc func;
  gpointer user_data;
} Post;

/*
 * mesh_post_session_new:
 *
 * Returns: (transfer full): for requests from one thread
 */
SoupSession *
mesh_post_session_new (void)
{
  g_autoptr (GProxyResolver) proxies = mesh_proxy_resolver_new (NULL);
  SoupSession *session = soup_session_new_with_options (
      "proxy-resolver", proxies,
      "user-agent", "meshroom/" MESH_VERSION,
      "max-conns", MAX_CONNECTIONS, "max-conns-per-host", MAX_CONNECTIONS,
      "timeout", 0, NULL);

  /* The status of a 407 says enough, since there is nobody to ask for a
   * password; libsoup 3.2 would look for one in a URL that it does not have,
   * and then ask the proxy for a page of its own. */
  soup_session_remove_feature_by_type (session, SOUP_TYPE_AUTH_MANAGER);
  /* a small answer could unpack to any size */
  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  return session;
}

static void
post_free (Post *self)
{
  mesh_timer_clear (&self->timer);
  g_cancellable_disconnect (self->outer, self->outer_handler);
  g_clear_object (&self->outer);
  g_object_unref (self->cancellable);
  g_clear_object (&self->stream);
  g_object_unref (self->message);
  g_object_unref (self->proxies);
  g_byte_array_unref (self->answer);
  g_free (self);
}

static void
finish (Post *self, const GError *error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) answer = g_bytes_new (self->answer->data,
      self->answer->len);
  guint status = 0;

  if (self->late)
    reason = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "no answer");
  else if (error && error->domain != MESH_ERROR)
    reason = mesh_connect_error_from_cause (error,
        soup_message_get_tls_peer_certificate_errors (self->message));
  if (!reason && error)
    reason = g_error_copy (error);
  if (!reason)
    status = soup_message_get_status (self->message);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    status = MESH_POST_NOBODY;
  if (status == SOUP_STATUS_PROXY_AUTHENTICATION_REQUIRED)
    reason = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "it asks for a user and a password (HTTP 407)");
  if (reason) {
    g_autofree char *url = g_uri_to_string (soup_message_get_uri (
            self->message));

    reason = mesh_proxy_resolver_explain (self->proxies, url,
        g_steal_pointer (&reason));
  }
  self->func (status, answer, reason, self->user_data);
  post_free (self);
}

static void read_answer (Post *self);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Post *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = g_input_stream_read_bytes_finish (self->stream, result, &error);
  gsize size = bytes ? g_bytes_get_size (bytes) : 0;

  if (size > 0)
    g_byte_array_append (self->answer, g_bytes_get_data (bytes, NULL), size);
  if (self->answer->len > self->max_answer)
    error = g_error_new_literal (MESH_ERROR, MESH_ERROR_FAILED,
        "it is no meshroom server (its answer has no end)");
  if (error || size == 0)
    finish (self, error);
  else
    read_answer (self);
}

static void
read_answer (Post *self)
{
  g_input_stream_read_bytes_async (self->stream, READ_BYTES,
      G_PRIORITY_DEFAULT, self->cancellable, on_read, self);
}

static void
on_sent (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Post *self = user_data;
  g_autoptr (GError) error = NULL;

  self->stream
      = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (self->stream)
    read_answer (self);
  else
    finish (self, error);
}

static gboolean
on_late (gpointer user_data)
{
  Post *self = user_data;

  self->late = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_outer_cancelled (GCancellable *outer, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

/*
 * mesh_post:
 * @session: of mesh_post_session_new()
 * @url: where to
 * @content_type: (nullable): of @body
 * @body: (nullable): what to send; %NULL: it is a GET
 * @max_answer: the longest answer, in bytes
 * @patience_ms: until the whole answer is there
 * @cancellable: (nullable): ends it early
 * @func: called once, from the thread-default context, whatever happens
 */
void
mesh_post (SoupSession *session, const char *url,
    const char *content_type, GBytes *body, gsize max_answer, guint patience_ms,
    GCancellable *cancellable,
    MeshPostFunc func, gpointer user_data)
{
  Post *self = g_new0 (Post, 1);

  self->message = soup_message_new (body ? SOUP_METHOD_POST : SOUP_METHOD_GET,
      url);
  self->proxies = MESH_PROXY_RESOLVER (g_object_ref (
          soup_session_get_proxy_resolver (session)));
  self->answer = g_byte_array_new ();
  self->max_answer = max_answer;
  self->func = func;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  if (cancellable) {
    self->outer = g_object_ref (cancellable);
    self->outer_handler = g_cancellable_connect (cancellable,
        G_CALLBACK (on_outer_cancelled), g_object_ref (self->cancellable),
        g_object_unref);
  }
  self->timer = mesh_timer_new (g_main_context_get_thread_default (),
      patience_ms, on_late, self);
  if (body)
    soup_message_set_request_body_from_bytes (self->message, content_type,
        body);
  /* IDEMPOTENT: may go over a connection that is there already */
  soup_message_add_flags (self->message,
      SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT);
  soup_session_send_async (session, self->message, G_PRIORITY_DEFAULT,
      self->cancellable, on_sent, self);
}
