/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/longpoll.h"

#include <string.h>

#include "core/batch.h"
#include "core/envelope.h"
#include "core/json-scan.h"
#include "host/random.h"
#include "server/handshake.h"

#define PATH "/v1/poll/"
/* An answer ends after the frame that exceeds this. */
#define ENOUGH (64 * 1024)

typedef struct {
  char id[MESH_TOKEN_LENGTH + 1];
  guint64 number;               /* its number as a client of the hub */
  guint64 taken;                /* last frame that came from the client */
  GQueue out;                   /* GBytes, not acknowledged yet */
  guint64 first;                /* the number of the oldest in `out` */
  gsize bytes;                  /* of all in `out` */
  guint16 closed;               /* by the hub, with this code; 0: open */
  gint64 gone_at;               /* closed: when to forget it */
  GList *half_open;             /* its place there; NULL: a member's */
  gboolean dirty;               /* in the list of the same name */

  MeshConn *waiting;            /* for frames; NULL: no request waits */
  char *origin;                 /* of the page whose request waits */
  gint64 until;
} Session;

struct _MeshPolls {
  MeshHub *hub;
  MeshPollLimits limits;
  GPtrArray *origins;
  GHashTable *by_id;            /* id -> Session, owned */
  GHashTable *by_number;
  GHashTable *by_conn;          /* MeshConn that waits -> Session */
  GQueue half_open;             /* of Session, the oldest first */
  GArray *dirty;                /* numbers of sessions with something new */
};

static void
session_free (Session *session)
{
  g_queue_clear_full (&session->out, (GDestroyNotify) g_bytes_unref);
  g_free (session->origin);
  g_free (session);
}

/*
 * mesh_polls_new:
 * @hub: outlives it
 * @origins: whose pages may use it, ending in a %NULL; outlives it
 */
MeshPolls *
mesh_polls_new (MeshHub *hub, const MeshPollLimits *limits, GPtrArray *origins)
{
  MeshPolls *self = g_new0 (MeshPolls, 1);

  self->hub = hub;
  self->limits = *limits;
  self->origins = origins;
  self->by_id = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) session_free);
  self->by_number = g_hash_table_new (g_int64_hash, g_int64_equal);
  self->by_conn = g_hash_table_new (NULL, NULL);
  self->dirty = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_queue_init (&self->half_open);
  return self;
}

void
mesh_polls_free (MeshPolls *polls)
{
  if (!polls)
    return;
  g_queue_clear (&polls->half_open);
  g_hash_table_unref (polls->by_conn);
  g_hash_table_unref (polls->by_number);
  g_hash_table_unref (polls->by_id);
  g_array_unref (polls->dirty);
  g_free (polls);
}

guint
mesh_polls_count (MeshPolls *polls)
{
  return g_hash_table_size (polls->by_id);
}

static Session *
find_session (MeshPolls *self, guint64 number)
{
  return g_hash_table_lookup (self->by_number, &number);
}

static void
leave_half_open (MeshPolls *self, Session *session)
{
  if (session->half_open)
    g_queue_delete_link (&self->half_open,
        g_steal_pointer (&session->half_open));
}

/* Forgets the request that waits. If its connection is gone, the client asks
 * again. */
static void
stop_waiting (MeshPolls *self, Session *session)
{
  if (session->waiting)
    g_hash_table_remove (self->by_conn, session->waiting);
  session->waiting = NULL;
  g_clear_pointer (&session->origin, g_free);
}

/* Adds the headers of all answers: none may be cached or changed on its way. */
static void
add_headers (MeshHttpResponse *response, const char *origin)
{
  mesh_http_response_add (response, "Cache-Control", "no-store, no-transform");
  mesh_origin_add_headers (response, origin);
}

static void
set_body (MeshHttpResponse *response, GByteArray *body)
{
  response->status = 200;
  response->type = "text/plain; charset=utf-8";
  response->body = g_byte_array_free_to_bytes (body);
}

static void G_GNUC_PRINTF (2, 3)
set_text (MeshHttpResponse *response, const char *format, ...)
{
  GByteArray *body = g_byte_array_new ();
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  mesh_batch_append (body, text, strlen (text));
  set_body (response, body);
}

/* Writes the frames that the client has not fetched, or as many as make one
 * answer. */
static void
set_frames (Session *session, MeshHttpResponse *response)
{
  GByteArray *body = g_byte_array_new ();
  GList *end = session->out.head;
  g_autofree char *head = NULL;
  char closed[32] = "";
  gsize size = 0;
  guint count = 0;

  for (; end && size < ENOUGH; end = end->next, count++)
    size += g_bytes_get_size (end->data);
  if (!end && session->closed)
    g_snprintf (closed, sizeof closed, ",\"closed\":%u", session->closed);
  head = g_strdup_printf ("{\"first\":%" G_GUINT64_FORMAT ",\"count\":%u%s}",
      session->first, count, closed);
  mesh_batch_append (body, head, strlen (head));
  for (GList *l = session->out.head; l != end; l = l->next) {
    gconstpointer text = g_bytes_get_data (l->data, &size);

    mesh_batch_append (body, text, size);
  }
  set_body (response, body);
}

