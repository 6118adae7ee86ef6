/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/trigger-outbox.h"

#include <string.h>

#include "host/timer.h"
#include "pusher/auth.h"
#include "pusher/client.h"
#include "signalling/post.h"

#define MAX_ANSWER_BYTES (64 * 1024)
#define PATIENCE_MS 10000
/* So many requests are under way at a time; the session has no more
 * connections. */
#define MAX_SENDING 4
#define FIRST_PAUSE_MS 250
#define MAX_PAUSE_MS 4000

typedef enum { WAITING, SENDING, DONE } ItemState;

typedef struct {
  MeshTriggerOutbox *outbox;    /* references, while it is being sent */
  MeshRoomless *owner;
  ItemState state;
  gint64 mid;
  char *to;
  char *payload;
  char *socket_id;
} Item;

struct _MeshTriggerOutbox {     /* an rc box */
  MeshRoomless *owner;          /* NULL: nobody is to be told any more */
  char *server;                 /* where signed requests go, without a path */
  char *api;                    /* NULL: signed requests go to `server` */
  char *prefix;
  char *app;
  char *app_key;
  char *secret;

  SoupSession *session;
  GCancellable *cancellable;
  GQueue items;                 /* Item, by mid */
  guint n_sending;
  guint failures;               /* in a row */
  gboolean proven;              /* the service has taken a message */
  GSource *work;                /* calls on_work() when there is work */
};

static void
item_free (Item *item)
{
  g_free (item->to);
  g_free (item->payload);
  g_free (item->socket_id);
  g_free (item);
}

static void
outbox_clear (gpointer data)
{
  MeshTriggerOutbox *self = data;

  g_queue_clear_full (&self->items, (GDestroyNotify) item_free);
  g_object_unref (self->session);
  g_object_unref (self->cancellable);
  g_free (self->server);
  g_free (self->api);
  g_free (self->prefix);
  g_free (self->app);
  g_free (self->app_key);
  g_free (self->secret);
}

static char *
make_server (const MeshLink *link)
{
  if (link->cluster)
    return g_strdup_printf ("https://api-%s.pusher.com", link->cluster);
  return g_strdup_printf (strchr (link->host, ':') ? "%s://[%s]:%u"
      : "%s://%s:%u", link->tls ? "https" : "http", link->host, link->port);
}

/* @url is either the page's own address, or the one where it takes messages. */
static char *
make_api (const char *url)
{
  g_autofree char *base = g_strdup (url);
  gsize length = strlen (base);

  while (length > 0 && base[length - 1] == '/')
    base[--length] = '\0';
  return g_strconcat (base,
      g_str_has_suffix (base, "/api/messages") ? "/" : "/api/messages/", NULL);
}

static gboolean on_work (gpointer user_data);

/**
 * mesh_trigger_outbox_new:
 * @link: a room's link
 * @owner: who is told what becomes of the messages, not from within
 *   mesh_trigger_outbox_send(); there as long as requests are under way
 *
 * Returns: (transfer full): an empty outbox
 */
MeshTriggerOutbox *
mesh_trigger_outbox_new (const MeshLink *link, MeshRoomless *owner)
{
  MeshTriggerOutbox *self = g_rc_box_new0 (MeshTriggerOutbox);

  self->owner = owner;
  self->server = make_server (link);
  self->api = link->api ? make_api (link->api) : NULL;
  self->prefix = g_strdup (link->prefix);
  self->app = g_strdup (link->app);
  self->app_key = g_strdup (link->app_key);
  self->secret = g_strdup (link->secret);
  self->session = mesh_post_session_new ();
  self->cancellable = g_cancellable_new ();
  g_queue_init (&self->items);
  self->work = mesh_timer_new_unset (g_main_context_get_thread_default (),
      on_work, self);
  return self;
}

/**
 * mesh_trigger_outbox_free:
 * @self: (nullable) (transfer full): an outbox
 *
 * What has not been sent is not.
 */
void
mesh_trigger_outbox_free (MeshTriggerOutbox *self)
{
  if (!self)
    return;
  self->owner = NULL;
  mesh_timer_clear (&self->work);
  g_cancellable_cancel (self->cancellable);
  g_rc_box_release_full (self, outbox_clear);
}

/* Forgets finished messages in order: an earlier one may still be under way. */
static void
forget_done (MeshTriggerOutbox *self)
{
  gint64 mid = 0;
  Item *item;

  while ((item = g_queue_peek_head (&self->items)) && item->state == DONE) {
    mid = item->mid;
    item_free (g_queue_pop_head (&self->items));
  }
  if (mid > 0 && self->owner)
    mesh_roomless_taken (self->owner, mid);
}

static void
refuse (MeshTriggerOutbox *self, guint status)
{
  g_autofree char *text = g_strdup_printf ("our messages are not taken there "
      "(HTTP status %u)", status);
  MeshRoomless *owner = g_steal_pointer (&self->owner);

  mesh_roomless_refused (owner, text);
}

