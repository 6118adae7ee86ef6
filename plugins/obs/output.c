/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Sends OBS' programme into a call, as an output of OBS:
 *
 *   video thread → I420, scaled by libobs → one copy → appsrc of the call
 *   audio thread → S16, 48 kHz            → one copy → appsrc of the call
 *
 * Neither thread ever waits for the call, which encodes once for everybody.
 * Both stamp with CLOCK_MONOTONIC, so that sound and picture stay together. */

#include "output.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>
#include <string.h>

#include "call.h"
#include "infos.h"

#define MAX_WIDTH 1280          /* the defaults' bounds; settings may exceed
                                 * them */
#define MAX_HEIGHT 720
#define MAX_FPS 30
#define MIN_SIZE 16
#define RATE 48000
#define CHANNELS 2
#define TRACKS 6

typedef struct {
  obs_output_t *output;

  GMutex lock;                  /* guards: */
  MeshObsCall *call;            /* NULL unless started */

  /* set before the first frame, then used by OBS' video and audio threads
   * only */
  GstVideoInfo video;
  guint64 interval;             /* ns between two frames; 0: every frame is
                                 * sent */
  guint64 due;                  /* when the next frame is to be sent, in ns */
  GstBufferPool *pool;
  GstCaps *video_caps;
  GstCaps *audio_caps;

  gint dropped;                 /* atomic */
} Output;

/* --- frames --- */

static MeshObsCall *
ref_call (Output *self)
{
  MeshObsCall *call;

  g_mutex_lock (&self->lock);
  call = self->call ? mesh_obs_call_ref (self->call) : NULL;
  g_mutex_unlock (&self->lock);
  return call;
}

/* Returns: (transfer full) (nullable): the call, if it takes frames of @kind */
static MeshObsCall *
get_call (Output *self, MeshObsCallKind kind)
{
  MeshObsCall *call = ref_call (self);

  if (call && !mesh_obs_call_wants (call, kind))
    g_clear_pointer (&call, mesh_obs_call_unref);
  return call;
}

static gboolean
make_pool (Output *self)
{
  GstStructure *config;

  if (self->pool)
    return TRUE;
  self->video_caps = gst_video_info_to_caps (&self->video);
  self->pool = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (self->pool);
  /* the call's queues are short, so the pool holds few buffers */
  gst_buffer_pool_config_set_params (config, self->video_caps,
      self->video.size, 4, 0);
  return gst_buffer_pool_set_config (self->pool, config)
      && gst_buffer_pool_set_active (self->pool, TRUE);
}

static void
drop_pool (Output *self)
{
  if (self->pool)
    gst_buffer_pool_set_active (self->pool, FALSE);
  gst_clear_object (&self->pool);
  gst_clear_caps (&self->video_caps);
  gst_clear_caps (&self->audio_caps);
}

static void
copy_plane (GstVideoFrame *to, guint plane, const struct video_data *from)
{
  const guint8 *source = from->data[plane];
  guint8 *target = GST_VIDEO_FRAME_PLANE_DATA (to, plane);
  gint stride = GST_VIDEO_FRAME_PLANE_STRIDE (to, plane);
  gint width = GST_VIDEO_FRAME_COMP_WIDTH (to, plane);
  gint height = GST_VIDEO_FRAME_COMP_HEIGHT (to, plane);

  if ((guint32) stride == from->linesize[plane]) {
    memcpy (target, source, (gsize) stride * (height - 1) + width);
    return;
  }
  for (gint row = 0; row < height; row++)
    memcpy (target + (gsize) row * stride,
        source + (gsize) row * from->linesize[plane], width);
}

static GstBuffer *
copy_frame (Output *self, const struct video_data *frame)
{
  GstBuffer *buffer = NULL;
  GstVideoFrame mapped;

  if (!make_pool (self) || gst_buffer_pool_acquire_buffer (self->pool, &buffer,
          NULL) != GST_FLOW_OK)
    return NULL;
  if (!gst_video_frame_map (&mapped, &self->video, buffer, GST_MAP_WRITE)) {
    gst_buffer_unref (buffer);
    return NULL;
  }
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES (&mapped); plane++)
    copy_plane (&mapped, plane, frame);
  gst_video_frame_unmap (&mapped);
  GST_BUFFER_PTS (buffer) = frame->timestamp;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = self->interval;
  return buffer;
}

/* Tells whether to send the frame, since OBS' frame rate may be higher than the
 * wanted one. A frame may come a quarter of the interval early, and frames that
 * a pause has left out are not made up for. */
static gboolean
is_due (Output *self, guint64 timestamp)
{
  if (timestamp + self->interval / 4 < self->due)
    return FALSE;
  self->due = timestamp > self->due + self->interval ? timestamp
      : self->due;
  self->due += self->interval;
  return TRUE;
}

static void
output_raw_video (void *data, struct video_data *frame)
{
  Output *self = data;
  g_autoptr (MeshObsCall) call = get_call (self, MESH_OBS_CALL_VIDEO);
  GstBuffer *buffer;

  if (!call || !is_due (self, frame->timestamp))
    return;
  buffer = copy_frame (self, frame);
  if (!buffer || !mesh_obs_call_send (call, MESH_OBS_CALL_VIDEO,
          self->video_caps, buffer))
    g_atomic_int_inc (&self->dropped);
}

