/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "voice.h"

#include <string.h>

#include <gst/audio/audio.h>

#define CHANNELS MESH_SCENE_CHANNELS
/* Timestamps may differ by this much from the count of samples (as they do with
 * the network's jitter) before the sound is moved; the value is
 * audiomixer's. */
#define ALIGNMENT (MESH_SCENE_RATE * 40 / 1000)
/* How much sound may wait for its time: of an input that is not live, and of
 * any input. */
#define MAX_AHEAD (MESH_SCENE_RATE / 2)
#define MAX_WAITING (MESH_SCENE_RATE * 5)
/* The weights of 10 ms of sound in the level, when it rises and when it falls:
 * speech must count as going on in the pauses between words. */
#define ATTACK 0.2f
#define RELEASE 0.02f
/* Full scale is 1; a sample beyond this is invalid. */
#define LOUDEST 16.0f

typedef struct {
  guint64 position;             /* of the first, in the mixer's frames */
  guint frames;
  float samples[];
} Chunk;

struct _MeshVoice {
  MeshInput parent_instance;

  /* under the scene's lock */
  GQueue waiting;               /* Chunk */
  guint64 waiting_frames;
  float level;                  /* mean square, smoothed */
  float gain;                   /* of the last block; below 0 before the
                                 * first */

  /* streaming thread only */
  GstAudioInfo info;
  GstAudioConverter *converter;
  guint64 next;                 /* the position of the next chunk */
  gboolean started;
};

G_DEFINE_FINAL_TYPE (MeshVoice, mesh_voice, MESH_TYPE_INPUT)

/* The most channels that GStreamer's converter can mix. */
#define MAX_MIXED 63

/* Caps with more than two channels must have a channel mask, which is 0 for
 * channels without positions. Caps without a mask are taken as if it were 0. */
static gboolean
read_caps (GstAudioInfo *info, GstCaps *caps)
{
  g_autoptr (GstCaps) named = gst_caps_copy (caps);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int channels = 0;

  gst_structure_get_int (s, "channels", &channels);
  if (channels > 2 && !gst_structure_has_field (s, "channel-mask"))
    gst_caps_set_simple (named, "channel-mask", GST_TYPE_BITMASK,
        G_GUINT64_CONSTANT (0), NULL);
  return gst_audio_info_from_caps (info, named)
      && info->channels <= MAX_MIXED;
}

/* Gives positions to one or two channels without any: two are left and
 * right. */
static void
give_positions (GstAudioInfo *info)
{
  if (!GST_AUDIO_INFO_IS_UNPOSITIONED (info))
    return;
  if (info->channels == 1) {
    info->position[0] = GST_AUDIO_CHANNEL_POSITION_MONO;
    info->flags &= ~GST_AUDIO_FLAG_UNPOSITIONED;
  } else if (info->channels == 2) {
    info->position[0] = GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT;
    info->position[1] = GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT;
    info->flags &= ~GST_AUDIO_FLAG_UNPOSITIONED;
  }
}

/* Returns: (transfer full) (nullable): how to mix channels without positions:
 * all of them on each side, at the same part, so that nothing is too loud
 * however alike they are; %NULL for those that have positions */
static GstStructure *
make_mix (const GstAudioInfo *info)
{
  g_auto (GValue) matrix = G_VALUE_INIT;
  GstStructure *config;

  if (!GST_AUDIO_INFO_IS_UNPOSITIONED (info))
    return NULL;
  gst_value_array_init (&matrix, CHANNELS);
  for (guint side = 0; side < CHANNELS; side++) {
    g_auto (GValue) row = G_VALUE_INIT;

    gst_value_array_init (&row, info->channels);
    for (int i = 0; i < info->channels; i++) {
      g_auto (GValue) part = G_VALUE_INIT;

      g_value_init (&part, G_TYPE_FLOAT);
      g_value_set_float (&part, 1.0f / info->channels);
      gst_value_array_append_value (&row, &part);
    }
    gst_value_array_append_value (&matrix, &row);
  }
  config = gst_structure_new_empty ("config");
  gst_structure_set_value (config, GST_AUDIO_CONVERTER_OPT_MIX_MATRIX,
      &matrix);
  return config;
}

