/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The long-poll transport (docs/protocol.md, "Long polling"). Two requests are
 * under way at most, one each way:
 *
 *     send ──→ queue ──→ POST send      until the server has taken them
 *     frame ←── first unseen ←── POST receive, again and again
 *
 * Any request can be made again: what came twice is known by its number. So it
 * does not matter which requests, answers or connections are lost; when all
 * are, the core notices the silence. */

#include "signalling/longpoll.h"

#include <string.h>

#include "core/batch.h"
#include "core/error.h"
#include "core/json.h"
#include "host/timer.h"
#include "signalling/connect-error.h"
#include "signalling/post.h"
#include "signalling/proxy.h"

/* docs/protocol.md: the server lets a request wait for 4 s; two in a row that
 * come to nothing are a lost connection, which the core decides. */
#define RECEIVE_PATIENCE_MS 7000
#define SEND_PATIENCE_MS 5000
/* The server ends an answer after the frame that goes beyond 64 KiB. */
#define MAX_ANSWER (256 * 1024)
/* The server puts a longer head on a frame than we did. */
#define MAX_FRAME_BYTES (MESH_JSON_MAX_BYTES + 256)
/* A request carries frames up to this size, or a single larger one. */
#define ENOUGH (32 * 1024)
/* The same bound as the WebSocket's: more than the core lets wait. */
#define MAX_UNTAKEN_BYTES (16 * 1024 * 1024)
/* Opening is tried so often; the delays are those between tries of anything. */
#define OPEN_TRIES 5
#define FIRST_DELAY_MS 20
#define MAX_DELAY_MS 1000
/* An empty answer that comes sooner is not the wait that we asked for, so the
 * next request waits a little. */
#define HASTE (G_USEC_PER_SEC)
#define HASTE_DELAY_MS 250

typedef struct {
  gboolean busy;                /* the request is under way or due */
  guint failures;               /* in a row */
  GSource *timer;
} Request;

struct _MeshLongpoll {
  GObject parent;

