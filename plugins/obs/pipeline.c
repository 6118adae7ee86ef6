/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The source "GStreamer pipeline" shows what a pipeline description makes. Its
 * settings have the names of the obs-gstreamer plugin's source, as far as they
 * apply here, but other defaults: a change of scene must not end a call. */

#include "guest.h"

#include "infos.h"
#include "pipeline-text.h"
#include "runner.h"
#include "tap.h"
#include "worker.h"

#define TYPING_MS 800

typedef struct {
  char *text;
  gboolean use_timestamps[2];   /* by MeshObsTapKind */
  gboolean sync[2];
  gboolean restart_on_eos;
  gboolean restart_on_error;
  gboolean stop_on_hide;
  gboolean clear_on_end;
  gboolean no_buffer;
  guint restart_timeout;        /* ms */
  guint latency;                /* ms */
} Wish;

typedef struct {
  gatomicrefcount refs;
  MeshObsHandle *handle;

  GMutex lock;                  /* guards: */
  Wish *wish;
  MeshObsRunner *runner;        /* NULL: OBS has destroyed the source */
  gboolean hidden;
  guint update;                 /* number of updates so far */

  /* the runner's thread */
  GstElement *ends[2];          /* the videoconvert and the audioconvert of the
                                 * two ends */
  MeshObsTap *taps[2];
  char *said;                   /* the pipeline's last warning or information */
  gboolean clear_on_end;
} Pipeline;

static const char *const end_names[] = { "video", "audio" };
static const char *const sink_names[] = { "video_appsink", "audio_appsink" };

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  if (!wish)
    return;
  g_free (wish->text);
  g_free (wish);
}

static Wish *
wish_new (obs_data_t *settings)
{
  Wish *wish = g_new0 (Wish, 1);

  wish->text = mesh_obs_pipeline_text_clean (obs_data_get_string (settings,
          "pipeline"));
  wish->use_timestamps[MESH_OBS_TAP_VIDEO] =
      obs_data_get_bool (settings, "use_timestamps_video");
  wish->use_timestamps[MESH_OBS_TAP_AUDIO] =
      obs_data_get_bool (settings, "use_timestamps_audio");
  wish->sync[MESH_OBS_TAP_VIDEO] = obs_data_get_bool (settings,
      "sync_appsink_video");
  wish->sync[MESH_OBS_TAP_AUDIO] = obs_data_get_bool (settings,
      "sync_appsink_audio");
  wish->restart_on_eos = obs_data_get_bool (settings, "restart_on_eos");
  wish->restart_on_error = obs_data_get_bool (settings, "restart_on_error");
  wish->restart_timeout =
      CLAMP (obs_data_get_int (settings, "restart_timeout"), 0, 600000);
  wish->stop_on_hide = obs_data_get_bool (settings, "stop_on_hide");
  wish->clear_on_end = obs_data_get_bool (settings, "clear_on_end");
  wish->no_buffer = obs_data_get_bool (settings, "no_buffer");
  wish->latency = CLAMP (obs_data_get_int (settings, "latency"), 0, 60000);
  return wish;
}

static void
pipeline_unref (gpointer data)
{
  Pipeline *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  wish_free (self->wish);
  mesh_obs_handle_unref (self->handle);
  g_mutex_clear (&self->lock);
  g_free (self->said);
  g_free (self);
}

