/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pusher's documentation of the Channels WebSocket protocol and HTTP API is the
 * source. Servers differ in whether an event's data is JSON or text with JSON
 * in it, so either is taken everywhere. */

#include "pusher/client.h"

#include <string.h>

#include "core/error.h"
#include "core/json-scan.h"
#include "core/json.h"
#include "pusher/auth.h"

#define MAX_TEXT_BYTES 1024
#define MAX_SOCKET_ID_BYTES 64
#define MAX_ACTIVITY_TIMEOUT 3600
#define MAX_CODE 4999

enum { FIELD_EVENT, FIELD_CHANNEL, FIELD_DATA, N_FIELDS };

static const char *const field_names[] = { "event", "channel", "data", NULL };

/* @value: (out): NULL where there is none */
static gboolean
get_name (const MeshJsonSpan *field, char **value)
{
  *value = mesh_json_span_dup (field, MESH_PUSHER_MAX_NAME);
  return *value || field->length == 0 || field->text[0] == 'n';
}

/* Returns (transfer full) (nullable): the event's data, which is the JSON of an
 * object if it is valid, whether it came as text or not. */
static char *
dup_data (const MeshJsonSpan *field)
{
  if (field->length > 0 && field->text[0] == '{')
    return g_strndup (field->text, field->length);
  return mesh_json_span_dup (field, MESH_JSON_MAX_BYTES);
}

static gboolean
is_object (const char *text)
{
  static const char *const nothing[] = { NULL };

  return text && *text == '{' && mesh_json_scan (text, strlen (text),
      MESH_JSON_MAX_DEPTH, nothing, NULL);
}

static gboolean
read_established (MeshPusherEvent *self, JsonObject *data, GError **error)
{
  gint64 timeout = 0;
  const char *id;

  if (!mesh_json_get_string (data, "socket_id", MAX_SOCKET_ID_BYTES, &id,
          error)
      || !mesh_json_get_int (data, "activity_timeout", 0, G_MAXINT, &timeout,
          error))
    return FALSE;
  /* the id is signed, and written into JSON */
  if (!id || !mesh_pusher_is_socket_id (id)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "connection without a socket id");
    return FALSE;
  }
  self->socket_id = g_strdup (id);
  self->activity_timeout = MIN (timeout, MAX_ACTIVITY_TIMEOUT);
  return TRUE;
}

/* Some services send no code, or null, or text. */
static void
read_error (MeshPusherEvent *self, JsonObject *data)
{
  gint64 code = 0;
  const char *text;

  if (!data)
    return;
  if (mesh_json_get_int (data, "code", 0, MAX_CODE, &code, NULL))
    self->code = code;
  if (mesh_json_get_string (data, "message", MAX_TEXT_BYTES, &text, NULL))
    self->text = g_strdup (text);
}

static MeshPusherEventType
type_from_name (const char *name)
{
  static const struct {
    const char *name;
    MeshPusherEventType type;
  } known[] = {
    { "pusher:connection_established", MESH_PUSHER_ESTABLISHED },
    { "pusher_internal:subscription_succeeded", MESH_PUSHER_SUBSCRIBED },
    { "pusher:subscription_error", MESH_PUSHER_NOT_SUBSCRIBED },
    { "pusher:ping", MESH_PUSHER_PING },
    { "pusher:pong", MESH_PUSHER_PONG },
    { "pusher:error", MESH_PUSHER_ERROR },
    { MESH_PUSHER_EVENT_NAME, MESH_PUSHER_MESSAGE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (g_strcmp0 (known[i].name, name) == 0)
      return known[i].type;
  }
  return MESH_PUSHER_OTHER;
}

/* @text: (transfer full) (nullable): the event's data */
static gboolean
read_event (MeshPusherEvent *self, char *text, GError **error)
{
  g_autofree char *data = text ? g_strchug (text) : NULL;
  g_autoptr (JsonObject) object = NULL;

  if (self->type == MESH_PUSHER_ESTABLISHED || self->type == MESH_PUSHER_ERROR
      || self->type == MESH_PUSHER_NOT_SUBSCRIBED)
    object = data ? mesh_json_parse (data, strlen (data), NULL) : NULL;
  switch (self->type) {
    case MESH_PUSHER_ESTABLISHED:
      if (object)
        return read_established (self, object, error);
      break;
    case MESH_PUSHER_MESSAGE:
      if (self->channel && is_object (data)) {
        self->data = g_steal_pointer (&data);
        return TRUE;
      }
      break;
    case MESH_PUSHER_ERROR:
    case MESH_PUSHER_NOT_SUBSCRIBED:
      read_error (self, object);
      return TRUE;
    default:
      return TRUE;
  }
  g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
      "event without its data");
  return FALSE;
}

/**
 * mesh_pusher_event_parse:
 * @text: what came; need not end in a NUL
 * @length: bytes in @text
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): the event, or %NULL with @error set
 */