static gboolean
has_news (Session *session)
{
  return session->out.length || session->closed;
}

/* Answering can end the connection, and so call mesh_polls_conn_gone(). */
static void
answer_waiting (MeshPolls *self, Session *session)
{
  g_auto (MeshHttpResponse) response = { 0 };
  MeshConn *conn = session->waiting;

  if (!conn)
    return;
  mesh_http_response_add_general (&response);
  add_headers (&response, session->origin);
  set_frames (session, &response);
  stop_waiting (self, session);
  mesh_conn_answer (conn, &response);
}

static void
forget_session (MeshPolls *self, Session *session)
{
  answer_waiting (self, session);
  leave_half_open (self, session);
  mesh_hub_disconnected (self->hub, session->number);
  g_hash_table_remove (self->by_number, &session->number);
  g_hash_table_remove (self->by_id, session->id);
}

/* Opens a session. Among too many that are outside of a room, the oldest makes
 * way; members stay. */
static void
open_session (MeshPolls *self, guint64 number, MeshHttpResponse *response,
    gint64 now)
{
  g_autofree char *id = mesh_random_token ();
  Session *session;

  if (self->half_open.length >= self->limits.half_open)
    forget_session (self, g_queue_peek_head (&self->half_open));
  if (mesh_polls_count (self) >= self->limits.sessions) {
    response->status = 503;
    return;
  }
  session = g_new0 (Session, 1);
  g_strlcpy (session->id, id, sizeof session->id);
  session->number = number;
  session->first = 1;
  g_queue_init (&session->out);
  g_queue_push_tail (&self->half_open, session);
  session->half_open = self->half_open.tail;
  g_hash_table_insert (self->by_id, session->id, session);
  g_hash_table_insert (self->by_number, &session->number, session);
  mesh_hub_connected (self->hub, number, now);
  set_text (response, "{\"session\":\"%s\"}", session->id);
}

/* A client sends frames again when it did not learn that they had come; those
 * are skipped. */
static void
take_frames (MeshPolls *self, Session *session, guint64 number,
    const char *rest, gsize rest_length, MeshHttpResponse *response,
    gint64 now)
{
  const char *text;
  gsize length;

  if (number > session->taken + 1) {
    response->status = 409;
    return;
  }
  for (; mesh_batch_next (&rest, &rest_length, &text, &length); number++) {
    if (number <= session->taken)
      continue;
    session->taken = number;
    mesh_hub_feed (self->hub, session->number, text, length, now);
  }
  if (rest_length)
    mesh_hub_reject (self->hub, session->number, MESH_HUB_BAD_MESSAGE);
  set_text (response, "{\"taken\":%" G_GUINT64_FORMAT "}", session->taken);
}

static void
forget_fetched (Session *session, guint64 after)
{
  for (; session->first <= after; session->first++) {
    GBytes *frame = g_queue_pop_head (&session->out);

    session->bytes -= g_bytes_get_size (frame);
    g_bytes_unref (frame);
  }
}

/* A request that acknowledges less than an earlier one was held up on its way:
 * the client has gone on since, and does not wait for this answer. */
static void
fetch_frames (MeshPolls *self, Session *session, guint64 after,
    MeshConn *conn, const char *origin, MeshHttpResponse *response, gint64 now)
{
  gboolean late = after + 1 < session->first;

  if (after >= session->first + session->out.length) {
    response->status = 409;
    return;
  }
  forget_fetched (session, after);
  mesh_hub_heard (self->hub, session->number, now);
  if (late || has_news (session)) {
    set_frames (session, response);
    return;
  }
  answer_waiting (self, session);
  session->waiting = conn;
  session->origin = g_strdup (origin);
  session->until = now + self->limits.wait;
  g_hash_table_insert (self->by_conn, conn, session);
}