static Pipeline *
pipeline_ref (Pipeline *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

/* --- the runner's side --- */

static gboolean
is_over (Pipeline *self, MeshObsTapKind kind)
{
  g_autoptr (GstPad) pad =
      gst_element_get_static_pad (self->ends[kind], "sink");

  return !gst_pad_is_linked (pad) || mesh_obs_tap_has_ended (self->taps[kind]);
}

static gboolean
on_end_checked (gpointer user_data)
{
  Pipeline *self = user_data;

  if (self->ends[0] && is_over (self, MESH_OBS_TAP_VIDEO)
      && is_over (self, MESH_OBS_TAP_AUDIO)) {
    g_mutex_lock (&self->lock);
    if (self->runner)
      mesh_obs_runner_end_of_stream (self->runner);
    g_mutex_unlock (&self->lock);
  }
  return G_SOURCE_REMOVE;
}

/* Checks both ends, since the pipeline's own EOS may never come: an end that is
 * not linked gets no EOS. */
static void
on_tap_ended (MeshObsTap *tap, gpointer user_data)
{
  Pipeline *self = user_data;

  g_mutex_lock (&self->lock);
  if (self->runner)
    mesh_obs_runner_invoke (self->runner, on_end_checked, pipeline_ref (self),
        pipeline_unref);
  g_mutex_unlock (&self->lock);
}

static const MeshObsTapEvents tap_events = { .ended = on_tap_ended };

static gboolean
tap_ends (Pipeline *self, GstElement *pipeline, const Wish *wish)
{
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GstElement) sink =
        gst_bin_get_by_name (GST_BIN (pipeline), sink_names[i]);

    self->ends[i] = gst_bin_get_by_name (GST_BIN (pipeline), end_names[i]);
    if (!sink || !self->ends[i])
      return FALSE;
    self->taps[i] = mesh_obs_tap_new (i, sink, &tap_events, self);
    mesh_obs_tap_set_timing (self->taps[i], wish->use_timestamps[i],
        wish->sync[i] ? 0 : wish->latency * GST_MSECOND);
    mesh_obs_tap_add_handle (self->taps[i], self->handle);
  }
  return TRUE;
}

static void
drop_ends (Pipeline *self)
{
  for (guint i = 0; i < 2; i++) {
    if (self->taps[i])
      mesh_obs_tap_remove_handle (self->taps[i], self->handle);
    g_clear_pointer (&self->taps[i], mesh_obs_tap_unref);
    gst_clear_object (&self->ends[i]);
  }
}

static GstElement *
make (const Wish *wish, GError **error)
{
  g_autofree char *text = mesh_obs_pipeline_text_complete (wish->text,
      wish->sync[MESH_OBS_TAP_VIDEO], wish->sync[MESH_OBS_TAP_AUDIO]);
  g_autoptr (GError) own = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &own);

  if (pipeline)
    gst_object_ref_sink (pipeline);
  if (own) {
    g_propagate_error (error, g_steal_pointer (&own));
    return NULL;
  }
  if (!GST_IS_PIPELINE (pipeline)) {
    g_set_error_literal (error, GST_PARSE_ERROR, GST_PARSE_ERROR_SYNTAX,
        "this is not a pipeline");
    return NULL;
  }
  if (wish->latency > 0)
    gst_pipeline_set_latency (GST_PIPELINE (pipeline),
        wish->latency * GST_MSECOND);
  return g_steal_pointer (&pipeline);
}

static GstElement *
build (gpointer user_data, GError **error)
{
  Pipeline *self = user_data;
  g_autofree char *text = NULL;
  GstElement *pipeline;
  Wish wish;

  g_clear_pointer (&self->said, g_free);
  g_mutex_lock (&self->lock);
  wish = *self->wish;
  wish.text = text = g_strdup (wish.text);
  g_mutex_unlock (&self->lock);
  self->clear_on_end = wish.clear_on_end;
  pipeline = make (&wish, error);
  if (pipeline && !tap_ends (self, pipeline, &wish)) {
    drop_ends (self);
    gst_clear_object (&pipeline);
    g_set_error_literal (error, GST_PARSE_ERROR, GST_PARSE_ERROR_SYNTAX,
        "the names video, audio, video_appsink and audio_appsink are taken");
  }
  return pipeline;
}

static void
say (Pipeline *self, GError *error)
{
  g_autofree char *text = NULL;

  g_free (self->said);
  self->said = g_strdup (error->message);
  text = g_strdup_printf ("Playing; %s", self->said);
  mesh_obs_handle_set_status (self->handle, text, FALSE);
  g_error_free (error);
}

static void
on_message (GstMessage *message, gpointer user_data)
{
  GError *error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_INFO)
    gst_message_parse_info (message, &error, NULL);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning (message, &error, NULL);
  if (error)
    say (user_data, error);
}

static void
on_down (gpointer user_data)
{
  drop_ends (user_data);
}