static void
try_later (MeshTriggerOutbox *self)
{
  guint pause = MIN (FIRST_PAUSE_MS << MIN (self->failures, 8), MAX_PAUSE_MS);

  self->failures++;
  g_source_set_ready_time (self->work,
      g_get_monotonic_time () + pause * G_TIME_SPAN_MILLISECOND);
}

/* Gives the message up. With mooz's route this is rare, as that says that all
 * is well also where the service has refused the message. */
static void
lose_item (MeshTriggerOutbox *self, Item *item)
{
  item->state = DONE;
  mesh_roomless_lost (self->owner, item->to);
}

static gboolean
is_final (guint status)
{
  return status == SOUP_STATUS_UNAUTHORIZED || status == SOUP_STATUS_FORBIDDEN
      || status == SOUP_STATUS_NOT_FOUND
      || status == SOUP_STATUS_METHOD_NOT_ALLOWED;
}

static void
on_answer (guint status, GBytes *answer, const GError *error,
    gpointer user_data)
{
  Item *item = user_data;
  MeshTriggerOutbox *self = g_steal_pointer (&item->outbox);
  g_autoptr (MeshRoomless) owner = g_steal_pointer (&item->owner);

  self->n_sending--;
  item->state = WAITING;
  if (!self->owner) {
    /* the outbox was freed meanwhile */
  } else if (SOUP_STATUS_IS_SUCCESSFUL (status)) {
    self->proven = TRUE;
    self->failures = 0;
    item->state = DONE;
  } else if (is_final (status) && !self->proven) {
    refuse (self, status);
  } else if (status == SOUP_STATUS_BAD_REQUEST
             || status == SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE) {
    lose_item (self, item);
  } else {
    try_later (self);
  }
  if (item->state == DONE) {
    forget_done (self);
    if (self->owner)
      g_source_set_ready_time (self->work, 0);
  }
  g_rc_box_release_full (self, outbox_clear);
}

static void
send_item (MeshTriggerOutbox *self, Item *item)
{
  g_autofree char *channel = g_strconcat (self->prefix, item->to, NULL);
  g_autofree char *body = self->api ? g_strdup (item->payload)
      : mesh_pusher_trigger_body (channel, item->payload, item->socket_id);
  g_autofree char *path = self->api ? NULL
      : mesh_pusher_trigger_path (self->app, self->app_key, self->secret, body,
          g_get_real_time () / G_USEC_PER_SEC);
  g_autofree char *url = self->api ? g_strconcat (self->api, channel, NULL)
      : g_strconcat (self->server, path, NULL);
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));

  item->state = SENDING;
  item->outbox = g_rc_box_acquire (self);
  item->owner = g_object_ref (self->owner);
  self->n_sending++;
  mesh_post (self->session, url, "application/json", bytes, MAX_ANSWER_BYTES,
      PATIENCE_MS, self->cancellable, on_answer, item);
}

static void
look_at_items (MeshTriggerOutbox *self)
{
  g_autoptr (GHashTable) busy = g_hash_table_new (g_str_hash, g_str_equal);

  for (GList *l = self->items.head; l && self->owner
      && self->n_sending < MAX_SENDING; l = l->next) {
    Item *item = l->data;

    if (item->state == DONE || !g_hash_table_add (busy, item->to)
        || item->state == SENDING)
      continue;
    if (strlen (item->payload) > MESH_PUSHER_MAX_DATA)
      lose_item (self, item);
    else
      send_item (self, item);
  }
  forget_done (self);
}

/* The owner may free the outbox from what this calls. */
static gboolean
on_work (gpointer user_data)
{
  MeshTriggerOutbox *self = g_rc_box_acquire (user_data);
  g_autoptr (MeshRoomless) owner = g_object_ref (self->owner);

  g_source_set_ready_time (self->work, -1);
  look_at_items (self);
  g_rc_box_release_full (self, outbox_clear);
  return G_SOURCE_CONTINUE;
}

/**
 * mesh_trigger_outbox_send:
 * @mid: larger than the last one
 * @to: to whom
 * @length: bytes in @payload
 * @socket_id: (nullable): who is not to hear it
 */
void
mesh_trigger_outbox_send (MeshTriggerOutbox *self, gint64 mid, const char *to,
    const char *payload, gsize length, const char *socket_id)
{
  Item *item = g_new0 (Item, 1);

  item->mid = mid;
  item->to = g_strdup (to);
  item->payload = g_strndup (payload, length);
  item->socket_id = g_strdup (socket_id);
  g_queue_push_tail (&self->items, item);
  if (self->failures == 0)
    g_source_set_ready_time (self->work, 0);
}

/**
 * mesh_trigger_outbox_is_empty:
 * Returns: whether nothing waits
 */
gboolean
mesh_trigger_outbox_is_empty (MeshTriggerOutbox *self)
{
  return g_queue_is_empty (&self->items);
}
