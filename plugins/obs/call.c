/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "call-private.h"

void
mesh_obs_call_person_free (gpointer data)
{
  MeshObsCallPerson *person = data;

  g_free (person->name);
  g_free (person);
}

MeshObsCall *
mesh_obs_call_ref (MeshObsCall *call)
{
  g_atomic_ref_count_inc (&call->refs);
  return call;
}

void
mesh_obs_call_unref (gpointer data)
{
  MeshObsCall *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->viewers);
  g_ptr_array_unref (self->members);
  g_ptr_array_unref (self->people);
  mesh_obs_seats_free (self->seats);
  g_mutex_clear (&self->applying);
  g_mutex_clear (&self->lock);
  gst_clear_caps (&self->caps[0]);
  gst_clear_caps (&self->caps[1]);
  g_free (self->trouble);
  g_free (self->status);
  g_free (self->programme_name);
  g_free (self->name);
  g_free (self->serve);
  g_free (self->link);
  g_free (self);
}

/* Has @func called on the runner's thread, where the room has not been left.
 * @data is freed in either case. */
void
mesh_obs_call_post (MeshObsCall *self, GSourceFunc func, gpointer data,
    GDestroyNotify destroy)
{
  gboolean posted;

  g_mutex_lock (&self->lock);
  posted = self->runner != NULL;
  if (posted)
    mesh_obs_runner_invoke (self->runner, func, data, destroy);
  g_mutex_unlock (&self->lock);
  if (!posted)
    destroy (data);
}

MeshObsMember *
mesh_obs_call_find_member (MeshObsCall *self, const char *id)
{
  for (guint i = 0; id && i < self->members->len; i++) {
    MeshObsMember *member = g_ptr_array_index (self->members, i);

    if (g_strcmp0 (member->id, id) == 0)
      return member;
  }
  return NULL;
}

guint
mesh_obs_call_get_seat (MeshObsCall *self, const MeshObsMember *member)
{
  return member->id ? mesh_obs_seats_get_number (self->seats, member->id) : 0;
}

/* --- what can be asked --- */

/**
 * mesh_obs_call_dup_status:
 * @bad: (out): whether the state needs the user's attention
 *
 * Returns: (transfer full): the state of the call, as a text for the user
 */
char *
mesh_obs_call_dup_status (MeshObsCall *call, gboolean *bad)
{
  char *text;

  g_mutex_lock (&call->lock);
  text = g_strdup (call->status ? call->status : "Joining…");
  *bad = call->bad;
  g_mutex_unlock (&call->lock);
  return text;
}

/**
 * mesh_obs_call_dup_people:
 * Returns: (transfer full) (element-type MeshObsCallPerson): the members, in
 *   the order of their seats
 */
GPtrArray *
mesh_obs_call_dup_people (MeshObsCall *call)
{
  GPtrArray *people;

  g_mutex_lock (&call->lock);
  people = g_ptr_array_ref (call->people);
  g_mutex_unlock (&call->lock);
  return people;
}

/**
 * mesh_obs_call_dup_link:
 * Returns: (transfer full) (nullable): the room's link, once there is one
 */
char *
mesh_obs_call_dup_link (MeshObsCall *call)
{
  char *link;

  g_mutex_lock (&call->lock);
  link = g_strdup (call->link);
  g_mutex_unlock (&call->lock);
  return link;
}

/**
 * mesh_obs_call_get_peers:
 * @peers: (out): set to the value of meshroom's property "peers"
 */
void
mesh_obs_call_get_peers (MeshObsCall *call, GValue *peers)
{
  g_autoptr (GstElement) room = NULL;

  g_value_init (peers, GST_TYPE_ARRAY);
  g_mutex_lock (&call->lock);
  room = call->room ? gst_object_ref (call->room) : NULL;
  g_mutex_unlock (&call->lock);
  if (room)
    g_object_get_property (G_OBJECT (room), "peers", peers);
}
