/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "runner.h"

#include "host/timer.h"

#define FIRST_WAIT 1000         /* ms */
#define LONGEST_WAIT 15000
/* A pipeline that has run for this long starts counting its failures anew. */
#define GOOD_RUN (20 * G_TIME_SPAN_SECOND)

typedef enum {
  END_NONE,
  END_RESTART,
  END_PAUSE,
  END_EOS,
  END_ERROR,
  END_STOP,
} End;

struct _MeshObsRunner {
  const MeshObsRunnerEvents *events;
  gpointer user_data;
  char *name;
  GMainContext *context;
  GMainLoop *loop;

  GMutex lock;                  /* guards: */
  MeshObsRunnerPolicy policy;
  gboolean paused;

  /* the thread's */
  GstElement *pipeline;
  End end;
  char *error;
  guint failures;
  gint64 started_at;
};

/* Counts the runners whose thread has not ended. */
static GMutex count_lock;
static GCond count_cond;
static guint count;

static void
runner_free (MeshObsRunner *self)
{
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self->error);
  g_free (self->name);
  g_free (self);
}

/* Ends the loop. Of several reasons the more serious one is kept. */
static void
end_with (MeshObsRunner *self, End end)
{
  if (end > self->end)
    self->end = end;
  g_main_loop_quit (self->loop);
}

static void
take_error (MeshObsRunner *self, const char *text)
{
  /* the first error names the cause, later ones its consequences */
  if (!self->error)
    self->error = g_strdup (text);
  end_with (self, END_ERROR);
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  MeshObsRunner *self = user_data;
  g_autoptr (GError) error = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      take_error (self, error->message);
      break;
    case GST_MESSAGE_EOS:
      end_with (self, END_EOS);
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (self->pipeline));
      break;
    case GST_MESSAGE_CLOCK_LOST:
      gst_element_set_state (self->pipeline, GST_STATE_PAUSED);
      gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
      break;
    default:
      self->events->message (message, self->user_data);
      break;
  }
  return G_SOURCE_CONTINUE;
}

static void
play (MeshObsRunner *self, GstBus *bus)
{
  g_autoptr (GSource) watch = gst_bus_create_watch (bus);

  g_source_set_callback (watch, G_SOURCE_FUNC (on_message), self, NULL);
  g_source_attach (watch, self->context);
  self->events->state (MESH_OBS_RUNNER_STARTING, NULL, self->user_data);
  if (gst_element_set_state (self->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE) {
    while (!self->error && g_main_context_iteration (self->context, FALSE));
    take_error (self, "the pipeline does not start");
  } else {
    self->events->state (MESH_OBS_RUNNER_PLAYING, NULL, self->user_data);
  }
  if (self->end == END_NONE)
    g_main_loop_run (self->loop);
  g_source_destroy (watch);
}

static void
run_once (MeshObsRunner *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstBus) bus = NULL;

  self->started_at = g_get_monotonic_time ();
  self->pipeline = self->events->build (self->user_data, &error);
  if (!self->pipeline) {
    take_error (self, error ? error->message : "the pipeline cannot be made");
    return;
  }
  bus = gst_element_get_bus (self->pipeline);
  play (self, bus);
  gst_bus_set_flushing (bus, TRUE);
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  self->events->down (self->user_data);
  gst_clear_object (&self->pipeline);
}

static gboolean
on_wait_over (gpointer user_data)
{
  end_with (user_data, END_RESTART);
  return G_SOURCE_CONTINUE;
}

/* Waits until @ms have passed (0: without limit), or another thread asks for
 * something. */
static void
wait_for (MeshObsRunner *self, guint ms)
{
  g_autoptr (GSource) timer = ms > 0 ? g_timeout_source_new (ms) : NULL;

  self->end = END_NONE;
  if (timer) {
    g_source_set_callback (timer, on_wait_over, self, NULL);
    g_source_attach (timer, self->context);
  }
  g_main_loop_run (self->loop);
  if (timer)
    g_source_destroy (timer);
}

static void
rest_after_error (MeshObsRunner *self, const MeshObsRunnerPolicy *policy)
{
  guint first = policy->restart_after ? policy->restart_after : FIRST_WAIT;
  guint ms = MIN (first << MIN (self->failures, 8), MAX (first, LONGEST_WAIT));
  g_autofree char *text = NULL;

  self->failures++;
  text = policy->restart_on_error
      ? g_strdup_printf ("%s (next try in %u s)", self->error,
      (ms + 999) / 1000) : g_strdup (self->error);
  g_clear_pointer (&self->error, g_free);
  self->events->state (MESH_OBS_RUNNER_FAILED, text, self->user_data);
  wait_for (self, policy->restart_on_error ? ms : 0);
}

