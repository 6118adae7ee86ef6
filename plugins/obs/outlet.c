/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "outlet.h"

#include <string.h>

#include "frames.h"
#include "placeholder.h"

/* What a source is taken for that has not shown anything yet. */
#define FIRST_WIDTH 1280
#define FIRST_HEIGHT 720

struct _Outlet {
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
  g_autofree char *text = outlet_dup_status (data, &bad);

  calldata_set_string (answer, "status", text ? text : "");
  calldata_set_bool (answer, "failing", bad);
}

Outlet *
outlet_new (obs_source_t *source)
{
  Outlet *self = g_new0 (Outlet, 1);

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

Outlet *
outlet_ref (Outlet *outlet)
{
  g_atomic_ref_count_inc (&outlet->refs);
  return outlet;
}

void
outlet_unref (gpointer outlet)
{
  Outlet *self = outlet;

  if (!self || !g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->lock);
  g_free (self->status);
  g_free (self);
}

/**
 * outlet_close:
 * @outlet: an outlet
 *
 * To be called before OBS destroys the source: afterwards nobody touches it.
 * Waits for a frame that is being copied, and for nothing else.
 */
void
outlet_close (Outlet *outlet)
{
  g_mutex_lock (&outlet->lock);
  outlet->source = NULL;
  g_mutex_unlock (&outlet->lock);
}

void
outlet_video (Outlet *outlet, GstSample *sample, guint64 timestamp)
{
  const GstStructure *s =
      gst_caps_get_structure (gst_sample_get_caps (sample), 0);

  g_mutex_lock (&outlet->lock);
  if (outlet->source
      && frames_output_video (outlet->source, sample, timestamp)) {
    gst_structure_get_int (s, "width", &outlet->width);
    gst_structure_get_int (s, "height", &outlet->height);
  }
  g_mutex_unlock (&outlet->lock);
}

void
outlet_audio (Outlet *outlet, GstSample *sample, guint64 timestamp)
{
  g_mutex_lock (&outlet->lock);
  if (outlet->source)
    frames_output_audio (outlet->source, sample, timestamp);
  g_mutex_unlock (&outlet->lock);
}

/* Nothing is to be seen, also not the last frame. */
void
outlet_clear (Outlet *outlet)
{
  g_mutex_lock (&outlet->lock);
  if (outlet->source)
    obs_source_output_video (outlet->source, NULL);
  g_mutex_unlock (&outlet->lock);
}

/**
 * outlet_show_placeholder:
 * @outlet: an outlet
 *
 * Shows that nobody is there, in the size of the last frame, so that the item
 * stays as it is in its scene. Takes as long as it takes to draw: not for OBS'
 * threads.
 */
void
outlet_show_placeholder (Outlet *outlet)
{
  g_autoptr (GstSample) sample = NULL;
  int width, height;

  g_mutex_lock (&outlet->lock);
  width = outlet->width;
  height = outlet->height;
  g_mutex_unlock (&outlet->lock);
  sample = placeholder_get (width, height);
  if (sample)
    outlet_video (outlet, sample, g_get_monotonic_time () * 1000);
  else
    outlet_clear (outlet);
}

/* --- what the dialog shows --- */

typedef struct {
  Outlet *outlet;
  char *key;
  char *text;                   /* NULL: a flag */
  gboolean flag;
  gboolean shown;               /* only that: not the user's, and not saved */
} Setting;

/* For what comes back to us: an open dialog asks for its properties at once. */
static obs_source_t *
ref_source (Outlet *self)
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
  Outlet *outlet = setting->outlet;
  obs_source_t *source = ref_source (outlet);
  obs_data_t *settings = source ? obs_source_get_settings (source) : NULL;

  if (settings && setting->text && setting->shown)
    obs_data_set_default_string (settings, setting->key, setting->text);
  else if (settings && setting->text)
    obs_data_set_string (settings, setting->key, setting->text);
  else if (settings)
    obs_data_set_bool (settings, setting->key, setting->flag);
  obs_data_release (settings);
  obs_source_release (source);
  outlet_unref (outlet);
  g_free (setting->key);
  g_free (setting->text);
  g_free (setting);
}

static void
post_setting (Outlet *self, const char *key, const char *text, gboolean flag,
    gboolean shown)
{
  Setting *setting = g_new0 (Setting, 1);

  setting->outlet = outlet_ref (self);
  setting->key = g_strdup (key);
  setting->text = g_strdup (text);
  setting->flag = flag;
  setting->shown = shown;
  obs_queue_task (OBS_TASK_UI, write_setting, setting, false);
}

/**
 * outlet_set_setting:
 * @outlet: an outlet
 * @key: a setting's name
 * @text: its value
 *
 * Writes a setting of the source, some time soon, without an update of it.
 */
void
outlet_set_setting (Outlet *outlet, const char *key, const char *text)
{
  post_setting (outlet, key, text, FALSE, FALSE);
}

/**
 * outlet_show_setting:
 * @outlet: an outlet
 * @key: a setting
 * @text: what its field shows
 *
 * It is not the user's, so it is not saved, and no reason to ask whether to.
 */
void
outlet_show_setting (Outlet *outlet, const char *key, const char *text)
{
  post_setting (outlet, key, text, FALSE, TRUE);
}

void
outlet_set_flag (Outlet *outlet, const char *key, gboolean value)
{
  post_setting (outlet, key, NULL, value, FALSE);
}

/* Whether the newest frame is shown, whatever its time. */
void
outlet_set_unbuffered (Outlet *outlet, gboolean unbuffered)
{
  g_mutex_lock (&outlet->lock);
  if (outlet->source)
    obs_source_set_async_unbuffered (outlet->source, unbuffered);
  g_mutex_unlock (&outlet->lock);
}

static void
refresh (void *data)
{
  Outlet *outlet = data;
  obs_source_t *source = ref_source (outlet);

  g_atomic_int_set (&outlet->refreshing, FALSE);
  if (source)
    obs_source_update_properties (source);
  obs_source_release (source);
  outlet_unref (outlet);
}

/* An open dialog is filled anew, once for all that changed meanwhile. */
void
outlet_refresh_dialog (Outlet *outlet)
{
  if (g_atomic_int_compare_and_exchange (&outlet->refreshing, FALSE, TRUE))
    obs_queue_task (OBS_TASK_UI, refresh, outlet_ref (outlet), false);
}

/* OBS' log is what people show to others when they ask for help, and a room's
 * link opens the room. */
static void
log_status_locked (Outlet *self)
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
 * outlet_set_status:
 * @outlet: an outlet
 * @text: how it stands, in words
 * @bad: whether somebody should look into it
 *
 * Shown in the dialog, in OBS' log, and told to programs that ask for it.
 */
void
outlet_set_status (Outlet *outlet, const char *text, gboolean bad)
{
  gboolean changed;

  g_mutex_lock (&outlet->lock);
  changed = g_strcmp0 (outlet->status, text) != 0;
  if (changed) {
    g_free (outlet->status);
    outlet->status = g_strdup (text);
    outlet->bad = bad;
    log_status_locked (outlet);
  }
  g_mutex_unlock (&outlet->lock);
  if (!changed)
    return;
  outlet_show_setting (outlet, "status", text);
  outlet_refresh_dialog (outlet);
}

char *
outlet_dup_status (Outlet *outlet, gboolean *bad)
{
  char *text;

  g_mutex_lock (&outlet->lock);
  text = g_strdup (outlet->status);
  *bad = outlet->bad;
  g_mutex_unlock (&outlet->lock);
  return text;
}
