/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source-handle.h"

#include <string.h>

#include "frames.h"
#include "placeholder.h"

/* The size of the placeholder in a source that has not shown a frame yet. */
#define FIRST_WIDTH 1280
#define FIRST_HEIGHT 720

struct _MeshObsHandle {
  gatomicrefcount refs;
  gint refreshing;              /* atomic; a refresh of the dialog has been
                                 * queued */

  GMutex lock;                  /* guards all fields below; OBS' destroy waits
                                 * for it */
  obs_source_t *source;         /* NULL once OBS has destroyed the source */
  int width, height;            /* of the last frame */
  char *status;
  gboolean bad;
};

/* The procedure "meshroom_status" of the source. Its caller holds a reference
 * to the source, and the source keeps the handle. */
static void
answer_status (void *data, calldata_t *answer)
{
  gboolean bad;
  g_autofree char *text = mesh_obs_handle_dup_status (data, &bad);

  calldata_set_string (answer, "status", text ? text : "");
  calldata_set_bool (answer, "failing", bad);
}

MeshObsHandle *
mesh_obs_handle_new (obs_source_t *source)
{
  MeshObsHandle *self = g_new0 (MeshObsHandle, 1);

  proc_handler_add (obs_source_get_proc_handler (source),
      "void meshroom_status(out string status, out bool failing)",
      answer_status, self);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->source = source;
  self->width = FIRST_WIDTH;
  self->height = FIRST_HEIGHT;
  return self;
}

MeshObsHandle *
mesh_obs_handle_ref (MeshObsHandle *handle)
{
  g_atomic_ref_count_inc (&handle->refs);
  return handle;
}

void
mesh_obs_handle_unref (gpointer handle)
{
  MeshObsHandle *self = handle;

  if (!self || !g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->lock);
  g_free (self->status);
  g_free (self);
}

/**
 * mesh_obs_handle_close:
 *
 * To be called before OBS destroys the source: afterwards no thread touches the
 * source. Waits only for a frame that is being copied.
 */
void
mesh_obs_handle_close (MeshObsHandle *handle)
{
  g_mutex_lock (&handle->lock);
  handle->source = NULL;
  g_mutex_unlock (&handle->lock);
}

void
mesh_obs_handle_video (MeshObsHandle *handle, GstSample *sample,
    guint64 timestamp)
{
  const GstStructure *s =
      gst_caps_get_structure (gst_sample_get_caps (sample), 0);

  g_mutex_lock (&handle->lock);
  if (handle->source
      && mesh_obs_frames_output_video (handle->source, sample, timestamp)) {
    gst_structure_get_int (s, "width", &handle->width);
    gst_structure_get_int (s, "height", &handle->height);
  }
  g_mutex_unlock (&handle->lock);
}

void
mesh_obs_handle_audio (MeshObsHandle *handle, GstSample *sample,
    guint64 timestamp)
{
  g_mutex_lock (&handle->lock);
  if (handle->source)
    mesh_obs_frames_output_audio (handle->source, sample, timestamp);
  g_mutex_unlock (&handle->lock);
}

/* Makes the source show nothing, not even its last frame. */
void
mesh_obs_handle_clear (MeshObsHandle *handle)
{
  g_mutex_lock (&handle->lock);
  if (handle->source)
    obs_source_output_video (handle->source, NULL);
  g_mutex_unlock (&handle->lock);
}

/**
 * mesh_obs_handle_show_placeholder:
 *
 * Shows the placeholder in the size of the last frame, so that the item keeps
 * its place in the scene. The picture is drawn before this returns, so OBS'
 * threads must not call it.
 */
void
mesh_obs_handle_show_placeholder (MeshObsHandle *handle)
{
  g_autoptr (GstSample) sample = NULL;
  int width, height;

  g_mutex_lock (&handle->lock);
  width = handle->width;
  height = handle->height;
  g_mutex_unlock (&handle->lock);
  sample = mesh_obs_placeholder_get (width, height);
  if (sample)
    mesh_obs_handle_video (handle, sample, g_get_monotonic_time () * 1000);
  else
    mesh_obs_handle_clear (handle);
}

/* --- what the dialog shows --- */

typedef struct {
  MeshObsHandle *handle;
  char *key;
  char *text;                   /* NULL: the setting is a flag */
  gboolean flag;
  gboolean shown;               /* the dialog shows the text, which is not saved
                                 * as the user's setting */
} Setting;

/* Takes a reference, since the lock cannot be held while OBS is called: an open
 * dialog asks for its properties at once, which needs the lock again. */
static obs_source_t *
ref_source (MeshObsHandle *self)
{
  obs_source_t *source;

  g_mutex_lock (&self->lock);
  source = self->source ? obs_source_get_ref (self->source) : NULL;
  g_mutex_unlock (&self->lock);
  return source;
}

