/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE               /* memmem */
#include "server/http.h"

#include <string.h>

#define MAX_HEADERS 100

/* A request with two of one of these headers could be understood in two
 * ways. */
static const char *const once_only[] = { "host", "origin", "content-length",
  "transfer-encoding", "sec-websocket-key", "sec-websocket-version", NULL };

/* Returns whether @text can be a method or a header's name (RFC 9110, section
 * 5.6.2). */
static gboolean
is_token (const char *text)
{
  if (!*text)
    return FALSE;
  for (; *text; text++)
    if (!g_ascii_isalnum (*text) && !strchr ("!#$%&'*+-.^_`|~", *text))
      return FALSE;
  return TRUE;
}

static gboolean
is_visible (const char *text)
{
  for (; *text; text++)
    if ((guchar) *text <= 0x20 || (guchar) *text >= 0x7f)
      return FALSE;
  return TRUE;
}

/*
 * mesh_http_head_length:
 *
 * Returns: bytes of the request's head, its empty line included; 0 when it is
 *   not complete yet
 */
gssize
mesh_http_head_length (const guint8 *data, gsize length)
{
  const guint8 *end = memmem (data, length, "\r\n\r\n", 4);

  return end ? end - data + 4 : 0;
}

static gboolean
parse_start (MeshHttpRequest *self, const char *line, guint *status)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 4);
  char *query;

  *status = 400;
  if (g_strv_length (words) != 3 || !is_token (words[0])
      || !is_visible (words[1]) || words[1][0] != '/')
    return FALSE;
  *status = 505;
  if (!g_str_equal (words[2], "HTTP/1.1")
      && !g_str_equal (words[2], "HTTP/1.0"))
    return FALSE;
  self->keep_alive = words[2][7] == '1';
  self->http_1_0 = !self->keep_alive;
  self->method = g_strdup (words[0]);
  self->path = g_strdup (words[1]);
  query = strchr (self->path, '?');
  if (query) {
    *query = 0;
    self->query = query + 1;
  }
  return TRUE;
}

static gboolean
parse_header (MeshHttpRequest *self, char *line)
{
  char *colon = strchr (line, ':');
  char *value;

  if (!colon || self->headers->len >= 2 * MAX_HEADERS)
    return FALSE;
  *colon = 0;
  value = g_strstrip (colon + 1);
  /* Folded lines and spaces before the colon fail here. */
  if (!is_token (line))
    return FALSE;
  for (const char *p = value; *p; p++)
    if (((guchar) *p < 0x20 && *p != '\t') || *p == 0x7f)
      return FALSE;
  for (guint i = 0; once_only[i]; i++)
    if (g_ascii_strcasecmp (line, once_only[i]) == 0
        && mesh_http_request_header (self, line))
      return FALSE;
  g_ptr_array_add (self->headers, g_strdup (line));
  g_ptr_array_add (self->headers, g_strdup (value));
  return TRUE;
}

/* The length may have digits alone: a sign or a list could be read differently
 * by a proxy. */
static gboolean
parse_body_length (MeshHttpRequest *self)
{
  const char *length = mesh_http_request_header (self, "Content-Length");
  guint64 value = 0;

  if (length && (!g_ascii_isdigit (length[0])
          || !g_ascii_string_to_unsigned (length, 10, 0, G_MAXINT32, &value,
              NULL)))
    return FALSE;
  self->body_length = mesh_http_request_header (self, "Transfer-Encoding")
      ? -1 : (gint64) value;
  return TRUE;
}

static gboolean
parse_lines (MeshHttpRequest *self, char **lines, guint *status)
{
  if (!lines[0] || !parse_start (self, lines[0], status))
    return FALSE;
  *status = 400;
  for (char **line = lines + 1; *line && **line; line++)
    if (!parse_header (self, *line))
      return FALSE;
  if (self->keep_alive && !mesh_http_request_header (self, "Host"))
    return FALSE;
  if (mesh_http_request_has_token (self, "Connection", "close"))
    self->keep_alive = FALSE;
  if (!parse_body_length (self))
    return FALSE;
  /* A connection cannot go on behind a body that was not read. */
  self->persistent = self->keep_alive && self->body_length >= 0;
  if (self->body_length)
    self->keep_alive = FALSE;
  return !(self->body_length && mesh_http_request_header (self, "Upgrade"));
}

/*
 * mesh_http_request_parse:
 * @data: a request's head, of mesh_http_head_length() bytes
 * @status: (out): what to answer when it is no good
 *
 * Returns: (transfer full) (nullable): the request
 */
MeshHttpRequest *
mesh_http_request_parse (const guint8 *data, gsize length, guint *status)
{
  g_autoptr (MeshHttpRequest) self = g_new0 (MeshHttpRequest, 1);
  g_autofree char *text = g_strndup ((const char *) data, length);
  g_auto (GStrv) lines = NULL;

  self->headers = g_ptr_array_new_with_free_func (g_free);
  *status = 400;
  if (strlen (text) != length)
    return NULL;
  lines = g_strsplit (text, "\r\n", -1);
  if (!parse_lines (self, lines, status))
    return NULL;
  return g_steal_pointer (&self);
}

