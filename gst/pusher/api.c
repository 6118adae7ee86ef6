/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's HTTP interface: an application's server triggers events, and asks
 * who is subscribed. No request counts without a signature. */

#include "pusher/hub-private.h"

#include <string.h>

#include "core/json.h"

typedef struct {
  char *name;                   /* in lower case */
  char *value;                  /* without escapes */
} Param;

/* One event for one or more channels. */
typedef struct {
  MeshJsonSpan name;
  MeshJsonSpan data;
  GPtrArray *channels;          /* of names, owned */
  char *except;                 /* socket id; NULL: nobody is excepted */
  gboolean subscribers;         /* wants the number of subscribers */
  gboolean users;               /* wants the number of people */
} Trigger;

static void
param_free (Param *param)
{
  g_free (param->name);
  g_free (param->value);
  g_free (param);
}

static int
compare_params (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Param **) a)->name, (*(Param **) b)->name);
}

/* Returns the parameters, or NULL where an escape is wrong. */
static GPtrArray *
parse_query (const char *query)
{
  g_autoptr (GPtrArray) params =
      g_ptr_array_new_with_free_func ((GDestroyNotify) param_free);
  g_auto (GStrv) items = g_strsplit (query ? query : "", "&", -1);

  for (char **item = items; *item; item++) {
    char *equals = strchr (*item, '=');
    Param *param;

    if (!equals)
      continue;
    *equals = 0;
    param = g_new0 (Param, 1);
    param->name = g_ascii_strdown (*item, -1);
    param->value = g_uri_unescape_string (equals + 1, NULL);
    g_ptr_array_add (params, param);
    if (!param->value)
      return NULL;
  }
  g_ptr_array_sort (params, compare_params);
  return g_steal_pointer (&params);
}

static const char *
get_param (GPtrArray *params, const char *name)
{
  for (guint i = 0; i < params->len; i++) {
    Param *param = g_ptr_array_index (params, i);

    if (g_str_equal (param->name, name))
      return param->value;
  }
  return "";
}

static char *
join_params (GPtrArray *params)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < params->len; i++) {
    Param *param = g_ptr_array_index (params, i);

    if (!g_str_equal (param->name, "auth_signature"))
      g_string_append_printf (text, "%s%s=%s", text->len ? "&" : "",
          param->name, param->value);
  }
  return g_string_free (text, FALSE);
}

/* Returns the application that a path names, and what follows its id. */
static MeshPusherHubApp *
find_app (MeshPusherHub *hub, const char *path, const char **rest)
{
  if (!g_str_has_prefix (path, "/apps/"))
    return NULL;
  path += strlen ("/apps/");
  for (guint i = 0; i < hub->apps->len; i++) {
    MeshPusherHubApp *app = g_ptr_array_index (hub->apps, i);
    gsize length = strlen (app->id);

    if (strncmp (path, app->id, length) == 0 && path[length] == '/') {
      *rest = path + length + 1;
      return app;
    }
  }
  return NULL;
}

/* Returns what is wrong, or NULL. The text must not help anybody to sign. */
static const char *
check_signature (MeshPusherHubApp *app, const MeshPusherHubRequest *request,
    GPtrArray *params)
{
  g_autofree char *query = join_params (params);
  g_autofree char *expected = mesh_pusher_sign_request (app->secret,
      request->method, request->path, query);
  guint64 timestamp;

  if (!g_str_equal (get_param (params, "auth_key"), app->key))
    return "Unknown auth_key";
  if (!g_str_equal (get_param (params, "auth_version"), "1.0"))
    return "Unknown auth_version";
  if (!g_ascii_string_to_unsigned (get_param (params, "auth_timestamp"), 10, 0,
          G_MAXINT64, &timestamp, NULL)
      || ABS ((gint64) timestamp - request->unix_now) > MESH_PUSHER_MAX_SKEW)
    return "Timestamp expired: not within 600 s of the server's time";
  if (!mesh_pusher_is_signature (get_param (params, "auth_signature"),
          expected))
    return "Invalid signature";
  return NULL;
}

/**
 * mesh_pusher_hub_is_signed:
 * @request: a request, whose body may not be there yet
 *
 * Returns: whether it comes from who has the secret of the application that it
 *   is about; mesh_pusher_hub_request() looks whether the body does, too
 */
gboolean
mesh_pusher_hub_is_signed (MeshPusherHub *hub,
    const MeshPusherHubRequest *request)
{
  g_autoptr (GPtrArray) params = parse_query (request->query);
  const char *rest;
  MeshPusherHubApp *app = find_app (hub, request->path, &rest);

  return app && params && !check_signature (app, request, params);
}