static void
output_raw_audio (void *data, struct audio_data *frames)
{
  Output *self = data;
  g_autoptr (MeshObsCall) call = get_call (self, MESH_OBS_CALL_AUDIO);
  gsize size = (gsize) frames->frames * CHANNELS * sizeof (gint16);
  GstBuffer *buffer;

  if (!call)
    return;
  if (!self->audio_caps)
    self->audio_caps = gst_caps_new_simple ("audio/x-raw",
        "format", G_TYPE_STRING, GST_AUDIO_NE (S16),
        "layout", G_TYPE_STRING, "interleaved", "rate", G_TYPE_INT, RATE,
        "channels", G_TYPE_INT, CHANNELS, "channel-mask", GST_TYPE_BITMASK,
        (guint64) 0x3, NULL);
  buffer = gst_buffer_new_allocate (NULL, size, NULL);
  gst_buffer_fill (buffer, 0, frames->data[0], size);
  GST_BUFFER_PTS (buffer) = frames->timestamp;
  GST_BUFFER_DURATION (buffer) = gst_util_uint64_scale_int (frames->frames,
      GST_SECOND, RATE);
  mesh_obs_call_send (call, MESH_OBS_CALL_AUDIO, self->audio_caps, buffer);
}

/* --- starting --- */

static gint
get_number (obs_data_t *settings, const char *key, gint min, gint max)
{
  gint64 value = obs_data_get_int (settings, key);

  return value <= 0 ? 0 : (gint) CLAMP (value, min, max);
}

/* Chooses the size of the picture: not larger than the canvas, since more
 * pixels would cost bit rate and show nothing more. Where only one side is set,
 * the other follows from the canvas' aspect ratio. Encoders need even
 * numbers. */
static void
choose_size (obs_data_t *settings, const struct obs_video_info *canvas,
    gint *width, gint *height)
{
  gint full_width = canvas->output_width, full_height = canvas->output_height;
  gint w = get_number (settings, OUTPUT_WIDTH, MIN_SIZE, full_width);
  gint h = get_number (settings, OUTPUT_HEIGHT, MIN_SIZE, full_height);

  if (w == 0 && h == 0) {
    w = MIN (full_width, MAX_WIDTH);
    h = gst_util_uint64_scale_int (full_height, w, full_width);
    if (h > MAX_HEIGHT) {
      h = MAX_HEIGHT;
      w = 0;
    }
  }
  if (w == 0)
    w = gst_util_uint64_scale_int (full_width, h, full_height);
  if (h == 0)
    h = gst_util_uint64_scale_int (full_height, w, full_width);
  *width = MAX (w & ~1, MIN_SIZE);
  *height = MAX (h & ~1, MIN_SIZE);
}

static void
choose_rate (obs_data_t *settings, const struct obs_video_info *canvas,
    gint *num, gint *den)
{
  gint wanted = get_number (settings, OUTPUT_FPS, 1, 240);

  if (wanted == 0)
    wanted = MAX_FPS;
  *num = canvas->fps_num;
  *den = canvas->fps_den;
  if ((guint64) wanted * canvas->fps_den < canvas->fps_num) {
    *num = wanted;
    *den = 1;
  }
}

/* Sets the picture's format. Its colour matrix is the one that receivers assume
 * for its size. */
static gboolean
prepare_video (Output *self, obs_data_t *settings)
{
  struct obs_video_info canvas;
  struct video_scale_info scale = { .format = VIDEO_FORMAT_I420,
    .range = VIDEO_RANGE_PARTIAL };
  gint width, height, num, den;

  if (!obs_get_video_info (&canvas) || canvas.output_width == 0
      || canvas.output_height == 0 || canvas.fps_num == 0)
    return FALSE;
  choose_size (settings, &canvas, &width, &height);
  choose_rate (settings, &canvas, &num, &den);
  gst_video_info_set_format (&self->video, GST_VIDEO_FORMAT_I420, width,
      height);
  GST_VIDEO_INFO_FPS_N (&self->video) = num;
  GST_VIDEO_INFO_FPS_D (&self->video) = den;
  self->interval = gst_util_uint64_scale_int (GST_SECOND, den, num);
  self->due = 0;
  scale.width = width;
  scale.height = height;
  scale.colorspace = self->video.colorimetry.matrix
      == GST_VIDEO_COLOR_MATRIX_BT709 ? VIDEO_CS_709 : VIDEO_CS_601;
  obs_output_set_video_conversion (self->output, &scale);
  return TRUE;
}

static void
prepare_audio (Output *self, obs_data_t *settings)
{
  struct audio_convert_info convert = {
    .samples_per_sec = RATE,
    .format = AUDIO_FORMAT_16BIT,
    .speakers = SPEAKERS_STEREO,
  };
  gint track = get_number (settings, OUTPUT_TRACK, 1, TRACKS);

  obs_output_set_mixer (self->output, MAX (track, 1) - 1);
  obs_output_set_audio_conversion (self->output, &convert);
}