  char *url;                    /* of the server, with the path's beginning */
  SoupSession *http;
  GCancellable *cancellable;
  char *session;                /* NULL: not open yet */
  Request sending;              /* also opening */
  Request receiving;
  GQueue out;                   /* char *, the untaken frames from `first` on */
  gint64 first;
  gsize untaken_bytes;
  gint64 received;              /* number of the last frame */
  gint64 asked_at;
  gboolean finishing;
  gboolean over;                /* nothing more is emitted */
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshLongpoll, mesh_longpoll, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

static void open_session (MeshLongpoll *self);
static void send_frames (MeshLongpoll *self);
static void receive_frames (MeshLongpoll *self);

/* Ends everything that is under way; nothing is emitted afterwards. */
static void
end (MeshLongpoll *self)
{
  self->over = TRUE;
  mesh_timer_clear (&self->sending.timer);
  mesh_timer_clear (&self->receiving.timer);
  g_cancellable_cancel (self->cancellable);
  if (self->http)
    soup_session_abort (self->http);
}

static void
report_closed (MeshLongpoll *self, const GError *error)
{
  if (self->over)
    return;
  end (self);
  mesh_transport_emit_closed (MESH_TRANSPORT (self), error);
}

static void
fail (MeshLongpoll *self, MeshError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (MESH_ERROR, code, text);

  report_closed (self, error);
}

static void
post (MeshLongpoll *self, const char *path, GByteArray *body, guint patience,
    MeshPostFunc func)
{
  g_autofree char *url = g_strconcat (self->url, path, NULL);
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (body);

  mesh_post (self->http, url, "text/plain; charset=utf-8", bytes, MAX_ANSWER,
      patience, self->cancellable, func, g_object_ref (self));
}

static GByteArray * G_GNUC_PRINTF (1, 2)
start_body (const char *format, ...)
{
  GByteArray *body = g_byte_array_new ();
  g_autofree char *head = NULL;
  va_list args;

  va_start (args, format);
  head = g_strdup_vprintf (format, args);
  va_end (args);
  mesh_batch_append (body, head, strlen (head));
  return body;
}

/* Reads an answer's first record, and leaves what follows it in @rest. Returns
 * NULL when the answer is not our server's. */
static JsonObject *
read_head (GBytes *answer, const char **rest, gsize *rest_length)
{
  const char *text;
  gsize length;

  *rest = g_bytes_get_data (answer, rest_length);
  if (!mesh_batch_next (rest, rest_length, &text, &length))
    return NULL;
  return mesh_json_parse (text, length, NULL);
}

static gboolean
on_delay_over (gpointer user_data)
{
  MeshLongpoll *self = user_data;

  if (g_main_current_source () == self->receiving.timer) {
    mesh_timer_clear (&self->receiving.timer);
    receive_frames (self);
  } else {
    mesh_timer_clear (&self->sending.timer);
    if (self->session)
      send_frames (self);
    else
      open_session (self);
  }
  return G_SOURCE_REMOVE;
}

static void
repeat_after (MeshLongpoll *self, Request *request, guint ms)
{
  request->timer = mesh_timer_new (g_main_context_get_thread_default (), ms,
      on_delay_over, self);
}

static void
repeat (MeshLongpoll *self, Request *request)
{
  guint delay = MIN (FIRST_DELAY_MS << MIN (request->failures, 8),
      MAX_DELAY_MS);

  request->failures++;
  repeat_after (self, request, g_random_int_range (0, delay + 1));
}

/* Returns whether a request is to be made again; if not, the session is
 * over. */
static gboolean
is_worth_repeating (MeshLongpoll *self, guint status, const GError *error)
{
  if (status == MESH_POST_NOBODY)
    report_closed (self, error);
  else if (status == SOUP_STATUS_GONE || status == SOUP_STATUS_CONFLICT)
    fail (self, MESH_ERROR_UNREACHABLE, "it has forgotten us");
  return !self->over;
}

/* A server that is not there at all, or that answers with another status, is
 * not asked again: opening finds out whether there is one. */
static void
on_opened (guint status, GBytes *answer, const GError *error,
    gpointer user_data)
{
  g_autoptr (MeshLongpoll) self = user_data;
  g_autoptr (JsonObject) head = NULL;
  g_autoptr (GError) reason = NULL;
  const char *rest, *session = NULL;
  gsize rest_length;

  if (self->over)
    return;
  if (status == SOUP_STATUS_OK)
    head = read_head (answer, &rest, &rest_length);
  if (head)
    mesh_json_get_string (head, "session", 64, &session, NULL);
  if (session && *session && strspn (session, G_CSET_A_2_Z G_CSET_a_2_z
          G_CSET_DIGITS "-_") == strlen (session)) {
    self->session = g_strdup (session);
    self->sending = (Request) { 0 };
    mesh_transport_emit_opened (MESH_TRANSPORT (self));
    if (!self->over)
      receive_frames (self);
    return;
  }
  if (error)
    reason = g_error_copy (error);
  else if (status != SOUP_STATUS_OK)
    reason = mesh_connect_error_from_status (status);
  else
    reason = g_error_new_literal (MESH_ERROR, MESH_ERROR_FAILED,
        "it is no meshroom server (it answers something else)");
  if (status > 0 && status != SOUP_STATUS_OK)
    self->sending.failures = OPEN_TRIES;
  if (self->sending.failures < OPEN_TRIES)
    repeat (self, &self->sending);
  else
    report_closed (self, reason);
}

static void
open_session (MeshLongpoll *self)
{
  self->sending.busy = TRUE;
  post (self, "open", start_body ("{\"v\":1}"), SEND_PATIENCE_MS, on_opened);
}

/* Forgets the frames up to @taken, which the server has. */
static void
forget_taken (MeshLongpoll *self, gint64 taken)
{
  for (; self->first <= taken; self->first++) {
    g_autofree char *frame = g_queue_pop_head (&self->out);

    self->untaken_bytes -= strlen (frame);
  }
}

static void
on_frames_sent (guint status, GBytes *answer, const GError *error,
    gpointer user_data)
{
  g_autoptr (MeshLongpoll) self = user_data;
  g_autoptr (JsonObject) head = NULL;
  const char *rest;
  gsize rest_length;
  gint64 taken = -1;

  if (self->over)
    return;
  if (status == SOUP_STATUS_OK)
    head = read_head (answer, &rest, &rest_length);
  if (!head || !mesh_json_get_int (head, "taken", self->first - 1,
          self->first + self->out.length - 1, &taken, NULL) || taken < 0) {
    if (is_worth_repeating (self, status, error))
      repeat (self, &self->sending);
    return;
  }
  self->sending = (Request) { 0 };
  forget_taken (self, taken);
  mesh_transport_emit_heard (MESH_TRANSPORT (self));
  if (self->over)
    return;
  if (self->out.length)
    send_frames (self);
  else if (self->finishing)
    report_closed (self, NULL);
}

static void
send_frames (MeshLongpoll *self)
{
  GByteArray *body = start_body ("{\"session\":\"%s\",\"first\":%"
      G_GINT64_FORMAT "}", self->session, self->first);

  self->sending.busy = TRUE;
  for (GList *l = self->out.head; l; l = l->next) {
    gsize length = strlen (l->data);

    if (l->prev && body->len + length > ENOUGH)
      break;
    mesh_batch_append (body, l->data, length);
  }
  post (self, "send", body, SEND_PATIENCE_MS, on_frames_sent);
}

/* Checks the whole answer before its first frame is emitted, so that an answer
 * that was cut off does not count. Returns the new frames in it, or NULL where
 * it is wrong. */
static GPtrArray *
read_frames (MeshLongpoll *self, GBytes *answer, gint64 *closed)
{
  g_autoptr (GPtrArray) frames
      = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (JsonObject) head = NULL;
  const char *rest, *text;
  gsize rest_length, length;
  gint64 first = -1, count = -1, number;

  head = read_head (answer, &rest, &rest_length);
  if (!head || !mesh_json_get_int (head, "first", 1, G_MAXINT64 / 2, &first,
          NULL)
      || !mesh_json_get_int (head, "count", 0, MAX_ANSWER, &count, NULL)
      || !mesh_json_get_int (head, "closed", 1, G_MAXUINT16, closed, NULL)
      || first < 1 || count < 0 || first > self->received + 1)
    return NULL;
  for (number = first; mesh_batch_next (&rest, &rest_length, &text, &length);
      number++)
    if (number > self->received)
      g_ptr_array_add (frames, g_bytes_new (text, length));
  if (rest_length || number - first != count)
    return NULL;
  return g_steal_pointer (&frames);
}

static void
ask_again (MeshLongpoll *self, gboolean nothing_new)
{
  if (nothing_new && g_get_monotonic_time () < self->asked_at + HASTE)
    repeat_after (self, &self->receiving, HASTE_DELAY_MS);
  else
    receive_frames (self);
}

static void
on_received (guint status, GBytes *answer, const GError *error,
    gpointer user_data)
{
  g_autoptr (MeshLongpoll) self = user_data;
  g_autoptr (GPtrArray) frames = NULL;
  gint64 closed = 0;

  if (self->over)
    return;
  if (status == SOUP_STATUS_OK)
    frames = read_frames (self, answer, &closed);
  if (!frames) {
    if (is_worth_repeating (self, status, error))
      repeat (self, &self->receiving);
    return;
  }
  self->receiving = (Request) { 0 };
  mesh_transport_emit_heard (MESH_TRANSPORT (self));
  for (guint i = 0; i < frames->len && !self->over; i++) {
    self->received++;
    if (g_bytes_get_size (frames->pdata[i]) > MAX_FRAME_BYTES)
      fail (self, MESH_ERROR_UNREACHABLE, "it sends too much at once");
    else if (!self->finishing)
      mesh_transport_emit_frame (MESH_TRANSPORT (self), frames->pdata[i]);
  }
  if (closed)
    report_closed (self, NULL);
  else if (!self->over)
    ask_again (self, frames->len == 0);
}

static void
receive_frames (MeshLongpoll *self)
{
  self->asked_at = g_get_monotonic_time ();
  post (self, "receive", start_body ("{\"session\":\"%s\",\"after\":%"
          G_GINT64_FORMAT "}", self->session, self->received),
      RECEIVE_PATIENCE_MS, on_received);
}

static void
mesh_longpoll_open (MeshTransport *transport)
{
  MeshLongpoll *self = MESH_LONGPOLL (transport);

  self->http = mesh_post_session_new ();
  open_session (self);
}

static void
mesh_longpoll_send (MeshTransport *transport, const char *frame)
{
  MeshLongpoll *self = MESH_LONGPOLL (transport);

  if (self->over || self->finishing || !self->session)
    return;
  self->untaken_bytes += strlen (frame);
  g_queue_push_tail (&self->out, g_strdup (frame));
  if (self->untaken_bytes > MAX_UNTAKEN_BYTES)
    fail (self, MESH_ERROR_UNREACHABLE, "it does not read what we send");
  else if (!self->sending.busy)
    send_frames (self);
}

static void
mesh_longpoll_close (MeshTransport *transport, gboolean finish)
{
  MeshLongpoll *self = MESH_LONGPOLL (transport);

  if (self->over)
    return;
  if (!finish)
    end (self);
  else if (self->out.length)
    self->finishing = TRUE;
  else
    report_closed (self, NULL);
}

static char *
mesh_longpoll_dup_way (MeshTransport *transport)
{
  MeshLongpoll *self = MESH_LONGPOLL (transport);

  return self->http ? mesh_proxy_resolver_dup_way (MESH_PROXY_RESOLVER (
          soup_session_get_proxy_resolver (self->http)), self->url) : NULL;
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_longpoll_open;
  iface->send = mesh_longpoll_send;
  iface->close = mesh_longpoll_close;
  iface->dup_way = mesh_longpoll_dup_way;
}

static void
mesh_longpoll_dispose (GObject *object)
{
  MeshLongpoll *self = MESH_LONGPOLL (object);

  if (!self->over)
    end (self);
  g_clear_object (&self->http);
  G_OBJECT_CLASS (mesh_longpoll_parent_class)->dispose (object);
}

static void
mesh_longpoll_finalize (GObject *object)
{
  MeshLongpoll *self = MESH_LONGPOLL (object);

  g_queue_clear_full (&self->out, g_free);
  g_object_unref (self->cancellable);
  g_free (self->session);
  g_free (self->url);
  G_OBJECT_CLASS (mesh_longpoll_parent_class)->finalize (object);
}

static void
mesh_longpoll_class_init (MeshLongpollClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_longpoll_dispose;
  object_class->finalize = mesh_longpoll_finalize;
}

static void
mesh_longpoll_init (MeshLongpoll *self)
{
  self->cancellable = g_cancellable_new ();
  self->first = 1;
  g_queue_init (&self->out);
}

/**
 * mesh_longpoll_new:
 * @link: a room's link
 *
 * Returns: (transfer full): a transport to the server of @link
 */
MeshTransport *
mesh_longpoll_new (const MeshLink *link)
{
  MeshLongpoll *self = g_object_new (MESH_TYPE_LONGPOLL, NULL);

  self->url = g_uri_join (G_URI_FLAGS_NONE, link->scheme, NULL, link->host,
      link->port, "/v1/poll/", NULL, NULL);
  return MESH_TRANSPORT (self);
}