static Session *
handle_session (MeshPolls *self, MeshConn *conn,
    const MeshHttpRequest *request, MeshHttpResponse *response, gint64 now)
{
  static const char *const names[] = { "session", "first", "after", NULL };
  const char *rest = request->body, *text, *path = request->path;
  const char *origin = mesh_http_request_header (request, "Origin");
  gsize rest_length = request->body_length, length;
  char id[MESH_TOKEN_LENGTH + 1];
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  Session *session;
  guint64 first, after;

  response->status = 400;
  if (!rest || !mesh_batch_next (&rest, &rest_length, &text, &length)
      || !mesh_json_scan (text, length, 2, names, fields)
      || !mesh_json_span_string (&fields[0], MESH_TOKEN_LENGTH, id))
    return NULL;
  session = g_hash_table_lookup (self->by_id, id);
  if (!session) {
    response->status = 410;
    return NULL;
  }
  if (g_str_equal (path, PATH "send")
      && mesh_json_span_number (&fields[1], &first) && first > 0) {
    take_frames (self, session, first, rest, rest_length, response, now);
  } else if (g_str_equal (path, PATH "receive")
      && mesh_json_span_number (&fields[2], &after)) {
    response->status = 0;
    fetch_frames (self, session, after, conn, origin, response, now);
  }
  return session;
}

gboolean
mesh_polls_is_path (const char *path)
{
  return g_str_equal (path, PATH "open") || g_str_equal (path, PATH "send")
      || g_str_equal (path, PATH "receive");
}

/*
 * mesh_polls_request:
 * @request: to one of the paths of mesh_polls_is_path(), with its body
 * @number: for a client that comes with this request
 * @response: is filled in, or left with status 0 until there is something to
 *   say
 *
 * What the hub says to it is to be carried out after this.
 *
 * Returns: the number of the client whose request it is; 0 = nobody's
 */
guint64
mesh_polls_request (MeshPolls *polls, MeshConn *conn,
    const MeshHttpRequest *request, guint64 number, MeshHttpResponse *response,
    gint64 now)
{
  Session *session;

  if (!g_str_equal (request->method, "POST")) {
    response->status = 405;
    mesh_http_response_add (response, "Allow", "POST");
    return 0;
  }
  if (!mesh_origin_admit (request, (char **) polls->origins->pdata, response))
    return 0;
  add_headers (response, mesh_http_request_header (request, "Origin"));
  if (g_str_equal (request->path, PATH "open")) {
    open_session (polls, number, response, now);
    return 0;
  }
  session = handle_session (polls, conn, request, response, now);
  if (!session)
    return 0;
  if (session->half_open && mesh_hub_is_member (polls->hub, session->number))
    leave_half_open (polls, session);
  return session->number;
}

/* Forgets the request that waited on @conn, which is closed; its client asks
 * again. */
void
mesh_polls_conn_gone (MeshPolls *polls, MeshConn *conn)
{
  Session *session = g_hash_table_lookup (polls->by_conn, conn);

  if (session)
    stop_waiting (polls, session);
}

static void
mark_dirty (MeshPolls *self, Session *session)
{
  if (session->dirty)
    return;
  session->dirty = TRUE;
  g_array_append_val (self->dirty, session->number);
}

/* Returns: FALSE when @client has no session */
gboolean
mesh_polls_send (MeshPolls *polls, guint64 client, GBytes *frame)
{
  Session *session = find_session (polls, client);

  if (!session)
    return FALSE;
  if (session->closed)
    return TRUE;
  if (session->bytes + g_bytes_get_size (frame) > MESH_CONN_MAX_OUT) {
    mesh_hub_reject (polls->hub, client, MESH_HUB_SLOW);
    return TRUE;
  }
  g_queue_push_tail (&session->out, g_bytes_ref (frame));
  session->bytes += g_bytes_get_size (frame);
  mark_dirty (polls, session);
  return TRUE;
}

/* Keeps a session that the hub has closed, so that its client can fetch why. */
void
mesh_polls_close (MeshPolls *polls, guint64 client, guint16 code, gint64 now)
{
  Session *session = find_session (polls, client);

  if (!session || session->closed)
    return;
  session->closed = code;
  session->gone_at = now + polls->limits.linger;
  mark_dirty (polls, session);
}

/* Answers the requests of sessions that have something new. */
void
mesh_polls_flush (MeshPolls *polls)
{
  for (guint i = 0; i < polls->dirty->len; i++) {
    Session *session
        = find_session (polls, g_array_index (polls->dirty, guint64, i));

    if (!session)
      continue;
    session->dirty = FALSE;
    answer_waiting (polls, session);
  }
  g_array_set_size (polls->dirty, 0);
}

/* Answers requests that have waited long enough for nothing, so that both sides
 * hear of each other, and forgets sessions that were closed a while ago. */
void
mesh_polls_tick (MeshPolls *polls, gint64 now)
{
  g_autoptr (GList) sessions = g_hash_table_get_values (polls->by_id);

  for (GList *l = sessions; l; l = l->next) {
    Session *session = l->data;

    if (session->closed && now >= session->gone_at)
      forget_session (polls, session);
    else if (session->waiting && now >= session->until)
      answer_waiting (polls, session);
  }
}