static void
mesh_voice_set_caps (MeshInput *input, GstCaps *caps)
{
  MeshVoice *self = MESH_VOICE (input);
  GstAudioInfo out;

  g_clear_pointer (&self->converter, gst_audio_converter_free);
  gst_audio_info_set_format (&out, GST_AUDIO_FORMAT_F32, MESH_SCENE_RATE,
      CHANNELS, NULL);
  if (read_caps (&self->info, caps)) {
    give_positions (&self->info);
    self->converter = gst_audio_converter_new (GST_AUDIO_CONVERTER_FLAG_NONE,
        &self->info, &out, make_mix (&self->info));
  }
  if (!self->converter)
    mesh_input_warn (input, "cannot be heard: convert it before the view, as "
        "with audioconvert (more than 63 channels cannot be mixed)", caps);
}

static Chunk *
convert (MeshVoice *self, GstBuffer *buffer)
{
  GstMapInfo map;
  Chunk *chunk;
  gsize in_frames, out_frames;
  gpointer in[1], out[1];

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return NULL;
  in_frames = map.size / GST_AUDIO_INFO_BPF (&self->info);
  out_frames = gst_audio_converter_get_out_frames (self->converter, in_frames);
  chunk = g_malloc (sizeof (Chunk) + out_frames * CHANNELS * sizeof (float));
  chunk->frames = out_frames;
  in[0] = map.data;
  out[0] = chunk->samples;
  /* a gap's samples need not be silent */
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP))
    memset (chunk->samples, 0, out_frames * CHANNELS * sizeof (float));
  else if (!gst_audio_converter_samples (self->converter, 0, in, in_frames,
          out, out_frames))
    g_clear_pointer (&chunk, g_free);
  gst_buffer_unmap (buffer, &map);
  return chunk;
}

/* Sets the chunk's position: right after the chunk before it, as long as the
 * timestamp differs little from that. */
static void
place (MeshVoice *self, Chunk *chunk, GstClockTime time, guint64 mixed)
{
  guint64 position = self->started ? self->next : mixed;

  if (GST_CLOCK_TIME_IS_VALID (time)) {
    guint64 stamped = gst_util_uint64_scale_round (time, MESH_SCENE_RATE,
        GST_SECOND);
    gint64 off = (gint64) (stamped - position);

    if (!self->started || ABS (off) > ALIGNMENT)
      position = stamped;
  } else if (position < mixed) {
    position = mixed;
  }
  self->started = TRUE;
  self->next = position + chunk->frames;
  chunk->position = position;
}

static void
drop_locked (MeshVoice *self, Chunk *chunk)
{
  self->waiting_frames -= chunk->frames;
  g_free (chunk);
}

/* Queues a chunk, and takes ownership of it. If timestamps have gone back, the
 * waiting chunks had wrong ones, and are dropped. */
static void
put_locked (MeshVoice *self, Chunk *chunk)
{
  Chunk *last;

  while ((last = g_queue_peek_tail (&self->waiting))
      && last->position > chunk->position)
    drop_locked (self, g_queue_pop_tail (&self->waiting));
  g_queue_push_tail (&self->waiting, chunk);
  self->waiting_frames += chunk->frames;
  while (self->waiting_frames > MAX_WAITING)
    drop_locked (self, g_queue_pop_head (&self->waiting));
}

static void
mesh_voice_take (MeshInput *input, GstBuffer *buffer, GstClockTime time)
{
  MeshVoice *self = MESH_VOICE (input);
  MeshScene *scene = input->scene;
  Chunk *chunk = self->converter ? convert (self, buffer) : NULL;

  gst_buffer_unref (buffer);
  if (!chunk)
    return;
  g_mutex_lock (&scene->lock);
  place (self, chunk, time, scene->mixed);
  if (!input->flushing)
    put_locked (self, g_steal_pointer (&chunk));
  g_mutex_unlock (&scene->lock);
  g_free (chunk);
}