static void
on_state (MeshObsRunnerState state, const char *text, gpointer user_data)
{
  Pipeline *self = user_data;

  switch (state) {
    case MESH_OBS_RUNNER_STARTING:
      mesh_obs_handle_set_status (self->handle, "Starting…", FALSE);
      break;
    case MESH_OBS_RUNNER_PLAYING:
      if (!self->said)
        mesh_obs_handle_set_status (self->handle, "Playing", FALSE);
      break;
    case MESH_OBS_RUNNER_FAILED:
    case MESH_OBS_RUNNER_ENDED:
      if (self->clear_on_end)
        mesh_obs_handle_clear (self->handle);
      mesh_obs_handle_set_status (self->handle, text,
          state == MESH_OBS_RUNNER_FAILED);
      break;
  }
}

static const MeshObsRunnerEvents runner_events = {
  .build = build,
  .message = on_message,
  .down = on_down,
  .state = on_state,
  .destroy = pipeline_unref,
};

/* --- OBS' side --- */

static void
apply_policy_locked (Pipeline *self)
{
  MeshObsRunnerPolicy policy = {
    .restart_on_error = self->wish->restart_on_error,
    .restart_on_eos = self->wish->restart_on_eos,
    .restart_after = self->wish->restart_timeout,
  };

  mesh_obs_runner_set_policy (self->runner, &policy);
  mesh_obs_runner_pause (self->runner, !*self->wish->text
      || (self->hidden && self->wish->stop_on_hide));
  mesh_obs_handle_set_unbuffered (self->handle, self->wish->no_buffer);
}

/* Tells whether the pipeline has to be made anew for the new settings. */
static gboolean
needs_restart (const Wish *a, const Wish *b)
{
  return !g_str_equal (a->text, b->text) || a->latency != b->latency
      || a->sync[0] != b->sync[0] || a->sync[1] != b->sync[1]
      || a->use_timestamps[0] != b->use_timestamps[0]
      || a->use_timestamps[1] != b->use_timestamps[1];
}

static void
set_hidden (Pipeline *self, gboolean hidden)
{
  g_mutex_lock (&self->lock);
  self->hidden = hidden;
  apply_policy_locked (self);
  g_mutex_unlock (&self->lock);
}

static void
pipeline_hide (void *data)
{
  set_hidden (data, TRUE);
}

static void
pipeline_show (void *data)
{
  set_hidden (data, FALSE);
}

typedef struct {
  Pipeline *pipeline;
  guint update;
} Typed;

static void
typed_free (gpointer data)
{
  pipeline_unref (((Typed *) data)->pipeline);
  g_free (data);
}

static gboolean
on_typed (gpointer user_data)
{
  Typed *typed = user_data;
  Pipeline *self = typed->pipeline;

  g_mutex_lock (&self->lock);
  if (self->runner && self->update == typed->update)
    mesh_obs_runner_restart (self->runner);
  g_mutex_unlock (&self->lock);
  return G_SOURCE_REMOVE;
}

/* Restarts the pipeline when its text has stayed the same for TYPING_MS, since
 * OBS updates the source at every letter that is typed. */
static void
pipeline_update (void *data, obs_data_t *settings)
{
  Pipeline *self = data;
  Wish *wish = wish_new (settings);
  Typed *typed = NULL;

  g_mutex_lock (&self->lock);
  if (needs_restart (self->wish, wish)) {
    typed = g_new (Typed, 1);
    typed->pipeline = pipeline_ref (self);
    typed->update = ++self->update;
  }
  wish_free (self->wish);
  self->wish = wish;
  apply_policy_locked (self);
  g_mutex_unlock (&self->lock);
  if (typed)
    g_source_unref (mesh_obs_worker_after (TYPING_MS, on_typed, typed,
            typed_free));
}

