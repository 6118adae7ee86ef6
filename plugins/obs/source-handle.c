/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source-handle.h"

#include <string.h>

#include "frames.h"
#include "placeholder.h"

/* What a source is taken for that has not shown anything yet. */
#define FIRST_WIDTH 1280
#define FIRST_HEIGHT 720

struct _MeshObsHandle {
  gatomicrefcount refs;
  gint refreshing;              /* atomic: a refresh is on its way */

  GMutex lock;                  /* guards all below, holds up OBS' destroy */
  obs_source_t *source;         /* NULL: OBS has destroyed it */
  int width, height;            /* of the last frame */
  char *status;
  gboolean bad;
};

/* For whoever has the source, which has us as long as that. */
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
 * @handle: a handle
 *
 * To be called before OBS destroys the source: afterwards nobody touches it.
 * Waits for a frame that is being copied, and for nothing else.
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

/* Nothing is to be seen, also not the last frame. */
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
 * @handle: a handle
 *
 * Shows that nobody is there, in the size of the last frame, so that the item
 * stays as it is in its scene. Takes as long as it takes to draw: not for OBS'
 * threads.
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
  char *text;                   /* NULL: a flag */
  gboolean flag;
  gboolean shown;               /* only that: not the user's, and not saved */
} Setting;

/* For what comes back to us: an open dialog asks for its properties at once. */
static obs_source_t *
ref_source (MeshObsHandle *self)
{
  obs_source_t *source;

  g_mutex_lock (&self->lock);
  source = self->source ? obs_source_get_ref (self->source) : NULL;
  g_mutex_unlock (&self->lock);
  return source;
}

/* On OBS' UI thread, for nobody else may write settings. */
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
 * @handle: a handle
 * @key: a setting's name
 * @text: its value
 *
 * Writes a setting of the source, some time soon, without an update of it.
 */
void
mesh_obs_handle_set_setting (MeshObsHandle *handle, const char *key,
    const char *text)
{
  post_setting (handle, key, text, FALSE, FALSE);
}

/**
 * mesh_obs_handle_show_setting:
 * @handle: a handle
 * @key: a setting
 * @text: what its field shows
 *
 * It is not the user's, so it is not saved, and no reason to ask whether to.
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

/* Whether the newest frame is shown, whatever its time. */
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

/* An open dialog is filled anew, once for all that changed meanwhile. */
void
mesh_obs_handle_refresh_dialog (MeshObsHandle *handle)
{
  if (g_atomic_int_compare_and_exchange (&handle->refreshing, FALSE, TRUE))
    obs_queue_task (OBS_TASK_UI, refresh, mesh_obs_handle_ref (handle), false);
}

/* OBS' log is what people show to others when they ask for help, and a room's
 * link opens the room. */
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
 * @handle: a handle
 * @text: how it stands, in words
 * @bad: whether somebody should look into it
 *
 * Shown in the dialog, in OBS' log, and told to programs that ask for it.
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
