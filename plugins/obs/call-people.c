/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Keeps the list of members, and which source shows which of them. All of it
 * runs on the runner's thread; streaming threads and the room post their news
 * here. */

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

void
mesh_obs_viewer_free (gpointer data)
{
  MeshObsViewer *viewer = data;

  mesh_obs_handle_unref (viewer->handle);
  g_free (viewer->guest);
  g_free (viewer);
}

/* --- news from other threads --- */

static void
news_free (gpointer data)
{
  MeshObsCallNews *news = data;

  mesh_obs_tap_unref (news->tap);
  g_clear_pointer (&news->info, gst_structure_free);
  mesh_obs_call_unref (news->call);
  g_free (news);
}

void
mesh_obs_call_post_news (MeshObsCall *self, GSourceFunc func, guint number,
    MeshObsTapKind kind, MeshObsTap *tap, const GstStructure *info)
{
  MeshObsCallNews *news = g_new0 (MeshObsCallNews, 1);
  gboolean posted = FALSE;

  news->call = mesh_obs_call_ref (self);
  news->generation = g_atomic_int_get (&self->generation);
  news->number = number;
  news->kind = kind;
  news->tap = tap ? mesh_obs_tap_ref (tap) : NULL;
  news->info = info ? gst_structure_copy (info) : NULL;
  g_mutex_lock (&self->lock);
  if (self->runner) {
    mesh_obs_runner_invoke (self->runner, func, news, news_free);
    posted = TRUE;
  }
  g_mutex_unlock (&self->lock);
  if (!posted)
    news_free (news);
}

static gboolean
is_old (const MeshObsCallNews *news)
{
  return news->generation != g_atomic_int_get (&news->call->generation);
}

static MeshObsMember *
find_member (MeshObsCall *self, guint number)
{
  for (guint i = 0; i < self->members->len; i++) {
    MeshObsMember *member = g_ptr_array_index (self->members, i);

    if (member->number == number)
      return member;
  }
  return NULL;
}

static MeshObsMember *
find_member_by_id (MeshObsCall *self, const char *id)
{
  for (guint i = 0; id && i < self->members->len; i++) {
    MeshObsMember *member = g_ptr_array_index (self->members, i);

    if (g_strcmp0 (member->id, id) == 0)
      return member;
  }
  return NULL;
}

static guint
get_seat (MeshObsCall *self, const MeshObsMember *member)
{
  return member->id ? mesh_obs_seats_get_number (self->seats, member->id) : 0;
}

static gboolean
has_begun (const MeshObsMember *member)
{
  return (member->taps[MESH_OBS_TAP_VIDEO]
      && mesh_obs_tap_has_begun (member->taps[MESH_OBS_TAP_VIDEO]))
      || (member->taps[MESH_OBS_TAP_AUDIO]
      && mesh_obs_tap_has_begun (member->taps[MESH_OBS_TAP_AUDIO]));
}

/* --- what sources show --- */

static void
hide_member (MeshObsViewer *viewer)
{
  for (guint i = 0; viewer->member && i < 2; i++) {
    if (viewer->member->taps[i])
      mesh_obs_tap_remove_handle (viewer->member->taps[i], viewer->handle);
  }
  viewer->member = NULL;
}

static void
show_member (MeshObsViewer *viewer, MeshObsMember *member)
{
  MeshObsTap *video = member->taps[MESH_OBS_TAP_VIDEO];

  viewer->member = member;
  if (!video || !mesh_obs_tap_has_begun (video))
    mesh_obs_handle_show_placeholder (viewer->handle);
  for (guint i = 0; i < 2; i++) {
    if (member->taps[i])
      mesh_obs_tap_add_handle (member->taps[i], viewer->handle);
  }
}

