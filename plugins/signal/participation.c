/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connections that signalsrc and signalsink share (participation.h), and
 * the registry in the GstContext through which they find each other. */

#include "participation.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/link.h"
#include "core/message.h"
#include "error-message.h"
#include "signalling/connection.h"

#define N_ROLES 2

/* The registry in the context: the list of all participations. */
#define MESH_TYPE_SIGNAL_REGISTRY (mesh_signal_registry_get_type ())
G_DECLARE_FINAL_TYPE (MeshSignalRegistry, mesh_signal_registry, MESH,
    SIGNAL_REGISTRY, GObject)

struct _MeshSignalRegistry {
  GObject parent;

  GMutex lock;                  /* guards participations and the users of each;
                                 * taken before a participation's own lock */
  GList *participations;        /* MeshParticipation, owned by the elements that
                                 * use it */
};

struct _MeshParticipation {
  MeshSignalRegistry *registry;
  char *link;
  MeshConnection *connection;

  GMutex lock;                  /* guards what follows */
  GCond cond;
  GstElement *users[N_ROLES];   /* no references: an element releases the
                                 * participation before it is freed */
  GQueue waiting;               /* char *, messages for the signalsrc */
  gsize waiting_bytes;
  gboolean flushing;
  gboolean overflowed;          /* messages have been dropped, and a warning was
                                 * posted */
  gboolean failed;
};

G_DEFINE_FINAL_TYPE (MeshSignalRegistry, mesh_signal_registry, G_TYPE_OBJECT)

static void
mesh_signal_registry_finalize (GObject *object)
{
  MeshSignalRegistry *self = MESH_SIGNAL_REGISTRY (object);

  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_signal_registry_parent_class)->finalize (object);
}

/* Makes messages with the context printable. */
static void
registry_to_string (const GValue *value, GValue *text)
{
  g_value_take_string (text,
      g_strdup_printf ("%p", g_value_get_object (value)));
}

static void
mesh_signal_registry_class_init (MeshSignalRegistryClass *klass)
{
  g_value_register_transform_func (G_TYPE_FROM_CLASS (klass), G_TYPE_STRING,
      registry_to_string);
  G_OBJECT_CLASS (klass)->finalize = mesh_signal_registry_finalize;
}

static void
mesh_signal_registry_init (MeshSignalRegistry *self)
{
  g_mutex_init (&self->lock);
}

static MeshSignalRegistry *
registry_from_context (GstElement *element)
{
  g_autoptr (GstContext) context
      = gst_element_get_context (element, MESH_SIGNAL_CONTEXT);
  MeshSignalRegistry *registry = NULL;

  if (context)
    gst_structure_get (gst_context_get_structure (context), "registry",
        MESH_TYPE_SIGNAL_REGISTRY, &registry, NULL);
  return registry;
}

/* Asks the parent bins for the context, and creates one if there is none. */
static MeshSignalRegistry *
find_registry (GstElement *element)
{
  MeshSignalRegistry *registry = registry_from_context (element);
  GstContext *context;

  if (registry)
    return registry;
  gst_element_post_message (element,
      gst_message_new_need_context (GST_OBJECT (element),
          MESH_SIGNAL_CONTEXT));
  registry = registry_from_context (element);
  if (registry)
    return registry;

  registry = g_object_new (MESH_TYPE_SIGNAL_REGISTRY, NULL);
  context = gst_context_new (MESH_SIGNAL_CONTEXT, FALSE);
  gst_structure_set (gst_context_writable_structure (context), "registry",
      MESH_TYPE_SIGNAL_REGISTRY, registry, NULL);
  gst_element_set_context (element, context);
  gst_element_post_message (element,
      gst_message_new_have_context (GST_OBJECT (element), context));
  return registry;
}

/* Returns: (transfer full) (nullable): the element that errors are posted on:
 * the signalsrc if there is one, else the signalsink */
static GstElement *
participation_ref_speaker (MeshParticipation *self)
{
  GstElement *speaker;

  g_mutex_lock (&self->lock);
  speaker = self->users[MESH_PARTICIPATION_SRC];
  if (!speaker)
    speaker = self->users[MESH_PARTICIPATION_SINK];
  if (speaker)
    gst_object_ref (speaker);
  g_mutex_unlock (&self->lock);
  return speaker;
}

