/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mixer.h"

#include <math.h>
#include <string.h>

#include <gst/audio/audio.h>

#include "ticker.h"
#include "voice.h"

#define CHANNELS MESH_SCENE_CHANNELS
#define BLOCK (MESH_SCENE_RATE / 100)
/* How many blocks behind the clock are still made up for; a longer delay is
 * skipped. */
#define TOLERANCE 20

/* The limiter's ceiling: a sum of many voices is turned down rather than
 * clipped. */
#define CEILING 0.98f
#define RAMP 48                 /* frames in which the gain falls */
#define RECOVERY 0.01f          /* by which the gain rises again in a block */

/* A member becomes the speaker when the voice is audible (-50 dBFS) and twice
 * as loud as the present speaker's, for 300 ms: a cough must not change the
 * layout. */
#define AUDIBLE 1e-5f
#define LOUDER 4.0f
#define PATIENCE 30

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("audio/x-raw, format=" GST_AUDIO_NE (F32) ", "
        "rate=48000, channels=2, layout=interleaved, "
        "channel-mask=(bitmask)0x3"));

struct _MeshMixer {
  GstPushSrc parent_instance;

  MeshScene *scene;             /* set once */
  MeshTicker ticker;

  /* streaming thread only */
  float gain;
  char *candidate;              /* peer id of the member who may become the
                                 * speaker */
  guint patience;
};

G_DEFINE_FINAL_TYPE (MeshMixer, mesh_mixer, GST_TYPE_PUSH_SRC)

static float
peak_of (const float *samples, guint count)
{
  float peak = 0;

  for (guint i = 0; i < count; i++)
    peak = MAX (peak, fabsf (samples[i]));
  return peak;
}

/* Limits the block's peak: the gain falls at once when the sum is too loud, and
 * rises slowly afterwards. */
static void
limit (MeshMixer *self, float *samples)
{
  float peak = peak_of (samples, BLOCK * CHANNELS);
  float allowed = peak > CEILING ? CEILING / peak : 1;
  float from = self->gain;
  float to = MIN (allowed, from + RECOVERY);

  self->gain = to;
  if (from >= 1 && to >= 1)
    return;
  for (guint i = 0; i < BLOCK; i++) {
    float gain = i < RAMP ? from + (to - from) * i / RAMP : to;

    for (guint c = 0; c < CHANNELS; c++) {
      float *sample = &samples[i * CHANNELS + c];

      *sample = CLAMP (*sample * gain, -1.0f, 1.0f);
    }
  }
}

static gboolean
is_seen_locked (MeshScene *scene, const char *peer)
{
  for (guint i = 0; peer && i < scene->tiles->len; i++) {
    MeshInput *tile = g_ptr_array_index (scene->tiles, i);

    if (g_strcmp0 (tile->peer, peer) == 0)
      return TRUE;
  }
  return FALSE;
}

/* Chooses the member that the speaker layout shows large. It needs a picture,
 * and a peer id, which alone tells the voice that belongs to the picture. */
static void
choose_speaker_locked (MeshMixer *self)
{
  MeshScene *scene = self->scene;
  const char *loudest = NULL;
  float level = AUDIBLE, current = 0;

  for (guint i = 0; i < scene->voices->len; i++) {
    MeshInput *voice = g_ptr_array_index (scene->voices, i);
    float l = mesh_voice_get_level_locked (MESH_VOICE (voice));

    if (voice->peer && g_strcmp0 (voice->peer, scene->speaker) == 0)
      current = MAX (current, l);
    if (l > level && is_seen_locked (scene, voice->peer)) {
      level = l;
      loudest = voice->peer;
    }
  }
  if (!loudest || g_strcmp0 (loudest, scene->speaker) == 0
      || level < current * LOUDER) {
    self->patience = 0;
    return;
  }
  if (g_strcmp0 (loudest, self->candidate) != 0) {
    g_free (self->candidate);
    self->candidate = g_strdup (loudest);
    self->patience = 0;
  }
  /* the first speaker is chosen without a delay */
  if (!scene->speaker || ++self->patience >= PATIENCE) {
    g_free (scene->speaker);
    scene->speaker = g_strdup (loudest);
    self->patience = 0;
    if (scene->mode == MESH_LAYOUT_SPEAKER)
      mesh_scene_arrange_locked (scene);
  }
}

/* Mixes all voices, or in the solo layout that of the soloist alone. Returns
 * whether any of them is heard. */