static guint
answer (GString *text, guint status, const char *message)
{
  g_string_assign (text, message);
  return status;
}

static void
trigger_free (Trigger *trigger)
{
  g_ptr_array_unref (trigger->channels);
  g_free (trigger->except);
  g_free (trigger);
}

/* Some libraries write null for a field that they do not set. */
static gboolean
is_given (const MeshJsonSpan *span)
{
  return span->length && span->text[0] != 'n';
}

/* Returns what is wrong, or NULL. */
static const char *
read_channels (Trigger *self, const MeshJsonSpan *one, MeshJsonSpan *list)
{
  MeshJsonSpan item = *one;
  gboolean more = is_given (one);

  if (more && is_given (list))
    return "both channel and channels";
  for (; more || mesh_json_span_next (list, &item); more = FALSE) {
    char *name = mesh_json_span_dup (&item, G_MAXSIZE);

    if (name)
      g_ptr_array_add (self->channels, name);
    if (!name || mesh_pusher_channel_kind (name) == MESH_PUSHER_INVALID)
      return "Invalid channel name";
    if (self->channels->len > MESH_PUSHER_MAX_CHANNELS)
      return "Too many channels";
  }
  return self->channels->len ? NULL : "No channels";
}

static gboolean
is_listed (const char *list, const char *word)
{
  g_auto (GStrv) words = g_strsplit (list ? list : "", ",", 8);

  return g_strv_contains ((const char *const *) words, word);
}

