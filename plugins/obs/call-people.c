/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Keeps the list of members. All of it runs on the runner's thread; streaming
 * threads and the room post their news here. */

#include "call-private.h"

/* Members of a room that we join arrive in no particular order. For this long
 * they are collected, and then seated in the order of the room's list. */
#define GATHERING (600 * G_TIME_SPAN_MILLISECOND)

/* How long a warning of the room is shown. */
#define TROUBLE (15 * G_TIME_SPAN_SECOND)

void
mesh_obs_member_free (gpointer data)
{
  MeshObsMember *member = data;

  for (guint i = 0; i < G_N_ELEMENTS (member->taps); i++)
    mesh_obs_tap_unref (member->taps[i]);
  g_free (member->name);
  g_free (member->id);
  g_free (member);
}

/* --- news from other threads --- */

typedef struct {
  MeshObsCall *call;
  gint generation;
  guint number;
  MeshObsTapKind kind;
  MeshObsTap *tap;
  GstStructure *info;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  mesh_obs_tap_unref (news->tap);
  g_clear_pointer (&news->info, gst_structure_free);
  mesh_obs_call_unref (news->call);
  g_free (news);
}

void
mesh_obs_call_post_news (MeshObsCall *self, GSourceFunc func, guint number,
    MeshObsTapKind kind, MeshObsTap *tap, const GstStructure *info)
{
  News *news = g_new0 (News, 1);

  news->call = mesh_obs_call_ref (self);
  news->generation = g_atomic_int_get (&self->generation);
  news->number = number;
  news->kind = kind;
  news->tap = tap ? mesh_obs_tap_ref (tap) : NULL;
  news->info = info ? gst_structure_copy (info) : NULL;
  mesh_obs_call_post (self, func, news, news_free);
}

static gboolean
is_old (const News *news)
{
  return news->generation != g_atomic_int_get (&news->call->generation);
}

/* Finds the member that the news are of; none for news of an old pipeline. */
static MeshObsMember *
find_member (const News *news)
{
  GPtrArray *members = news->call->members;

  for (guint i = 0; !is_old (news) && i < members->len; i++) {
    MeshObsMember *member = g_ptr_array_index (members, i);

    if (member->number == news->number)
      return member;
  }
  return NULL;
}

static gboolean
has_begun (const MeshObsMember *member)
{
  return (member->taps[MESH_OBS_TAP_VIDEO]
      && mesh_obs_tap_has_begun (member->taps[MESH_OBS_TAP_VIDEO]))
      || (member->taps[MESH_OBS_TAP_AUDIO]
      && mesh_obs_tap_has_begun (member->taps[MESH_OBS_TAP_AUDIO]));
}

/* --- what others may ask for --- */

static int
compare_seats (gconstpointer a, gconstpointer b)
{
  const MeshObsCallPerson *x = *(MeshObsCallPerson *const *) a;
  const MeshObsCallPerson *y = *(MeshObsCallPerson *const *) b;

  return x->seat < y->seat ? -1 : x->seat > y->seat;
}

static gboolean
are_same (GPtrArray *a, GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++) {
    const MeshObsCallPerson *x = g_ptr_array_index (a, i);
    const MeshObsCallPerson *y = g_ptr_array_index (b, i);

    if (x->seat != y->seat || g_strcmp0 (x->name, y->name) != 0)
      return FALSE;
  }
  return TRUE;
}

/* Publishes the list of members. Returns whether it differs from the one
 * before. */
static gboolean
publish_people (MeshObsCall *self)
{
  GPtrArray *people =
      g_ptr_array_new_with_free_func (mesh_obs_call_person_free);
  g_autoptr (GPtrArray) old = NULL;

  for (guint i = 0; i < self->members->len; i++) {
    const MeshObsMember *member = g_ptr_array_index (self->members, i);
    MeshObsCallPerson *person;

    if (mesh_obs_call_get_seat (self, member) == 0)
      continue;
    person = g_new0 (MeshObsCallPerson, 1);
    person->seat = mesh_obs_call_get_seat (self, member);
    person->name = g_strdup (member->name ? member->name : "");
    person->muted = member->muted;
    person->hidden = member->hidden;
    g_ptr_array_add (people, person);
  }
  g_ptr_array_sort (people, compare_seats);
  g_mutex_lock (&self->lock);
  old = self->people;
  self->people = people;
  g_mutex_unlock (&self->lock);
  return !are_same (old, people);
}

/* Brings lists, sources and dialogs up to date after a member has come, gone or
 * changed seats. */
static void
update (MeshObsCall *self)
{
  mesh_obs_call_update_viewers (self, publish_people (self));
}

/* --- who comes and goes --- */

static void
hear_all (MeshObsCall *self)
{
  for (guint i = 0; i < self->members->len; i++) {
    MeshObsMember *member = g_ptr_array_index (self->members, i);

    for (guint k = 0; member->id && k < 2; k++) {
      if (member->taps[k])
        mesh_obs_seats_hear (self->seats, member->id,
            mesh_obs_tap_get_heard_at (member->taps[k]));
    }
  }
}