void
mesh_http_request_free (MeshHttpRequest *request)
{
  if (!request)
    return;
  g_free (request->method);
  g_free (request->path);
  g_ptr_array_unref (request->headers);
  g_free (request);
}

/* Returns the first header of the name, in whatever case; NULL where there is
 * none. */
const char *
mesh_http_request_header (const MeshHttpRequest *request, const char *name)
{
  for (guint i = 0; i < request->headers->len; i += 2)
    if (g_ascii_strcasecmp (g_ptr_array_index (request->headers, i), name) == 0)
      return g_ptr_array_index (request->headers, i + 1);
  return NULL;
}

/* Returns whether a header of the name lists the token, in whatever case. */
gboolean
mesh_http_request_has_token (const MeshHttpRequest *request, const char *name,
    const char *token)
{
  for (guint i = 0; i < request->headers->len; i += 2) {
    g_auto (GStrv) items = NULL;

    if (g_ascii_strcasecmp (g_ptr_array_index (request->headers, i), name) != 0)
      continue;
    items = g_strsplit (g_ptr_array_index (request->headers, i + 1), ",", -1);
    for (char **item = items; *item; item++)
      if (g_ascii_strcasecmp (g_strstrip (*item), token) == 0)
        return TRUE;
  }
  return FALSE;
}

/*
 * mesh_http_request_expectation:
 *
 * Returns: whether the client waits with its body for a word of ours (RFC 9110,
 *   section 10.1.1), or expects something that nobody knows
 */
MeshHttpExpectation
mesh_http_request_expectation (const MeshHttpRequest *request)
{
  MeshHttpExpectation expectation = MESH_HTTP_EXPECTS_NOTHING;

  /* a client of HTTP/1.0 does not know the answer "100 Continue" */
  for (guint i = 0; i < request->headers->len && !request->http_1_0; i += 2) {
    if (g_ascii_strcasecmp (g_ptr_array_index (request->headers, i),
            "Expect") != 0)
      continue;
    if (g_ascii_strcasecmp (g_ptr_array_index (request->headers, i + 1),
            "100-continue") != 0)
      return MESH_HTTP_EXPECTS_UNKNOWN;
    expectation = MESH_HTTP_EXPECTS_CONTINUE;
  }
  return expectation;
}

void
mesh_http_response_clear (MeshHttpResponse *response)
{
  g_clear_pointer (&response->body, g_bytes_unref);
  if (response->headers)
    g_string_free (g_steal_pointer (&response->headers), TRUE);
}

void
mesh_http_response_add (MeshHttpResponse *response, const char *name,
    const char *value)
{
  if (!response->headers)
    response->headers = g_string_new (NULL);
  g_string_append_printf (response->headers, "%s: %s\r\n", name, value);
}

/* Formats a date in English (RFC 9110, section 5.6.7); g_date_time_format()
 * would take this machine's language. */
static char *
format_date (GDateTime *time)
{
  static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat",
    "Sun"
  };
  static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  };

  return g_strdup_printf ("%s, %02d %s %04d %02d:%02d:%02d GMT",
      days[g_date_time_get_day_of_week (time) - 1],
      g_date_time_get_day_of_month (time),
      months[g_date_time_get_month (time) - 1], g_date_time_get_year (time),
      g_date_time_get_hour (time), g_date_time_get_minute (time),
      g_date_time_get_second (time));
}

/* Adds the headers that every answer has. */
void
mesh_http_response_add_general (MeshHttpResponse *response)
{
  g_autoptr (GDateTime) today = g_date_time_new_now_utc ();
  g_autofree char *date = format_date (today);

  mesh_http_response_add (response, "Date", date);
  mesh_http_response_add (response, "X-Content-Type-Options", "nosniff");
  mesh_http_response_add (response, "Referrer-Policy", "no-referrer");
}

static const char *
status_phrase (guint status)
{
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Bad Request";
  }
}

/*
 * mesh_http_append_response:
 * @with_body: %FALSE: the headers alone, as for HEAD
 */
void
mesh_http_append_response (GByteArray *out, const MeshHttpResponse *response,
    gboolean with_body, gboolean keep_alive)
{
  const char *phrase = status_phrase (response->status);
  g_autoptr (GString) head = g_string_new (NULL);
  g_autoptr (GBytes) words = g_bytes_new_static (phrase, strlen (phrase));
  GBytes *body = response->body ? response->body : words;
  gsize size;
  gconstpointer data = g_bytes_get_data (body, &size);

  g_string_append_printf (head, "HTTP/1.1 %u %s\r\n", response->status, phrase);
  if (response->headers)
    g_string_append (head, response->headers->str);
  if (response->status != 101)
    g_string_append_printf (head, "Content-Type: %s\r\n"
        "Content-Length: %" G_GSIZE_FORMAT "\r\nConnection: %s\r\n",
        response->type ? response->type : "text/plain; charset=utf-8", size,
        keep_alive ? "keep-alive" : "close");
  g_string_append (head, "\r\n");
  g_byte_array_append (out, (const guint8 *) head->str, head->len);
  if (with_body && response->status != 101 && size)
    g_byte_array_append (out, data, size);
}