/* Returns what is wrong, or NULL; in the first case @status is 400 or 413. */
static const char *
read_trigger (Trigger *self, const char *text, gsize length, guint *status)
{
  static const char *const names[] = { "name", "data", "channel", "channels",
    "socket_id", "info", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autoptr (GString) data = g_string_new (NULL);
  g_autofree char *name = NULL;
  g_autofree char *info = NULL;

  *status = 400;
  if (!mesh_json_scan (text, length, MESH_PUSHER_HUB_MAX_DEPTH, names,
          fields))
    return "Body is not a JSON object";
  name = mesh_json_span_dup (&fields[0], G_MAXSIZE);
  if (!name || !mesh_pusher_is_event_name (name))
    return "Invalid event name";
  if (!mesh_json_span_decode (&fields[1], data))
    return "Data is not a string";
  self->except = mesh_json_span_dup (&fields[4], G_MAXSIZE);
  if (is_given (&fields[4])
      && (!self->except || !mesh_pusher_is_socket_id (self->except)))
    return "Invalid socket_id";
  info = mesh_json_span_dup (&fields[5], G_MAXSIZE);
  self->subscribers = is_listed (info, "subscription_count");
  self->users = is_listed (info, "user_count");
  self->name = fields[0];
  self->data = fields[1];
  if (data->len > MESH_PUSHER_MAX_DATA) {
    *status = 413;
    return "Data is larger than 10 kB";
  }
  return read_channels (self, &fields[2], &fields[3]);
}

static void
append_counts (GString *text, MeshPusherHubChannel *channel,
    gboolean subscribers, gboolean users)
{
  const char *comma = "";

  if (subscribers) {
    g_string_append_printf (text, "\"subscription_count\":%u",
        channel ? g_hash_table_size (channel->subscribers) : 0);
    comma = ",";
  }
  if (users && channel && channel->members)
    g_string_append_printf (text, "%s\"user_count\":%u", comma,
        g_hash_table_size (channel->members));
}

static void
carry_out (MeshPusherHub *hub, MeshPusherHubApp *app, const Trigger *self)
{
  hub->stats.events++;
  for (guint i = 0; i < self->channels->len; i++) {
    const char *name = g_ptr_array_index (self->channels, i);
    MeshPusherHubChannel *channel = g_hash_table_lookup (app->channels, name);
    g_autoptr (GBytes) frame = g_string_free_to_bytes (
        mesh_pusher_hub_frame_event (&self->name, name, &self->data, NULL));

    if (channel)
      mesh_pusher_hub_publish_bytes (hub, channel, frame, self->except);
    else
      mesh_pusher_hub_late_put (hub, app, name, frame, self->except);
    mesh_pusher_hub_cache_put (hub, app, name, frame, self->data.length);
  }
}

static guint
post_event (MeshPusherHub *hub, MeshPusherHubApp *app,
    const MeshPusherHubRequest *request, GString *text)
{
  Trigger *self = g_new0 (Trigger, 1);
  const char *wrong, *comma = "";
  guint status;

  self->channels = g_ptr_array_new_with_free_func (g_free);
  wrong = read_trigger (self, request->body, request->length, &status);
  if (wrong) {
    trigger_free (self);
    return answer (text, status, wrong);
  }
  carry_out (hub, app, self);
  g_string_assign (text, "{");
  if (self->subscribers || self->users) {
    g_string_append (text, "\"channels\":{");
    for (guint i = 0; i < self->channels->len; i++) {
      const char *name = g_ptr_array_index (self->channels, i);

      g_string_append_printf (text, "%s\"%s\":{", comma, name);
      append_counts (text, g_hash_table_lookup (app->channels, name),
          self->subscribers, self->users);
      g_string_append_c (text, '}');
      comma = ",";
    }
    g_string_append_c (text, '}');
  }
  g_string_append_c (text, '}');
  trigger_free (self);
  return 200;
}

/* Reads a whole batch: if one event is wrong, none is carried out. */
static const char *
read_batch (GPtrArray *batch, const MeshPusherHubRequest *request,
    guint *status)
{
  static const char *const names[] = { "batch", NULL };
  MeshJsonSpan list, item;

  *status = 400;
  if (!mesh_json_scan (request->body, request->length,
          MESH_PUSHER_HUB_MAX_DEPTH, names, &list))
    return "Body is not a JSON object";
  while (mesh_json_span_next (&list, &item)) {
    Trigger *trigger = g_new0 (Trigger, 1);
    const char *wrong;

    trigger->channels = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (batch, trigger);
    if (batch->len > MESH_PUSHER_MAX_BATCH)
      return "Batch too large";
    wrong = read_trigger (trigger, item.text, item.length, status);
    if (wrong)
      return wrong;
    if (trigger->channels->len > 1)
      return "Too many channels";
  }
  return batch->len ? NULL : "No batch";
}

static guint
post_batch (MeshPusherHub *hub, MeshPusherHubApp *app,
    const MeshPusherHubRequest *request, GString *text)
{
  g_autoptr (GPtrArray) batch =
      g_ptr_array_new_with_free_func ((GDestroyNotify) trigger_free);
  GString *infos = g_string_new (NULL);
  gboolean asked = FALSE;
  guint status;
  const char *wrong = read_batch (batch, request, &status);

  for (guint i = 0; !wrong && i < batch->len; i++) {
    Trigger *trigger = g_ptr_array_index (batch, i);

    carry_out (hub, app, trigger);
    asked |= trigger->subscribers || trigger->users;
    g_string_append (infos, i ? ",{" : "{");
    append_counts (infos, g_hash_table_lookup (app->channels,
            g_ptr_array_index (trigger->channels, 0)), trigger->subscribers,
        trigger->users);
    g_string_append_c (infos, '}');
  }
  if (asked)
    g_string_printf (text, "{\"batch\":[%s]}", infos->str);
  else
    g_string_assign (text, "{}");
  g_string_free (infos, TRUE);
  return wrong ? answer (text, status, wrong) : 200;
}

static guint
get_channels (MeshPusherHubApp *app, GPtrArray *params, GString *text)
{
  const char *prefix = get_param (params, "filter_by_prefix");
  const char *info = get_param (params, "info");
  gboolean users = is_listed (info, "user_count");
  const char *comma = "";
  GHashTableIter iter;
  MeshPusherHubChannel *channel;

  if (users && !g_str_has_prefix (prefix, "presence-"))
    return answer (text, 400, "user_count is for presence channels alone");
  g_string_assign (text, "{\"channels\":{");
  g_hash_table_iter_init (&iter, app->channels);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &channel)) {
    if (!g_str_has_prefix (channel->name, prefix)
        || channel->kind == MESH_PUSHER_USER)
      continue;
    g_string_append_printf (text, "%s\"%s\":{", comma, channel->name);
    append_counts (text, channel, is_listed (info, "subscription_count"),
        users);
    g_string_append_c (text, '}');
    comma = ",";
  }
  g_string_append (text, "}}");
  return 200;
}

static guint
get_channel (MeshPusherHub *hub, MeshPusherHubApp *app, const char *name,
    GPtrArray *params, GString *text)
{
  const char *info = get_param (params, "info");
  gboolean subscribers = is_listed (info, "subscription_count");
  gboolean users = is_listed (info, "user_count");
  MeshPusherHubChannel *channel = g_hash_table_lookup (app->channels, name);
  MeshPusherKind kind = mesh_pusher_channel_kind (name);

  if (kind == MESH_PUSHER_INVALID
      || (users && kind != MESH_PUSHER_PRESENCE))
    return answer (text, 400, "user_count is for presence channels alone");
  g_string_printf (text, "{\"occupied\":%s", channel ? "true" : "false");
  if (subscribers || (users && channel)) {
    g_string_append_c (text, ',');
    append_counts (text, channel, subscribers, users);
  }
  if (is_listed (info, "cache")) {
    g_string_append_c (text, ',');
    mesh_pusher_hub_cache_append (text, hub, app, name);
  }
  g_string_append_c (text, '}');
  return 200;
}