static char *
describe_viewer (MeshObsCall *self, const MeshObsViewer *viewer)
{
  const MeshObsMember *member = viewer->member;
  const char *name = member && member->name && *member->name
      ? member->name : "somebody without a name";

  if (!self->ready)
    return g_strdup ("Not in the call");
  if (!viewer->guest || !*viewer->guest)
    return g_strdup ("In the call; choose whom to show");
  if (member)
    return g_strdup_printf ("Showing %s (%u)%s%s", name,
        get_seat (self, member), member->hidden ? ", camera hidden" : "",
        member->muted ? ", muted" : "");
  if (mesh_obs_seats_is_number (viewer->guest, NULL))
    return g_strdup_printf ("Waiting for guest %s", viewer->guest);
  return g_strdup_printf ("Waiting for %s", viewer->guest);
}

static void
tell_viewer (MeshObsCall *self, MeshObsViewer *viewer)
{
  g_autofree char *status = NULL;
  g_autofree char *text = describe_viewer (self, viewer);
  gboolean bad;

  if (self->trouble) {
    char *both = g_strdup_printf ("%s (%s)", text, self->trouble);

    g_free (text);
    text = both;
  }
  g_mutex_lock (&self->lock);
  bad = self->bad;
  status = bad ? g_strdup (self->status) : NULL;
  g_mutex_unlock (&self->lock);
  mesh_obs_handle_set_status (viewer->handle, bad ? status : text, bad);
}

static MeshObsMember *
choose_member (MeshObsCall *self, const MeshObsViewer *viewer)
{
  return find_member_by_id (self, mesh_obs_seats_find (self->seats,
          viewer->guest, g_get_monotonic_time ()));
}

static void
update_viewer (MeshObsCall *self, MeshObsViewer *viewer)
{
  MeshObsMember *member = choose_member (self, viewer);

  if (member != viewer->member) {
    hide_member (viewer);
    if (member)
      show_member (viewer, member);
    else
      mesh_obs_handle_show_placeholder (viewer->handle);
  }
  tell_viewer (self, viewer);
}

static MeshObsViewer *
find_viewer (MeshObsCall *self, MeshObsHandle *handle, guint *index)
{
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->handle == handle) {
      if (index)
        *index = i;
      return viewer;
    }
  }
  return NULL;
}

void
mesh_obs_call_set_viewer (MeshObsCall *self, MeshObsHandle *handle,
    const char *guest)
{
  MeshObsViewer *viewer = find_viewer (self, handle, NULL);

  if (!viewer) {
    viewer = g_new0 (MeshObsViewer, 1);
    viewer->handle = mesh_obs_handle_ref (handle);
    g_ptr_array_add (self->viewers, viewer);
  }
  g_free (viewer->guest);
  viewer->guest = g_strstrip (g_strdup (guest ? guest : ""));
  update_viewer (self, viewer);
}

void
mesh_obs_call_remove_viewer (MeshObsCall *self, MeshObsHandle *handle)
{
  guint index;
  MeshObsViewer *viewer = find_viewer (self, handle, &index);

  if (!viewer)
    return;
  hide_member (viewer);
  g_ptr_array_remove_index (self->viewers, index);
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

    if (get_seat (self, member) == 0)
      continue;
    person = g_new0 (MeshObsCallPerson, 1);
    person->seat = get_seat (self, member);
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

static void
summarise (MeshObsCall *self)
{
  g_autofree char *text = NULL;

  if (self->ready)
    text = self->people->len == 0 ? g_strdup ("In the call; nobody to be seen")
        : g_strdup_printf ("In the call with %u %s", self->people->len,
        self->people->len == 1 ? "guest" : "guests");
  else
    text = g_strdup ("Not in the call");
  g_mutex_lock (&self->lock);
  g_free (self->status);
  self->status = g_steal_pointer (&text);
  self->bad = FALSE;
  g_mutex_unlock (&self->lock);
}

void
mesh_obs_call_tell_viewers (MeshObsCall *self)
{
  summarise (self);
  for (guint i = 0; i < self->viewers->len; i++)
    tell_viewer (self, g_ptr_array_index (self->viewers, i));
}

void
mesh_obs_call_set_status (MeshObsCall *self, const char *text, gboolean bad)
{
  g_mutex_lock (&self->lock);
  g_free (self->status);
  self->status = g_strdup (text);
  self->bad = bad;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    mesh_obs_handle_set_status (viewer->handle, text, bad);
  }
}