static void *
pipeline_create (obs_data_t *settings, obs_source_t *source)
{
  Pipeline *self = g_new0 (Pipeline, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->handle = mesh_obs_handle_new (source);
  self->wish = wish_new (settings);
  self->clear_on_end = TRUE;
  /* OBS tells a source when it is shown, but does not tell a new one that it is
   * hidden */
  self->hidden = TRUE;
  self->runner = mesh_obs_runner_new ("meshroom-pipe", &runner_events,
      pipeline_ref (self));
  apply_policy_locked (self);
  if (!*self->wish->text)
    mesh_obs_handle_set_status (self->handle, "Enter a pipeline", FALSE);
  mesh_obs_runner_start (self->runner);
  return self;
}

static void
pipeline_destroy (void *data)
{
  Pipeline *self = data;
  MeshObsRunner *runner;

  mesh_obs_handle_close (self->handle);
  g_mutex_lock (&self->lock);
  runner = g_steal_pointer (&self->runner);
  g_mutex_unlock (&self->lock);
  mesh_obs_runner_stop (runner);
  pipeline_unref (self);
}

static const char *
pipeline_get_name (void *type_data)
{
  return "GStreamer pipeline (meshroom)";
}

static void
pipeline_defaults (obs_data_t *settings)
{
  obs_data_set_default_bool (settings, "use_timestamps_video", true);
  obs_data_set_default_bool (settings, "use_timestamps_audio", true);
  obs_data_set_default_bool (settings, "sync_appsink_video", true);
  obs_data_set_default_bool (settings, "sync_appsink_audio", true);
  obs_data_set_default_bool (settings, "restart_on_eos", true);
  obs_data_set_default_bool (settings, "restart_on_error", true);
  obs_data_set_default_int (settings, "restart_timeout", 1000);
  obs_data_set_default_bool (settings, "clear_on_end", true);
  obs_data_set_default_bool (settings, "no_buffer", true);
}

static const struct {
  const char *key, *text;
} flags[] = {
  { "sync_appsink_video", "Frames wait for their time (off: lowest delay)" },
  { "sync_appsink_audio", "Sound waits for its time (off: lowest delay)" },
  { "use_timestamps_video", "Use the timestamps of frames" },
  { "use_timestamps_audio", "Use the timestamps of sound" },
  { "no_buffer", "Show each frame when it comes" },
  { "restart_on_error", "Start again after an error" },
  { "restart_on_eos", "Start again at the end" },
  { "clear_on_end", "Show nothing after the end" },
  { "stop_on_hide", "Stop while hidden (leaves a call)" },
};

static bool
on_restart_clicked (obs_properties_t *properties, obs_property_t *property,
    void *data)
{
  Pipeline *self = data;

  if (!self)
    return false;
  g_mutex_lock (&self->lock);
  if (self->runner)
    mesh_obs_runner_restart (self->runner);
  g_mutex_unlock (&self->lock);
  return false;
}

static obs_properties_t *
pipeline_properties (void *data)
{
  Pipeline *self = data;
  obs_properties_t *properties = obs_properties_create ();
  obs_property_t *p = obs_properties_add_text (properties, "pipeline",
      "Pipeline", OBS_TEXT_MULTILINE);

  obs_property_text_set_monospace (p, true);
  obs_property_set_long_description (p, "What gst-launch-1.0 takes, with "
      "branches that end in “! video.” and “! audio.”");
  mesh_obs_dialog_add_status (properties, self ? self->handle : NULL);
  obs_properties_add_button2 (properties, "restart", "Start again now",
      on_restart_clicked, self);
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    obs_properties_add_bool (properties, flags[i].key, flags[i].text);
  p = obs_properties_add_int (properties, "restart_timeout",
      "First wait before starting again", 0, 600000, 100);
  obs_property_int_set_suffix (p, " ms");
  p = obs_properties_add_int (properties, "latency", "Latency", 0, 60000, 10);
  obs_property_int_set_suffix (p, " ms");
  return properties;
}

struct obs_source_info mesh_obs_pipeline_info = {
  .id = "meshroom_pipeline",
  .type = OBS_SOURCE_TYPE_INPUT,
  .output_flags = OBS_SOURCE_ASYNC_VIDEO | OBS_SOURCE_AUDIO
      | OBS_SOURCE_DO_NOT_DUPLICATE,
  .icon_type = OBS_ICON_TYPE_MEDIA,
  .get_name = pipeline_get_name,
  .create = pipeline_create,
  .destroy = pipeline_destroy,
  .update = pipeline_update,
  .get_defaults = pipeline_defaults,
  .get_properties = pipeline_properties,
  .show = pipeline_show,
  .hide = pipeline_hide,
};