static void
on_message (MeshConnection *connection, const char *json, gpointer user_data)
{
  MeshParticipation *self = user_data;
  g_autoptr (GstElement) src = NULL;
  gsize length = strlen (json);
  gboolean full;

  g_mutex_lock (&self->lock);
  full = self->waiting.length >= MESH_MESSAGE_MAX_WAITING
         || self->waiting_bytes + length > MESH_MESSAGE_MAX_WAITING_BYTES;
  if (!full) {
    g_queue_push_tail (&self->waiting, g_strdup (json));
    self->waiting_bytes += length;
    g_cond_signal (&self->cond);
  } else if (!self->overflowed && self->users[MESH_PARTICIPATION_SRC]) {
    src = gst_object_ref (self->users[MESH_PARTICIPATION_SRC]);
  }
  self->overflowed = full;
  g_mutex_unlock (&self->lock);
  if (src)
    GST_ELEMENT_WARNING (src, RESOURCE, READ,
        ("messages are dropped, since nobody takes them"), (NULL));
}

static void
on_error (MeshConnection *connection, const GError *error, gboolean fatal,
    gpointer user_data)
{
  MeshParticipation *self = user_data;
  g_autoptr (GstElement) speaker = participation_ref_speaker (self);

  if (fatal) {
    g_mutex_lock (&self->lock);
    self->failed = TRUE;
    g_mutex_unlock (&self->lock);
  }
  if (speaker)
    mesh_signal_post_error (speaker, error, fatal);
}

static MeshParticipation *
participation_new (MeshSignalRegistry *registry, const char *link,
    const char *peer_id, GError **error)
{
  MeshConnection *connection = mesh_connection_new (link, peer_id, error);
  MeshParticipation *self;

  if (!connection)
    return NULL;
  self = g_atomic_rc_box_new0 (MeshParticipation);
  self->registry = g_object_ref (registry);
  self->link = g_strdup (link);
  self->connection = connection;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->waiting);
  return self;
}

static void
participation_clear (gpointer data)
{
  MeshParticipation *self = data;

  g_clear_object (&self->connection);
  g_queue_clear_full (&self->waiting, g_free);
  g_object_unref (self->registry);
  g_free (self->link);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
}

static void
participation_unref (gpointer self)
{
  g_atomic_rc_box_release_full (self, participation_clear);
}

/* Returns 0 if the participation cannot be the element's, 1 if it may be, and 2
 * if the peer ids are equal. */
static guint
participation_fits (MeshParticipation *self, MeshParticipationRole role,
    const char *link, const char *peer_id)
{
  g_autofree char *id = mesh_connection_dup_peer_id (self->connection);
  gboolean is_free;

  g_mutex_lock (&self->lock);
  is_free = self->users[role] == NULL;
  g_mutex_unlock (&self->lock);
  if (!is_free || !g_str_equal (self->link, link))
    return 0;
  if (id && peer_id)
    return g_str_equal (id, peer_id) ? 2 : 0;
  return 1;
}

static MeshParticipation *
registry_lookup_locked (MeshSignalRegistry *self, MeshParticipationRole role,
    const char *link, const char *peer_id)
{
  MeshParticipation *best = NULL;
  guint best_fit = 0;

  for (GList *l = self->participations; l; l = l->next) {
    guint fit = participation_fits (l->data, role, link, peer_id);

    if (fit > best_fit) {
      best = l->data;
      best_fit = fit;
    }
  }
  return best;
}

/**
 * mesh_participation_acquire:
 * @element: the element that joins
 * @role: the role of @element
 * @link: (nullable): the room's link
 * @peer_id: (nullable): the member's peer id; %NULL = that of the other element
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): the participation, to be given back with
 *   mesh_participation_release()
 */
MeshParticipation *
mesh_participation_acquire (GstElement *element, MeshParticipationRole role,
    const char *link, const char *peer_id, GError **error)
{
  g_autoptr (MeshSignalRegistry) registry = NULL;
  g_autoptr (MeshLink) parsed = NULL;
  g_autofree char *canonical = NULL;
  MeshParticipation *self;
  gboolean is_new;

  if (!link) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_LINK,
        "link is not set: the property \"link\" names the room");
    return NULL;
  }
  if (peer_id && !mesh_is_uuid (peer_id)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_LINK,
        "peer-id is not a UUID in lower case");
    return NULL;
  }
  /* the canonical link lets both elements find each other, however either of
   * them spells it */
  parsed = mesh_link_parse (link, error);
  if (!parsed)
    return NULL;
  link = canonical = mesh_link_to_string (parsed);
  registry = find_registry (element);
  g_mutex_lock (&registry->lock);
  self = registry_lookup_locked (registry, role, link, peer_id);
  is_new = self == NULL;
  if (is_new && (self = participation_new (registry, link, peer_id, error)))
    registry->participations = g_list_append (registry->participations, self);
  if (self) {
    if (peer_id)
      mesh_connection_set_peer_id (self->connection, peer_id);
    g_mutex_lock (&self->lock);
    self->users[role] = element;
    if (role == MESH_PARTICIPATION_SRC)
      self->flushing = FALSE;
    g_mutex_unlock (&self->lock);
  }
  g_mutex_unlock (&registry->lock);
  if (self && is_new)
    mesh_connection_set_callbacks (self->connection, on_message, on_error,
        g_atomic_rc_box_acquire (self), participation_unref);
  return self;
}