static void
rest (MeshObsRunner *self)
{
  gint64 took = g_get_monotonic_time () - self->started_at;
  MeshObsRunnerPolicy policy;
  gboolean paused;

  g_mutex_lock (&self->lock);
  policy = self->policy;
  paused = self->paused;
  g_mutex_unlock (&self->lock);

  if (took > GOOD_RUN || self->end == END_RESTART)
    self->failures = 0;
  if (self->end == END_ERROR) {
    rest_after_error (self, &policy);
  } else if (self->end == END_EOS) {
    self->events->state (MESH_OBS_RUNNER_ENDED, "it has come to its end",
        self->user_data);
    /* a pipeline that ends at once would otherwise be restarted without a
     * pause */
    if (!policy.restart_on_eos || took < G_TIME_SPAN_SECOND)
      wait_for (self, policy.restart_on_eos ? FIRST_WAIT : 0);
  } else if (paused && self->end != END_STOP) {
    self->events->state (MESH_OBS_RUNNER_ENDED, "stopped while hidden",
        self->user_data);
    wait_for (self, 0);
  }
}

static gboolean
may_run (MeshObsRunner *self)
{
  gboolean paused;

  g_mutex_lock (&self->lock);
  paused = self->paused;
  g_mutex_unlock (&self->lock);
  return !paused;
}

static gpointer
run (gpointer user_data)
{
  MeshObsRunner *self = user_data;

  gst_init (NULL, NULL);
  g_main_context_push_thread_default (self->context);
  while (self->end != END_STOP) {
    self->end = END_NONE;
    if (may_run (self))
      run_once (self);
    rest (self);
  }
  /* frees the requests that came too late to be carried out */
  while (g_main_context_iteration (self->context, FALSE));
  g_main_context_pop_thread_default (self->context);
  self->events->destroy (self->user_data);
  runner_free (self);

  g_mutex_lock (&count_lock);
  count--;
  g_cond_broadcast (&count_cond);
  g_mutex_unlock (&count_lock);
  return NULL;
}

/**
 * mesh_obs_runner_new:
 * @name: the name of its thread, for debuggers
 * @events: the callbacks, in static memory
 * @user_data: for @events
 *
 * Returns: (transfer full): a runner, for mesh_obs_runner_start() and
 *   mesh_obs_runner_stop()
 */
MeshObsRunner *
mesh_obs_runner_new (const char *name, const MeshObsRunnerEvents *events,
    gpointer user_data)
{
  MeshObsRunner *self = g_new0 (MeshObsRunner, 1);

  self->name = g_strdup (name);
  self->events = events;
  self->user_data = user_data;
  self->policy.restart_on_error = TRUE;
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  g_mutex_init (&self->lock);
  return self;
}

void
mesh_obs_runner_set_policy (MeshObsRunner *runner,
    const MeshObsRunnerPolicy *policy)
{
  g_mutex_lock (&runner->lock);
  runner->policy = *policy;
  g_mutex_unlock (&runner->lock);
}

void
mesh_obs_runner_start (MeshObsRunner *runner)
{
  g_mutex_lock (&count_lock);
  count++;
  g_mutex_unlock (&count_lock);
  g_thread_unref (g_thread_new (runner->name, run, runner));
}

/**
 * mesh_obs_runner_invoke:
 * @runner: a runner that has not been stopped
 * @func: what to call on its thread
 * @data: for @func
 * @destroy: (nullable): for @data
 */
void
mesh_obs_runner_invoke (MeshObsRunner *runner, GSourceFunc func, gpointer data,
    GDestroyNotify destroy)
{
  mesh_idle_post (runner->context, func, data, destroy);
}

typedef struct {
  MeshObsRunner *runner;
  End end;
} Ending;

static gboolean
on_ending (gpointer user_data)
{
  Ending *ending = user_data;

  end_with (ending->runner, ending->end);
  return G_SOURCE_REMOVE;
}

static void
post_end (MeshObsRunner *self, End end)
{
  Ending *ending = g_new (Ending, 1);

  *ending = (Ending) { self, end };
  mesh_obs_runner_invoke (self, on_ending, ending, g_free);
}

/* Makes the pipeline anew at once: its description has changed, or the user
 * does not want to wait for the next try. */
void
mesh_obs_runner_restart (MeshObsRunner *runner)
{
  post_end (runner, END_RESTART);
}

/* Ends the pipeline as an EOS does: its owner knows that no more data comes. */
void
mesh_obs_runner_end_of_stream (MeshObsRunner *runner)
{
  post_end (runner, END_EOS);
}

void
mesh_obs_runner_pause (MeshObsRunner *runner, gboolean paused)
{
  gboolean changed;

  g_mutex_lock (&runner->lock);
  changed = runner->paused != paused;
  runner->paused = paused;
  g_mutex_unlock (&runner->lock);
  if (changed)
    post_end (runner, END_PAUSE);
}

/**
 * mesh_obs_runner_stop:
 * @runner: (transfer full): a runner that was started
 *
 * Ends the runner. Its thread stops the pipeline after this has returned.
 */
void
mesh_obs_runner_stop (MeshObsRunner *runner)
{
  post_end (runner, END_STOP);
}

/**
 * mesh_obs_runner_wait_for_all:
 * @ms: how long at most
 *
 * Returns: whether all runners are gone
 */
gboolean
mesh_obs_runner_wait_for_all (guint ms)
{
  gint64 until = g_get_monotonic_time () + ms * G_TIME_SPAN_MILLISECOND;
  gboolean done;

  g_mutex_lock (&count_lock);
  while (count > 0 && g_cond_wait_until (&count_cond, &count_lock, until));
  done = count == 0;
  g_mutex_unlock (&count_lock);
  return done;
}