/* Brings lists, sources and dialogs up to date after a member has come, gone or
 * changed seats. */
static void
update (MeshObsCall *self)
{
  gboolean changed = publish_people (self);

  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    update_viewer (self, viewer);
    if (changed)
      mesh_obs_handle_refresh_dialog (viewer->handle);
  }
  summarise (self);
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

  if (!member->id || !has_begun (member) || get_seat (self, member) != 0)
    return;
  hear_all (self);
  mesh_obs_seats_come (self->seats, member->id, member->name, now);
}

/* Gets the value of meshroom's property "peers". */
static void
get_list (MeshObsCall *self, GValue *list)
{
  g_autoptr (GstElement) room = NULL;

  g_value_init (list, GST_TYPE_ARRAY);
  g_mutex_lock (&self->lock);
  room = self->room ? gst_object_ref (self->room) : NULL;
  g_mutex_unlock (&self->lock);
  if (room)
    g_object_get_property (G_OBJECT (room), "peers", list);
}

static void
seat_all (MeshObsCall *self)
{
  g_auto (GValue) list = G_VALUE_INIT;

  self->gathering_until = -1;
  get_list (self, &list);
  for (guint i = 0; i < gst_value_array_get_size (&list); i++) {
    const GstStructure *s =
        gst_value_get_structure (gst_value_array_get_value (&list, i));
    MeshObsMember *member = s ? find_member_by_id (self,
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
    get_list (self, &list);
    self->gathering_until = gst_value_array_get_size (&list) > 1
        ? g_get_monotonic_time () + GATHERING : -1;
  }
  if (self->gathering_until < 0)
    seat_member (self, member);
}

gboolean
mesh_obs_call_on_tap_added (gpointer user_data)
{
  MeshObsCallNews *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member;

  if (is_old (news))
    return G_SOURCE_REMOVE;
  member = find_member (self, news->number);
  if (!member) {
    member = g_new0 (MeshObsMember, 1);
    member->number = news->number;
    g_ptr_array_add (self->members, member);
  }
  mesh_obs_tap_unref (member->taps[news->kind]);
  member->taps[news->kind] = mesh_obs_tap_ref (news->tap);
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->member == member)
      mesh_obs_tap_add_handle (news->tap, viewer->handle);
  }
  return G_SOURCE_REMOVE;
}

gboolean
mesh_obs_call_on_info (gpointer user_data)
{
  MeshObsCallNews *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member = is_old (news) ? NULL
      : find_member (self, news->number);

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
  MeshObsCallNews *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member = is_old (news) ? NULL
      : find_member (self, news->number);

  if (!member)
    return G_SOURCE_REMOVE;
  welcome (self, member);
  update (self);
  return G_SOURCE_REMOVE;
}

gboolean
mesh_obs_call_on_tap_removed (gpointer user_data)
{
  MeshObsCallNews *news = user_data;
  MeshObsCall *self = news->call;
  MeshObsMember *member = is_old (news) ? NULL
      : find_member (self, news->number);

  if (!member)
    return G_SOURCE_REMOVE;
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->member != member)
      continue;
    if (member->taps[news->kind])
      mesh_obs_tap_remove_handle (member->taps[news->kind], viewer->handle);
    if (news->kind == MESH_OBS_TAP_VIDEO)
      mesh_obs_handle_show_placeholder (viewer->handle);
  }
  g_clear_pointer (&member->taps[news->kind], mesh_obs_tap_unref);
  if (!member->taps[MESH_OBS_TAP_VIDEO] && !member->taps[MESH_OBS_TAP_AUDIO]) {
    for (guint i = 0; i < self->viewers->len; i++) {
      if (((MeshObsViewer *) g_ptr_array_index (self->viewers, i))->member
          == member)
        hide_member (g_ptr_array_index (self->viewers, i));
    }
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
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->member) {
      hide_member (viewer);
      mesh_obs_handle_show_placeholder (viewer->handle);
    }
  }
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