static gboolean
mesh_voice_is_full (MeshInput *input)
{
  return MESH_VOICE (input)->waiting_frames >= MAX_AHEAD;
}

static void
mesh_voice_clear (MeshInput *input, gboolean ended)
{
  MeshVoice *self = MESH_VOICE (input);

  g_mutex_lock (&input->scene->lock);
  /* the sound before the end is still played */
  if (!ended || input->flushing) {
    g_queue_clear_full (&self->waiting, g_free);
    self->waiting_frames = 0;
    g_cond_broadcast (&input->room);
  }
  g_mutex_unlock (&input->scene->lock);
}

/* Adds samples with a gain that grows by step with each frame. Returns the sum
 * of their squares before the gain. A sample that is not a number, or far out
 * of range, is taken as 0, since it would spoil the sum. */
static float
add (float *samples, const float *more, guint count, float gain, float step)
{
  float square = 0;

  for (guint i = 0; i < count; i++) {
    float sample = more[i] > -LOUDEST && more[i] < LOUDEST ? more[i] : 0;

    samples[i] += sample * (gain + step * (i / CHANNELS));
    square += sample * sample;
  }
  return square;
}

/* Adds the voice's sound from position on to samples, and drops it from the
 * queue. If audible has changed, the gain is faded within the block, so that
 * there is no click. Returns whether the voice is heard in the block. */
gboolean
mesh_voice_mix_locked (MeshVoice *self, guint64 position, gboolean audible,
    float *samples, guint frames)
{
  guint64 end = position + frames;
  float to_gain = audible ? 1 : 0;
  float gain = self->gain < 0 ? to_gain : self->gain;
  float step = (to_gain - gain) / frames;
  gboolean heard = FALSE;
  float square = 0;
  Chunk *chunk;

  while ((chunk = g_queue_peek_head (&self->waiting))
      && chunk->position < end) {
    guint64 chunk_end = chunk->position + chunk->frames;
    guint64 from = MAX (chunk->position, position);
    guint64 to = MIN (chunk_end, end);

    if (from < to) {
      square += add (samples + (from - position) * CHANNELS,
          chunk->samples + (from - chunk->position) * CHANNELS,
          (to - from) * CHANNELS, gain + step * (from - position), step);
      heard = gain > 0 || audible;
    }
    if (chunk_end > end)
      break;
    drop_locked (self, g_queue_pop_head (&self->waiting));
    g_cond_broadcast (&MESH_INPUT (self)->room);
  }
  self->gain = to_gain;
  square /= frames * CHANNELS;
  self->level += (square - self->level)
      * (square > self->level ? ATTACK : RELEASE);
  return heard;
}

/* Returns the smoothed level of the voice, as a mean square. */
float
mesh_voice_get_level_locked (MeshVoice *self)
{
  return MESH_INPUT (self)->muted ? 0 : self->level;
}

static void
mesh_voice_finalize (GObject *object)
{
  MeshVoice *self = MESH_VOICE (object);

  g_queue_clear_full (&self->waiting, g_free);
  g_clear_pointer (&self->converter, gst_audio_converter_free);
  G_OBJECT_CLASS (mesh_voice_parent_class)->finalize (object);
}

static void
mesh_voice_class_init (MeshVoiceClass *klass)
{
  MeshInputClass *input_class = MESH_INPUT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_voice_finalize;
  input_class->set_caps = mesh_voice_set_caps;
  input_class->take = mesh_voice_take;
  input_class->is_full = mesh_voice_is_full;
  input_class->clear = mesh_voice_clear;
}

static void
mesh_voice_init (MeshVoice *self)
{
  g_queue_init (&self->waiting);
  self->gain = -1;
}