/* Runs on OBS' UI thread, the only one that may write settings. */
static void
write_setting (void *data)
{
  Setting *setting = data;
  MeshObsHandle *handle = setting->handle;
  obs_source_t *source = ref_source (handle);
  obs_data_t *settings = source ? obs_source_get_settings (source) : NULL;

  if (settings && setting->text && setting->shown)
    obs_data_set_default_string (settings, setting->key, setting->text);
  else if (settings && setting->text)
    obs_data_set_string (settings, setting->key, setting->text);
  else if (settings)
    obs_data_set_bool (settings, setting->key, setting->flag);
  obs_data_release (settings);
  obs_source_release (source);
  mesh_obs_handle_unref (handle);
  g_free (setting->key);
  g_free (setting->text);
  g_free (setting);
}

static void
post_setting (MeshObsHandle *self, const char *key, const char *text,
    gboolean flag, gboolean shown)
{
  Setting *setting = g_new0 (Setting, 1);

  setting->handle = mesh_obs_handle_ref (self);
  setting->key = g_strdup (key);
  setting->text = g_strdup (text);
  setting->flag = flag;
  setting->shown = shown;
  obs_queue_task (OBS_TASK_UI, write_setting, setting, false);
}

/**
 * mesh_obs_handle_set_setting:
 * @key: a setting's name
 * @text: its value
 *
 * Writes a setting of the source, later and on the UI thread. The source's
 * update function is not called.
 */
void
mesh_obs_handle_set_setting (MeshObsHandle *handle, const char *key,
    const char *text)
{
  post_setting (handle, key, text, FALSE, FALSE);
}

/**
 * mesh_obs_handle_show_setting:
 * @text: what its field shows
 *
 * Shows a text in a field of the dialog. The text is not the user's setting, so
 * it is not saved, and OBS does not ask whether to save it.
 */
void
mesh_obs_handle_show_setting (MeshObsHandle *handle, const char *key,
    const char *text)
{
  post_setting (handle, key, text, FALSE, TRUE);
}

void
mesh_obs_handle_set_flag (MeshObsHandle *handle, const char *key,
    gboolean value)
{
  post_setting (handle, key, NULL, value, FALSE);
}

/* Sets whether OBS shows the newest frame at once, whatever its timestamp
 * is. */
void
mesh_obs_handle_set_unbuffered (MeshObsHandle *handle, gboolean unbuffered)
{
  g_mutex_lock (&handle->lock);
  if (handle->source)
    obs_source_set_async_unbuffered (handle->source, unbuffered);
  g_mutex_unlock (&handle->lock);
}

static void
refresh (void *data)
{
  MeshObsHandle *handle = data;
  obs_source_t *source = ref_source (handle);

  g_atomic_int_set (&handle->refreshing, FALSE);
  if (source)
    obs_source_update_properties (source);
  obs_source_release (source);
  mesh_obs_handle_unref (handle);
}

/* Has OBS fill an open dialog anew. Changes that come before that share one
 * refresh. */
void
mesh_obs_handle_refresh_dialog (MeshObsHandle *handle)
{
  if (g_atomic_int_compare_and_exchange (&handle->refreshing, FALSE, TRUE))
    obs_queue_task (OBS_TASK_UI, refresh, mesh_obs_handle_ref (handle), false);
}

/* Logs the status without the key of a room's link: people show OBS' log to
 * others when they ask for help, and the key opens the room. */
static void
log_status_locked (MeshObsHandle *self)
{
  g_auto (GStrv) parts = g_strsplit (self->status, "#", 2);
  const char *rest = parts[0] && parts[1] ? parts[1]
      + strcspn (parts[1], " ,;)") : "";

  if (self->source)
    blog (self->bad ? LOG_WARNING : LOG_INFO, "[meshroom] '%s': %s%s%s",
        obs_source_get_name (self->source), parts[0] ? parts[0] : "",
        *rest || (parts[0] && parts[1]) ? "#…" : "", rest);
}

/**
 * mesh_obs_handle_set_status:
 * @text: the state of the source, as a text for the user
 * @bad: whether the state needs the user's attention
 *
 * The text is shown in the dialog, written to OBS' log, and returned to
 * programs that ask for the status.
 */
void
mesh_obs_handle_set_status (MeshObsHandle *handle, const char *text,
    gboolean bad)
{
  gboolean changed;

  g_mutex_lock (&handle->lock);
  changed = g_strcmp0 (handle->status, text) != 0;
  if (changed) {
    g_free (handle->status);
    handle->status = g_strdup (text);
    handle->bad = bad;
    log_status_locked (handle);
  }
  g_mutex_unlock (&handle->lock);
  if (!changed)
    return;
  mesh_obs_handle_show_setting (handle, "status", text);
  mesh_obs_handle_refresh_dialog (handle);
}

char *
mesh_obs_handle_dup_status (MeshObsHandle *handle, gboolean *bad)
{
  char *text;

  g_mutex_lock (&handle->lock);
  text = g_strdup (handle->status);
  *bad = handle->bad;
  g_mutex_unlock (&handle->lock);
  return text;
}