MeshPusherEvent *
mesh_pusher_event_parse (const char *text, gsize length, GError **error)
{
  MeshJsonSpan fields[N_FIELDS];
  g_autoptr (MeshPusherEvent) self = g_new0 (MeshPusherEvent, 1);
  g_autofree char *name = NULL;

  if (length > MESH_JSON_MAX_BYTES
      || !mesh_json_scan (text, length, MESH_JSON_MAX_DEPTH, field_names,
          fields)
      || !get_name (&fields[FIELD_EVENT], &name)
      || !get_name (&fields[FIELD_CHANNEL], &self->channel)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "not an event");
    return NULL;
  }
  self->type = type_from_name (name);
  if (!read_event (self, dup_data (&fields[FIELD_DATA]), error))
    return NULL;
  return g_steal_pointer (&self);
}

/**
 * mesh_pusher_event_free:
 * @event: (nullable) (transfer full): an event
 */
void
mesh_pusher_event_free (MeshPusherEvent *event)
{
  if (!event)
    return;
  g_free (event->channel);
  g_free (event->data);
  g_free (event->socket_id);
  g_free (event->text);
  g_free (event);
}

/**
 * mesh_pusher_judge:
 * @code: of a `pusher:error`, or with which the WebSocket was closed; 0 = none
 *
 * Returns: what to do
 */
MeshPusherVerdict
mesh_pusher_judge (guint code)
{
  if (code == 4000)
    return MESH_PUSHER_USE_TLS;
  if (code > 4000 && code < 4100)
    return MESH_PUSHER_STOP;
  if (code >= 4100 && code < 4200)
    return MESH_PUSHER_LATER;
  /* client events came too fast; such an error closes nothing */
  if (code >= 4300 && code < 4400)
    return MESH_PUSHER_GO_ON;
  if (code >= 4400)
    return MESH_PUSHER_STOP;
  if (code >= 1002 && code <= 1004)
    return MESH_PUSHER_LATER;
  return MESH_PUSHER_AGAIN;
}

/**
 * mesh_pusher_path:
 * @app_key: the app's key
 *
 * Returns: (transfer full): what the WebSocket's request asks for
 */
char *
mesh_pusher_path (const char *app_key)
{
  return g_strdup_printf ("/app/%s?protocol=7&client=meshroom&version=0.1",
      app_key);
}

/**
 * mesh_pusher_subscribe:
 * @channel: what to hear
 * @auth: (nullable): what lets us in
 * @channel_data: (nullable): what @auth was made for, besides
 *
 * Returns: (transfer full): what asks for it
 */
char *
mesh_pusher_subscribe (const char *channel, const char *auth,
    const char *channel_data)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonObject *data = json_object_new ();

  json_object_set_string_member (object, "event", "pusher:subscribe");
  json_object_set_string_member (data, "channel", channel);
  if (auth)
    json_object_set_string_member (data, "auth", auth);
  if (channel_data)
    json_object_set_string_member (data, "channel_data", channel_data);
  json_object_set_object_member (object, "data", data);
  return mesh_json_to_string (object);
}

/**
 * mesh_pusher_authorise:
 * @app_key: the app's key
 * @secret: the app's secret
 * @socket_id: of the connection
 * @channel: a private or presence channel
 * @channel_data: (nullable): who we are in a presence channel, as it is sent
 *
 * Returns: (transfer full): what lets us in
 */
char *
mesh_pusher_authorise (const char *app_key, const char *secret,
    const char *socket_id, const char *channel, const char *channel_data)
{
  g_autofree char *signature = mesh_pusher_sign_channel (secret, socket_id,
      channel, channel_data);

  return g_strdup_printf ("%s:%s", app_key, signature);
}

/**
 * mesh_pusher_trigger_body:
 * @channel: to whom
 * @socket_id: (nullable): who is not to hear it
 *
 * Returns: (transfer full): the body of a request that sends it
 */
char *
mesh_pusher_trigger_body (const char *channel, const char *data,
    const char *socket_id)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonArray *channels = json_array_new ();

  json_array_add_string_element (channels, channel);
  json_object_set_string_member (object, "name", MESH_PUSHER_EVENT_NAME);
  json_object_set_string_member (object, "data", data);
  json_object_set_array_member (object, "channels", channels);
  if (socket_id)
    json_object_set_string_member (object, "socket_id", socket_id);
  return mesh_json_to_string (object);
}

/**
 * mesh_pusher_trigger_path:
 * @app: the app's id
 * @app_key: the app's key
 * @secret: the app's secret
 * @body: of the request
 * @unix_time: in seconds; a server takes what is 600 s off at the most
 *
 * Returns: (transfer full): path and query of the request, signed
 */
char *
mesh_pusher_trigger_path (const char *app, const char *app_key,
    const char *secret, const char *body, gint64 unix_time)
{
  g_autofree char *path = g_strdup_printf ("/apps/%s/events", app);
  g_autofree char *md5 = g_compute_checksum_for_string (G_CHECKSUM_MD5, body,
      -1);
  g_autofree char *query = g_strdup_printf (
      "auth_key=%s&auth_timestamp=%" G_GINT64_FORMAT
      "&auth_version=1.0&body_md5=%s", app_key, unix_time, md5);
  g_autofree char *signature = mesh_pusher_sign_request (secret, "POST",
      path, query);

  return g_strdup_printf ("%s?%s&auth_signature=%s", path, query, signature);
}