static guint
get_users (MeshPusherHubApp *app, const char *name, GString *text)
{
  MeshPusherHubChannel *channel = g_hash_table_lookup (app->channels, name);
  GHashTableIter iter;
  const char *id, *comma = "";

  if (mesh_pusher_channel_kind (name) != MESH_PUSHER_PRESENCE)
    return answer (text, 400, "users are for presence channels alone");
  g_string_assign (text, "{\"users\":[");
  if (channel) {
    g_hash_table_iter_init (&iter, channel->members);
    while (g_hash_table_iter_next (&iter, (gpointer *) &id, NULL)) {
      g_string_append_printf (text, "%s{\"id\":", comma);
      mesh_pusher_hub_append_string (text, id, strlen (id));
      g_string_append_c (text, '}');
      comma = ",";
    }
  }
  g_string_append (text, "]}");
  return 200;
}

static guint
terminate_user (MeshPusherHub *hub, MeshPusherHubApp *app,
    const char *user, GString *text)
{
  g_autoptr (GList) clients = g_hash_table_get_values (hub->clients);

  for (GList *l = clients; l; l = l->next) {
    MeshPusherHubClient *client = l->data;

    if (client->app == app && g_strcmp0 (client->user, user) == 0)
      mesh_pusher_hub_close (hub, client, MESH_PUSHER_HUB_UNAUTHORIZED,
          "Terminated by the application");
  }
  return answer (text, 200, "{}");
}

static guint
get (MeshPusherHub *hub, MeshPusherHubApp *app, char **words,
    GPtrArray *params, GString *text)
{
  guint n = g_strv_length (words);

  if (g_str_equal (words[0], "channels") && n == 1)
    return get_channels (app, params, text);
  if (g_str_equal (words[0], "channels") && n == 2)
    return get_channel (hub, app, words[1], params, text);
  if (g_str_equal (words[0], "channels") && n == 3
      && g_str_equal (words[2], "users"))
    return get_users (app, words[1], text);
  return answer (text, 404, "Not found");
}

static guint
post (MeshPusherHub *hub, MeshPusherHubApp *app, char **words,
    const MeshPusherHubRequest *request, GString *text)
{
  guint n = g_strv_length (words);

  if (g_str_equal (words[0], "users") && n == 3
      && g_str_equal (words[2], "terminate_connections"))
    return terminate_user (hub, app, words[1], text);
  if (n == 1 && request->body && g_str_equal (words[0], "events"))
    return post_event (hub, app, request, text);
  if (n == 1 && request->body && g_str_equal (words[0], "batch_events"))
    return post_batch (hub, app, request, text);
  return request->body ? answer (text, 404, "Not found")
      : answer (text, 400, "No body");
}

static gboolean
is_body_signed (const MeshPusherHubRequest *request, GPtrArray *params)
{
  g_autofree char *md5 = NULL;

  if (!request->body)
    return TRUE;
  md5 = g_compute_checksum_for_data (G_CHECKSUM_MD5,
      (const guchar *) request->body, request->length);
  return mesh_pusher_is_signature (get_param (params, "body_md5"), md5);
}

/**
 * mesh_pusher_hub_request:
 * @request: to a path that starts with "/apps/"
 * @text: set to what to answer: JSON where the status is 200
 *
 * Returns: the status of HTTP
 */
guint
mesh_pusher_hub_request (MeshPusherHub *hub,
    const MeshPusherHubRequest *request, GString *text)
{
  g_autoptr (GPtrArray) params = parse_query (request->query);
  g_auto (GStrv) words = NULL;
  const char *rest = "", *wrong;
  MeshPusherHubApp *app = find_app (hub, request->path, &rest);
  g_autofree char *decoded = g_uri_unescape_string (rest, "/");

  hub->now = MAX (hub->now, request->now);
  if (!app)
    return answer (text, 404, "Unknown application");
  if (!params || !decoded || !*decoded)
    return answer (text, 400, "Bad request");
  wrong = check_signature (app, request, params);
  if (!wrong && !is_body_signed (request, params))
    wrong = "Invalid body_md5";
  if (wrong) {
    hub->stats.refused++;
    return answer (text, 401, wrong);
  }
  words = g_strsplit (decoded, "/", 4);
  if (g_str_equal (request->method, "POST"))
    return post (hub, app, words, request, text);
  if (g_str_equal (request->method, "GET"))
    return get (hub, app, words, params, text);
  return answer (text, 405, "Method not allowed");
}
