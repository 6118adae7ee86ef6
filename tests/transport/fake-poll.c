/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-poll.h"

#include <stdlib.h>
#include <string.h>

#include "core/batch.h"
#include "core/json.h"

struct _FakePoll {
  FakePollFunc frame;
  gpointer user_data;
  char *session;                /* NULL: not open */
  gint64 taken;
  GQueue out;                   /* char * */
  gint64 first;
  guint closed;
  GIOStream *waiting;
  FakeLie lie;
};

FakePoll *
fake_poll_new (FakePollFunc frame, gpointer user_data)
{
  FakePoll *self = g_new0 (FakePoll, 1);

  self->frame = frame;
  self->user_data = user_data;
  self->first = 1;
  g_queue_init (&self->out);
  return self;
}

void
fake_poll_free (FakePoll *self)
{
  g_clear_object (&self->waiting);
  g_queue_clear_full (&self->out, g_free);
  g_free (self->session);
  g_free (self);
}

/* Texts alone come here: no byte is NUL. */
gboolean
fake_poll_is_whole (const char *request)
{
  const char *body = strstr (request, "\r\n\r\n");
  const char *length = strstr (request, "Content-Length: ");

  if (!body)
    return FALSE;
  return !length || length > body
         || strlen (body + 4) >= strtoul (length + 16, NULL, 10);
}

static void
write_answer (GIOStream *stream, guint status, GByteArray *body)
{
  GOutputStream *out = g_io_stream_get_output_stream (stream);
  g_autofree char *head = g_strdup_printf (
      "HTTP/1.1 %u Status\r\nContent-Length: %u\r\n"
      "Connection: close\r\n\r\n", status, body->len);

  g_output_stream_write_all (out, head, strlen (head), NULL, NULL, NULL);
  g_output_stream_write_all (out, body->data, body->len, NULL, NULL, NULL);
}

static void
append (GByteArray *body, const char *text)
{
  mesh_batch_append (body, text, strlen (text));
}

/* The answer as it should be, or what becomes of it. */
static void
tell_lie (FakeLie lie, GIOStream *stream, GByteArray *body)
{
  static const char portal[] = "<html>Who are you?</html>";

  if (lie == FAKE_TORN) {
    g_byte_array_set_size (body, body->len - 3);
  } else if (lie == FAKE_PORTAL) {
    g_byte_array_set_size (body, 0);
    g_byte_array_append (body, (guint8 *) portal, strlen (portal));
  } else if (lie == FAKE_ENDLESS) {
    g_byte_array_set_size (body, 1024 * 1024);
  }
  write_answer (stream, lie == FAKE_ERROR ? 502 : 200, body);
}

static void
answer_frames (FakePoll *self, GIOStream *stream)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  FakeLie lie = self->out.length ? self->lie : FAKE_TRUTH;
  g_autofree char *closed = self->closed
      ? g_strdup_printf (",\"closed\":%u", self->closed) : g_strdup ("");
  g_autofree char *head = g_strdup_printf ("{\"first\":%" G_GINT64_FORMAT
      ",\"count\":%u%s}", self->first + (lie == FAKE_GAP),
      self->out.length + (lie == FAKE_FEWER), closed);

  append (body, head);
  for (GList *l = self->out.head; l; l = l->next)
    append (body, l->data);
  if (lie != FAKE_TRUTH)
    self->lie = FAKE_TRUTH;
  tell_lie (lie, stream, body);
}

static void
answer_waiting (FakePoll *self)
{
  g_autoptr (GIOStream) stream = g_steal_pointer (&self->waiting);

  if (stream)
    answer_frames (self, stream);
}

void
fake_poll_send (FakePoll *self, const char *text)
{
  g_queue_push_tail (&self->out, g_strdup (text));
  answer_waiting (self);
}

void
fake_poll_lie (FakePoll *self, FakeLie lie)
{
  self->lie = lie;
}

void
fake_poll_close (FakePoll *self, guint code)
{
  self->closed = code;
  answer_waiting (self);
}

static void
receive (FakePoll *self, GIOStream *stream, JsonObject *head)
{
  gint64 after = json_object_get_int_member (head, "after");

  for (; self->first <= after && self->out.length; self->first++)
    g_free (g_queue_pop_head (&self->out));
  answer_waiting (self);
  if (self->out.length || self->closed)
    answer_frames (self, stream);
  else
    self->waiting = g_object_ref (stream);
}

static void
take (FakePoll *self, GIOStream *stream, JsonObject *head, const char *rest,
    gsize rest_length)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  gint64 number = json_object_get_int_member (head, "first");
  g_autofree char *taken = NULL;
  const char *text;
  gsize length;

  g_assert_cmpint (number, <=, self->taken + 1);
  for (; mesh_batch_next (&rest, &rest_length, &text, &length); number++) {
    if (number <= self->taken)
      continue;
    self->taken = number;
    self->frame (text, length, self->user_data);
  }
  g_assert_cmpuint (rest_length, ==, 0);
  taken = g_strdup_printf ("{\"taken\":%" G_GINT64_FORMAT "}", self->taken);
  append (body, taken);
  write_answer (stream, 200, body);
}

static void
open_session (FakePoll *self, GIOStream *stream)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autofree char *text = NULL;

  g_assert_null (self->session);
  self->session = g_strdup_printf ("fake-%u", g_random_int ());
  text = g_strdup_printf ("{\"session\":\"%s\"}", self->session);
  append (body, text);
  write_answer (stream, 200, body);
}

void
fake_poll_answer (FakePoll *self, GIOStream *stream, const char *request)
{
  const char *rest = strstr (request, "\r\n\r\n") + 4;
  gsize rest_length = strlen (rest), length;
  g_autoptr (JsonObject) head = NULL;
  g_autoptr (GByteArray) nothing = g_byte_array_new ();
  const char *text;

  g_assert_true (mesh_batch_next (&rest, &rest_length, &text, &length));
  head = mesh_json_parse (text, length, NULL);
  g_assert_nonnull (head);
  if (g_str_has_prefix (request, "POST /v1/poll/open "))
    open_session (self, stream);
  else if (g_strcmp0 (json_object_get_string_member (head, "session"),
               self->session) != 0)
    write_answer (stream, 410, nothing);
  else if (g_str_has_prefix (request, "POST /v1/poll/receive "))
    receive (self, stream, head);
  else
    take (self, stream, head, rest, rest_length);
}
