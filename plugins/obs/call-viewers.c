/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which source shows which member. All of it runs on the runner's thread, but
 * for mesh_obs_call_attach() and mesh_obs_call_detach(). */

#include "call-private.h"

void
mesh_obs_viewer_free (gpointer data)
{
  MeshObsViewer *viewer = data;

  mesh_obs_handle_unref (viewer->handle);
  g_free (viewer->guest);
  g_free (viewer);
}

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
        mesh_obs_call_get_seat (self, member),
        member->hidden ? ", camera hidden" : "",
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
  return mesh_obs_call_find_member (self, mesh_obs_seats_find (self->seats,
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

/* --- what is asked of the runner's thread --- */

typedef struct {
  MeshObsCall *call;
  MeshObsHandle *handle;
  char *guest;
} Request;

static void
request_free (gpointer data)
{
  Request *request = data;

  mesh_obs_call_unref (request->call);
  mesh_obs_handle_unref (request->handle);
  g_free (request->guest);
  g_free (request);
}

static void
post_request (MeshObsCall *self, GSourceFunc func, MeshObsHandle *handle,
    const char *guest)
{
  Request *request = g_new0 (Request, 1);

  request->call = mesh_obs_call_ref (self);
  request->handle = mesh_obs_handle_ref (handle);
  request->guest = g_strstrip (g_strdup (guest ? guest : ""));
  mesh_obs_call_post (self, func, request, request_free);
}

static gboolean
do_attach (gpointer user_data)
{
  Request *request = user_data;
  MeshObsCall *self = request->call;
  MeshObsViewer *viewer = find_viewer (self, request->handle, NULL);

  if (!viewer) {
    viewer = g_new0 (MeshObsViewer, 1);
    viewer->handle = g_steal_pointer (&request->handle);
    g_ptr_array_add (self->viewers, viewer);
  }
  g_free (viewer->guest);
  viewer->guest = g_steal_pointer (&request->guest);
  update_viewer (self, viewer);
  return G_SOURCE_REMOVE;
}

/**
 * mesh_obs_call_attach:
 * @handle: where to show a guest, whom it keeps showing when they leave and
 *   return
 * @guest: (nullable): a seat's number, or a display name
 *
 * May be called again, to show another guest.
 */
void
mesh_obs_call_attach (MeshObsCall *call, MeshObsHandle *handle,
    const char *guest)
{
  post_request (call, do_attach, handle, guest);
}

static gboolean
do_detach (gpointer user_data)
{
  Request *request = user_data;
  guint index;
  MeshObsViewer *viewer = find_viewer (request->call, request->handle, &index);

  if (viewer) {
    hide_member (viewer);
    g_ptr_array_remove_index (request->call->viewers, index);
  }
  return G_SOURCE_REMOVE;
}

void
mesh_obs_call_detach (MeshObsCall *call, MeshObsHandle *handle)
{
  post_request (call, do_detach, handle, NULL);
}

/* --- what has changed --- */

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

/* Shows what each source is to show now. @changed: the list of members, which
 * dialogs offer, is another. */
void
mesh_obs_call_update_viewers (MeshObsCall *self, gboolean changed)
{
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    update_viewer (self, viewer);
    if (changed)
      mesh_obs_handle_refresh_dialog (viewer->handle);
  }
  summarise (self);
}

/* Shows another stream of a member in the sources that show the member. */
void
mesh_obs_call_show_tap (MeshObsCall *self, MeshObsMember *member,
    MeshObsTap *tap)
{
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->member == member)
      mesh_obs_tap_add_handle (tap, viewer->handle);
  }
}

/* Shows one stream of a member no longer. */
void
mesh_obs_call_hide_tap (MeshObsCall *self, MeshObsMember *member,
    MeshObsTapKind kind)
{
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (viewer->member != member)
      continue;
    if (member->taps[kind])
      mesh_obs_tap_remove_handle (member->taps[kind], viewer->handle);
    if (kind == MESH_OBS_TAP_VIDEO)
      mesh_obs_handle_show_placeholder (viewer->handle);
  }
}

/* Shows the placeholder in place of @member; NULL: of every member. */
void
mesh_obs_call_hide_member (MeshObsCall *self, MeshObsMember *member)
{
  for (guint i = 0; i < self->viewers->len; i++) {
    MeshObsViewer *viewer = g_ptr_array_index (self->viewers, i);

    if (!viewer->member || (member && viewer->member != member))
      continue;
    hide_member (viewer);
    mesh_obs_handle_show_placeholder (viewer->handle);
  }
}