static gboolean
mix (MeshMixer *self, guint64 position, float *samples)
{
  MeshScene *scene = self->scene;
  const MeshInput *soloist = NULL;
  gboolean heard = FALSE;

  memset (samples, 0, BLOCK * CHANNELS * sizeof (float));
  g_mutex_lock (&scene->lock);
  if (scene->mode == MESH_LAYOUT_SOLO)
    soloist = mesh_scene_find_soloist_locked (scene);
  for (guint i = 0; i < scene->voices->len; i++) {
    MeshInput *voice = g_ptr_array_index (scene->voices, i);
    gboolean audible = scene->mode != MESH_LAYOUT_SOLO || voice == soloist
        || (soloist && soloist->peer
            && g_strcmp0 (voice->peer, soloist->peer) == 0);

    heard |= mesh_voice_mix_locked (MESH_VOICE (voice), position, audible,
        samples, BLOCK);
  }
  scene->mixed = position + BLOCK;
  choose_speaker_locked (self);
  g_mutex_unlock (&scene->lock);
  return heard;
}

/* The latency includes one block: a block is mixed when its last sample is
 * due. */
static GstClockTime
get_latency (MeshMixer *self)
{
  return mesh_scene_get_latency (self->scene)
      + BLOCK * GST_SECOND / MESH_SCENE_RATE;
}

static GstFlowReturn
mesh_mixer_fill (GstPushSrc *src, GstBuffer *buffer)
{
  MeshMixer *self = MESH_MIXER (src);
  GstMapInfo map;
  guint64 position;

  if (!mesh_ticker_next (&self->ticker, GST_ELEMENT (src),
          get_latency (self), TOLERANCE, buffer))
    return GST_FLOW_FLUSHING;
  position = gst_util_uint64_scale_round (GST_BUFFER_PTS (buffer),
      MESH_SCENE_RATE, GST_SECOND);
  if (!gst_buffer_map (buffer, &map, GST_MAP_WRITE))
    return GST_FLOW_ERROR;
  if (!mix (self, position, (float *) map.data))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_GAP);
  limit (self, (float *) map.data);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_OFFSET (buffer) = position;
  GST_BUFFER_OFFSET_END (buffer) = position + BLOCK;
  return GST_FLOW_OK;
}

static gboolean
mesh_mixer_start (GstBaseSrc *src)
{
  MeshMixer *self = MESH_MIXER (src);

  mesh_ticker_reset (&self->ticker);
  self->gain = 1;
  self->patience = 0;
  g_clear_pointer (&self->candidate, g_free);
  g_mutex_lock (&self->scene->lock);
  g_clear_pointer (&self->scene->speaker, g_free);
  self->scene->mixed = 0;
  g_mutex_unlock (&self->scene->lock);
  return TRUE;
}

static gboolean
mesh_mixer_unlock (GstBaseSrc *src)
{
  mesh_ticker_set_flushing (&MESH_MIXER (src)->ticker, TRUE);
  return TRUE;
}

static gboolean
mesh_mixer_unlock_stop (GstBaseSrc *src)
{
  mesh_ticker_set_flushing (&MESH_MIXER (src)->ticker, FALSE);
  return TRUE;
}

static gboolean
mesh_mixer_query (GstBaseSrc *src, GstQuery *query)
{
  GstClockTime latency;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (mesh_mixer_parent_class)->query (src, query);
  mesh_input_ask_all (MESH_MIXER (src)->scene);
  latency = get_latency (MESH_MIXER (src));
  gst_query_set_latency (query, TRUE, latency, latency);
  return TRUE;
}

static void
mesh_mixer_finalize (GObject *object)
{
  MeshMixer *self = MESH_MIXER (object);

  mesh_ticker_clear (&self->ticker);
  g_free (self->candidate);
  g_clear_pointer (&self->scene, mesh_scene_unref);
  G_OBJECT_CLASS (mesh_mixer_parent_class)->finalize (object);
}

static void
mesh_mixer_class_init (MeshMixerClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_mixer_finalize;
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Call mixer",
      "Source/Audio", "Mixes the sound of a call", "The meshroom developers");
  base_class->start = mesh_mixer_start;
  base_class->unlock = mesh_mixer_unlock;
  base_class->unlock_stop = mesh_mixer_unlock_stop;
  base_class->query = mesh_mixer_query;
  GST_PUSH_SRC_CLASS (klass)->fill = mesh_mixer_fill;
}

static void
mesh_mixer_init (MeshMixer *self)
{
  mesh_ticker_init (&self->ticker);
  mesh_ticker_set_rate (&self->ticker, MESH_SCENE_RATE, BLOCK);
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_blocksize (GST_BASE_SRC (self),
      BLOCK * CHANNELS * sizeof (float));
}

GstElement *
mesh_mixer_new (MeshScene *scene)
{
  MeshMixer *self = g_object_new (MESH_TYPE_MIXER, "name", "mixer", NULL);

  self->scene = mesh_scene_ref (scene);
  return GST_ELEMENT (self);
}