/**
 * mesh_participation_release:
 * @participation: (nullable) (transfer full): a participation
 * @role: the role in which it was acquired
 *
 * The last element to release it leaves the room with a bye, which takes a
 * second at most.
 */
void
mesh_participation_release (MeshParticipation *participation,
    MeshParticipationRole role)
{
  MeshSignalRegistry *registry;
  gboolean last;

  if (!participation)
    return;
  registry = participation->registry;
  g_mutex_lock (&registry->lock);
  g_mutex_lock (&participation->lock);
  participation->users[role] = NULL;
  last = !participation->users[MESH_PARTICIPATION_SRC]
      && !participation->users[MESH_PARTICIPATION_SINK];
  g_mutex_unlock (&participation->lock);
  if (last)
    registry->participations = g_list_remove (registry->participations,
        participation);
  g_mutex_unlock (&registry->lock);
  if (!last)
    return;
  mesh_connection_stop (participation->connection);
  mesh_connection_set_callbacks (participation->connection, NULL, NULL, NULL,
      NULL);
  participation_unref (participation);
}

/**
 * mesh_participation_start:
 * @role: the role of the element that starts
 *
 * Connects as soon as the peer id is known. A signalsrc without a signalsink
 * makes up a peer id.
 */
void
mesh_participation_start (MeshParticipation *participation,
    MeshParticipationRole role)
{
  gboolean alone;

  g_mutex_lock (&participation->lock);
  alone = role == MESH_PARTICIPATION_SRC
      && !participation->users[MESH_PARTICIPATION_SINK];
  g_mutex_unlock (&participation->lock);
  if (alone && !mesh_participation_has_peer_id (participation)) {
    g_autofree char *id = g_uuid_string_random ();

    mesh_participation_set_peer_id (participation, id);
  }
  mesh_connection_start (participation->connection);
}

/**
 * mesh_participation_has_peer_id:
 * Returns: whether the peer id is known
 */
gboolean
mesh_participation_has_peer_id (MeshParticipation *participation)
{
  g_autofree char *id = mesh_connection_dup_peer_id (participation->connection);

  return id != NULL;
}

/**
 * mesh_participation_set_peer_id:
 * @peer_id: the member's peer id
 *
 * Returns: %FALSE when @peer_id is not a peer id, or the participation has
 *   another one already
 */
gboolean
mesh_participation_set_peer_id (MeshParticipation *participation,
    const char *peer_id)
{
  return mesh_connection_set_peer_id (participation->connection, peer_id);
}

/**
 * mesh_participation_send:
 * @participation: a participation whose peer id is known
 * @length: length of @json in bytes
 * @error: return location for a #MESH_ERROR
 *
 * Returns: %FALSE with @error set when the message could not be queued. A
 *   connection that has failed has posted an error already, so it accepts, and
 *   drops, every message
 */
gboolean
mesh_participation_send (MeshParticipation *participation, const char *json,
    gsize length, GError **error)
{
  gboolean failed;

  g_mutex_lock (&participation->lock);
  failed = participation->failed;
  g_mutex_unlock (&participation->lock);
  return failed
         || mesh_connection_send (participation->connection, json, length,
      error);
}

/**
 * mesh_participation_pop:
 *
 * Waits for a message.
 *
 * Returns: (transfer full) (nullable): the next message, %NULL when flushing
 */
char *
mesh_participation_pop (MeshParticipation *participation)
{
  char *json = NULL;

  g_mutex_lock (&participation->lock);
  while (!participation->flushing && participation->waiting.length == 0)
    g_cond_wait (&participation->cond, &participation->lock);
  if (!participation->flushing) {
    json = g_queue_pop_head (&participation->waiting);
    participation->waiting_bytes -= strlen (json);
  }
  g_mutex_unlock (&participation->lock);
  return json;
}

/**
 * mesh_participation_set_flushing:
 * @flushing: whether mesh_participation_pop() returns at once
 */
void
mesh_participation_set_flushing (MeshParticipation *participation,
    gboolean flushing)
{
  g_mutex_lock (&participation->lock);
  participation->flushing = flushing;
  g_cond_broadcast (&participation->cond);
  g_mutex_unlock (&participation->lock);
}