static void
seat_member (MeshObsCall *self, MeshObsMember *member)
{
  gint64 now = g_get_monotonic_time ();

  if (!member->id || !has_begun (member)
      || mesh_obs_call_get_seat (self, member) != 0)
    return;
  hear_all (self);
  mesh_obs_seats_come (self->seats, member->id, member->name, now);
}

static void
seat_all (MeshObsCall *self)
{
  g_auto (GValue) list = G_VALUE_INIT;

  self->gathering_until = -1;
  mesh_obs_call_get_peers (self, &list);
  for (guint i = 0; i < gst_value_array_get_size (&list); i++) {
    const GstStructure *s =
        gst_value_get_structure (gst_value_array_get_value (&list, i));
    MeshObsMember *member = s ? mesh_obs_call_find_member (self,
        gst_structure_get_string (s, "peer-id")) : NULL;

    if (member)
      seat_member (self, member);
  }
  for (guint i = 0; i < self->members->len; i++)
    seat_member (self, g_ptr_array_index (self->members, i));
}

/* Seats a member whose first frame has come, or starts the time in which
 * members are collected. */
static void
welcome (MeshObsCall *self, MeshObsMember *member)
{
  g_auto (GValue) list = G_VALUE_INIT;

  if (self->gathering_until == 0) {
    mesh_obs_call_get_peers (self, &list);
    self->gathering_until = gst_value_array_get_size (&list) > 1
        ? g_get_monotonic_time () + GATHERING : -1;
  }
  if (self->gathering_until < 0)
    seat_member (self, member);
}

gboolean
mesh_obs_call_on_tap_added (gpointer user_data)
{
  News *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member;

  if (is_old (news))
    return G_SOURCE_REMOVE;
  member = find_member (news);
  if (!member) {
    member = g_new0 (MeshObsMember, 1);
    member->number = news->number;
    g_ptr_array_add (self->members, member);
  }
  mesh_obs_tap_unref (member->taps[news->kind]);
  member->taps[news->kind] = mesh_obs_tap_ref (news->tap);
  mesh_obs_call_show_tap (self, member, news->tap);
  return G_SOURCE_REMOVE;
}

gboolean
mesh_obs_call_on_info (gpointer user_data)
{
  News *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member = find_member (news);

  if (!member)
    return G_SOURCE_REMOVE;
  g_free (member->id);
  g_free (member->name);
  member->id = g_strdup (gst_structure_get_string (news->info, "peer-id"));
  member->name = g_strdup (gst_structure_get_string (news->info, "name"));
  gst_structure_get_boolean (news->info, "muted", &member->muted);
  gst_structure_get_boolean (news->info, "hidden", &member->hidden);
  if (member->id)
    mesh_obs_seats_rename (self->seats, member->id, member->name);
  update (self);
  return G_SOURCE_REMOVE;
}

gboolean
mesh_obs_call_on_tap_begun (gpointer user_data)
{
  News *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member = find_member (news);

  if (!member)
    return G_SOURCE_REMOVE;
  welcome (self, member);
  update (self);
  return G_SOURCE_REMOVE;
}

gboolean
mesh_obs_call_on_tap_removed (gpointer user_data)
{
  News *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member = find_member (news);

  if (!member)
    return G_SOURCE_REMOVE;
  mesh_obs_call_hide_tap (self, member, news->kind);
  g_clear_pointer (&member->taps[news->kind], mesh_obs_tap_unref);
  if (!member->taps[MESH_OBS_TAP_VIDEO] && !member->taps[MESH_OBS_TAP_AUDIO]) {
    mesh_obs_call_hide_member (self, member);
    if (member->id)
      mesh_obs_seats_go (self->seats, member->id);
    g_ptr_array_remove (self->members, member);
  }
  update (self);
  return G_SOURCE_REMOVE;
}

/* Forgets all members, since the pipeline is down. Seats are kept for the next
 * pipeline. */
void
mesh_obs_call_forget_members (MeshObsCall *self)
{
  mesh_obs_call_hide_member (self, NULL);
  g_ptr_array_set_size (self->members, 0);
  mesh_obs_seats_empty (self->seats);
  self->gathering_until = 0;
  self->ready = FALSE;
  publish_people (self);
}

/* Called regularly while the pipeline plays. */
gboolean
mesh_obs_call_tick (gpointer user_data)
{
  MeshObsCall *self = user_data;
  gint64 now = g_get_monotonic_time ();

  hear_all (self);
  if (self->trouble && now - self->trouble_at > TROUBLE) {
    g_clear_pointer (&self->trouble, g_free);
    mesh_obs_call_tell_viewers (self);
  }
  if (self->gathering_until > 0 && now >= self->gathering_until)
    seat_all (self);
  mesh_obs_seats_settle (self->seats, now);
  update (self);
  return G_SOURCE_CONTINUE;
}