static MeshObsCall *
open_call (obs_data_t *settings)
{
  g_autofree char *link =
      g_strstrip (g_strdup (obs_data_get_string (settings, OUTPUT_LINK)));
  g_autofree char *serve =
      g_strstrip (g_strdup (obs_data_get_string (settings, OUTPUT_SERVE)));
  MeshObsCallProgramme programme = {
    .link = link,
    .serve = serve,
    .name = obs_data_get_string (settings, OUTPUT_NAME),
    .bitrate = get_number (settings, OUTPUT_BITRATE, 30000, 100000000),
  };

  return *link || *serve ? mesh_obs_call_open_programme (&programme) : NULL;
}

static void
set_call (Output *self, MeshObsCall *call)
{
  MeshObsCall *old;

  g_mutex_lock (&self->lock);
  old = self->call;
  self->call = call;
  g_mutex_unlock (&self->lock);
  if (old)
    mesh_obs_call_close_programme (old);
}

static bool
start_with (Output *self, obs_data_t *settings)
{
  MeshObsCall *call;

  if (!prepare_video (self, settings)) {
    obs_output_set_last_error (self->output, "OBS has no picture");
    return false;
  }
  prepare_audio (self, settings);
  call = open_call (settings);
  if (!call) {
    obs_output_set_last_error (self->output,
        "Enter the link of a room, or where to serve one");
    return false;
  }
  set_call (self, call);
  if (obs_output_begin_data_capture (self->output, 0))
    return true;
  obs_output_set_last_error (self->output, "OBS gives no frames");
  set_call (self, NULL);
  return false;
}

static bool
output_start (void *data)
{
  Output *self = data;
  obs_data_t *settings;
  bool started;

  /* OBS makes its video and audio anew when its video settings change */
  obs_output_set_media (self->output, obs_get_video (), obs_get_audio ());
  if (!obs_output_can_begin_data_capture (self->output, 0))
    return false;
  drop_pool (self);
  g_atomic_int_set (&self->dropped, 0);
  settings = obs_output_get_settings (self->output);
  started = start_with (self, settings);
  obs_data_release (settings);
  return started;
}

static void
output_stop (void *data, uint64_t ts)
{
  Output *self = data;

  set_call (self, NULL);
  obs_output_end_data_capture (self->output);
}

/* --- what can be asked --- */

/**
 * mesh_obs_output_dup_link:
 * @output: one of %OUTPUT_ID
 *
 * Returns: (transfer full) (nullable): the link of the room that the output is
 *   in
 */
char *
mesh_obs_output_dup_link (obs_output_t *output)
{
  g_autoptr (MeshObsCall) call = ref_call (obs_obj_get_data (output));

  return call ? mesh_obs_call_dup_link (call) : NULL;
}

/**
 * mesh_obs_output_dup_status:
 * @output: one of %OUTPUT_ID
 * @bad: (out): whether the state needs the user's attention
 *
 * Returns: (transfer full): the state of the output, as a text for the user
 */
char *
mesh_obs_output_dup_status (obs_output_t *output, gboolean *bad)
{
  g_autoptr (MeshObsCall) call = ref_call (obs_obj_get_data (output));

  *bad = FALSE;
  return call ? mesh_obs_call_dup_status (call, bad) : g_strdup ("Not sent");
}

/**
 * mesh_obs_output_get_peers:
 * @output: one of %OUTPUT_ID
 * @peers: (out): set to the room's list of members
 *
 * Returns: whether the output is in a room
 */
gboolean
mesh_obs_output_get_peers (obs_output_t *output, GValue *peers)
{
  g_autoptr (MeshObsCall) call = ref_call (obs_obj_get_data (output));

  if (call)
    mesh_obs_call_get_peers (call, peers);
  return call != NULL;
}

/* --- OBS' side --- */

static const char *
output_get_name (void *type_data)
{
  return "Meshroom";
}

static void *
output_create (obs_data_t *settings, obs_output_t *output)
{
  Output *self = g_new0 (Output, 1);

  g_mutex_init (&self->lock);
  self->output = output;
  return self;
}

static void
output_destroy (void *data)
{
  Output *self = data;

  set_call (self, NULL);
  drop_pool (self);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static int
output_get_dropped_frames (void *data)
{
  return g_atomic_int_get (&((Output *) data)->dropped);
}

void
mesh_obs_output_defaults (obs_data_t *settings)
{
  obs_data_set_default_string (settings, OUTPUT_NAME, "");
  obs_data_set_default_int (settings, OUTPUT_TRACK, 1);
}

struct obs_output_info mesh_obs_output_info = {
  .id = OUTPUT_ID,
  .flags = OBS_OUTPUT_AV,
  .get_name = output_get_name,
  .create = output_create,
  .destroy = output_destroy,
  .start = output_start,
  .stop = output_stop,
  .raw_video = output_raw_video,
  .raw_audio = output_raw_audio,
  .get_defaults = mesh_obs_output_defaults,
  .get_dropped_frames = output_get_dropped_frames,
};
