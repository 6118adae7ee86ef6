/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* meshprobe: a sink for tests. `room. : meshprobe fd=3` takes all streams of a
 * room, and writes the colour and the tone of each peer, one JSON object a
 * line:
 *
 *   {"t":MS,"pad":"video_0","peer":ID,"name":NAME,"kind":"video",
 *    "frames":N,"gap":MS,"rgb":[R,G,B]}
 *   {"t":MS,"pad":"audio_0",…,"kind":"audio","frames":N,"gap":MS,
 *    "hz":F,"level":L}
 *   {"t":MS,"pad":"video_0",…,"kind":"gone"}
 *
 * t is CLOCK_MONOTONIC in ms, frames counts from the stream's start, gap is the
 * longest pause between two buffers since the last line, rgb the mean colour of
 * the picture's middle. The first buffer of a stream writes a line at once,
 * after which there is one every `interval`.
 */

#include <gst/audio/audio.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_MS 100           /* of sound looked at: bins 10 Hz apart */
#define HEAR_RATE 8000          /* that the sound is taken down to, in Hz */
#define HZ_MIN 200
#define HZ_MAX 2000
#define HZ_STEP 10

G_DECLARE_FINAL_TYPE (MeshProbe, mesh_probe, MESH, PROBE, GstElement)
G_DECLARE_FINAL_TYPE (MeshProbePad, mesh_probe_pad, MESH, PROBE_PAD, GstPad)

struct _MeshProbePad {
  GstPad parent;

  /* used by the pad's streaming thread; peer and name under the object lock */
  char *peer;
  char *name;
  GstVideoInfo video;
  GstAudioInfo audio;
  guint64 frames;
  gint64 last;
  gint64 reported;
  gint64 gap;
  float *window;                /* mono, WINDOW_MS long */
  gsize filled;
  float sum;                    /* of the samples for the next one of window */
  int summed;
  int hz;                       /* the loudest tone since the last line */
  double level;
};

struct _MeshProbe {
  GstElement parent;

  int fd;
  guint interval;
  guint n_video, n_audio;
};

G_DEFINE_TYPE (MeshProbePad, mesh_probe_pad, GST_TYPE_PAD)
G_DEFINE_TYPE (MeshProbe, mesh_probe, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DECLARE (meshprobe);
GST_ELEMENT_REGISTER_DEFINE (meshprobe, "meshprobe", GST_RANK_NONE,
    mesh_probe_get_type ())

enum { PROP_FD = 1, PROP_INTERVAL };

static GstStaticPadTemplate video_template =
GST_STATIC_PAD_TEMPLATE ("video_%u", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("I420")));
static GstStaticPadTemplate audio_template =
GST_STATIC_PAD_TEMPLATE ("audio_%u", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_AUDIO_CAPS_MAKE ("{ S16LE, F32LE }")
        ",layout=interleaved"));

/* Writes a number with a point, as JSON needs it, in every locale. */
typedef char Number[G_ASCII_DTOSTR_BUF_SIZE];
#define NUMBER(value, digits) \
  g_ascii_formatd ((Number) { 0 }, sizeof (Number), "%." digits "f", (value))

static void
write_line (MeshProbe *self, MeshProbePad *pad, const char *kind,
    const char *more)
{
  g_autofree char *line = NULL;
  g_autofree char *peer = NULL;
  g_autofree char *name = NULL;
  g_autofree char *safe = NULL;
  char beyond_ascii[129] = { 0 };       /* UTF-8 may stand in JSON as it is */
  gsize length, done = 0;

  GST_OBJECT_LOCK (pad);
  peer = g_strdup (pad->peer);
  name = g_strdup (pad->name);
  GST_OBJECT_UNLOCK (pad);
  for (guint i = 0; i < sizeof beyond_ascii - 1; i++)
    beyond_ascii[i] = (char) (0x80 + i);
  safe = name ? g_strescape (name, beyond_ascii) : NULL;
  line = g_strdup_printf ("{\"t\":%s,\"pad\":\"%s\",\"peer\":\"%s\","
      "\"name\":\"%s\",\"kind\":\"%s\"%s}\n",
      NUMBER (g_get_monotonic_time () / 1e3, "1"), GST_PAD_NAME (pad),
      peer ? peer : "", safe ? safe : "", kind, more);
  length = strlen (line);
  GST_OBJECT_LOCK (self);
  while (done < length) {
    gssize n = write (self->fd, line + done, length - done);

    if (n <= 0)
      break;
    done += n;
  }
  GST_OBJECT_UNLOCK (self);
}

/* Counts a buffer. Returns: whether a line is due */
static gboolean
count_buffer (MeshProbe *self, MeshProbePad *pad)
{
  gint64 now = g_get_monotonic_time ();
  gint64 interval = self->interval * G_TIME_SPAN_MILLISECOND;

  if (pad->last)
    pad->gap = MAX (pad->gap, now - pad->last);
  pad->last = now;
  pad->frames++;
  if (pad->frames > 1 && now - pad->reported < interval)
    return FALSE;
  pad->reported = now;
  return TRUE;
}

/* Returns: the mean of the middle half of one plane */
static double
plane_mean (GstVideoFrame *frame, int plane)
{
  int width = GST_VIDEO_FRAME_COMP_WIDTH (frame, plane);
  int height = GST_VIDEO_FRAME_COMP_HEIGHT (frame, plane);
  int stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane);
  const guint8 *data = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);
  double sum = 0;
  int n = 0;

  for (int y = height / 4; y < height - height / 4; y += 2) {
    for (int x = width / 4; x < width - width / 4; x += 2) {
      sum += data[y * stride + x];
      n++;
    }
  }
  return n > 0 ? sum / n : 0;
}

static int
clamp_byte (double value)
{
  return (int) CLAMP (value + 0.5, 0, 255);
}

static void
look (MeshProbe *self, MeshProbePad *pad, GstBuffer *buffer)
{
  g_autofree char *more = NULL;
  GstVideoFrame frame;
  double y, u, v;

  if (!count_buffer (self, pad)
      || !gst_video_frame_map (&frame, &pad->video, buffer, GST_MAP_READ))
    return;
  /* BT.601, 16 to 235: nearer than any two colours that tests tell apart */
  y = 1.164 * (plane_mean (&frame, 0) - 16);
  u = plane_mean (&frame, 1) - 128;
  v = plane_mean (&frame, 2) - 128;
  gst_video_frame_unmap (&frame);
  more = g_strdup_printf (",\"frames\":%" G_GUINT64_FORMAT
      ",\"gap\":%s,\"rgb\":[%d,%d,%d]", pad->frames,
      NUMBER (pad->gap / 1e3, "1"),
      clamp_byte (y + 1.596 * v), clamp_byte (y - 0.392 * u - 0.813 * v),
      clamp_byte (y + 2.017 * u));
  write_line (self, pad, "video", more);
  pad->gap = 0;
}

/* Returns: the power at one frequency (Goertzel's algorithm) */
static double
power_at (const float *x, gsize n, double hz, double rate)
{
  double k = 2 * cos (2 * G_PI * hz / rate);
  double a = 0, b = 0;

  for (gsize i = 0; i < n; i++) {
    double c = x[i] + k * a - b;

    b = a;
    a = c;
  }
  return (a * a + b * b - k * a * b) * 2 / ((double) n * n);
}

/* Keeps the tone of the loudest window, since a tone may be pulsed. */
static void
hear_window (MeshProbePad *pad, double rate)
{
  double best = 0, energy = 0;
  int best_hz = 0;

  for (gsize i = 0; i < pad->filled; i++)
    energy += pad->window[i] * pad->window[i];
  energy = sqrt (energy / pad->filled);
  if (energy < pad->level)
    return;
  for (int hz = HZ_MIN; hz <= HZ_MAX; hz += HZ_STEP) {
    double power = power_at (pad->window, pad->filled, hz, rate);

    if (power > best) {
      best = power;
      best_hz = hz;
    }
  }
  pad->level = energy;
  pad->hz = best_hz;
}

/* Averages several samples into one, since a member measures many streams on a
 * shared processor. */
static void
hear_sample (MeshProbePad *pad, float sample)
{
  int rate = GST_AUDIO_INFO_RATE (&pad->audio);
  int ratio = MAX (1, rate / HEAR_RATE);

  pad->sum += sample;
  if (++pad->summed < ratio)
    return;
  pad->window[pad->filled++] = pad->sum / ratio;
  pad->sum = 0;
  pad->summed = 0;
  if (pad->filled == (gsize) rate / ratio * WINDOW_MS / 1000) {
    hear_window (pad, (double) rate / ratio);
    pad->filled = 0;
  }
}

static void
hear (MeshProbe *self, MeshProbePad *pad, GstBuffer *buffer)
{
  g_autofree char *more = NULL;
  gboolean due = count_buffer (self, pad);
  int channels = GST_AUDIO_INFO_CHANNELS (&pad->audio);
  gsize frames;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  frames = map.size / GST_AUDIO_INFO_BPF (&pad->audio);
  for (gsize i = 0; i < frames; i++) {
    if (GST_AUDIO_INFO_FORMAT (&pad->audio) == GST_AUDIO_FORMAT_S16LE)
      hear_sample (pad, ((const gint16 *) map.data)[i * channels] / 32768.0f);
    else
      hear_sample (pad, ((const float *) map.data)[i * channels]);
  }
  gst_buffer_unmap (buffer, &map);
  if (!due)
    return;
  more = g_strdup_printf (",\"frames\":%" G_GUINT64_FORMAT
      ",\"gap\":%s,\"hz\":%d,\"level\":%s", pad->frames,
      NUMBER (pad->gap / 1e3, "1"), pad->hz, NUMBER (pad->level, "4"));
  write_line (self, pad, "audio", more);
  pad->gap = 0;
  pad->hz = 0;
  pad->level = 0;
}

static GstFlowReturn
probe_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshProbePad *mine = MESH_PROBE_PAD (pad);

  if (GST_VIDEO_INFO_FORMAT (&mine->video) != GST_VIDEO_FORMAT_UNKNOWN)
    look (MESH_PROBE (parent), mine, buffer);
  else if (GST_AUDIO_INFO_IS_VALID (&mine->audio))
    hear (MESH_PROBE (parent), mine, buffer);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static gboolean
take_caps (MeshProbePad *pad, GstCaps *caps)
{
  gst_video_info_init (&pad->video);
  gst_audio_info_init (&pad->audio);
  if (g_str_has_prefix (GST_PAD_NAME (pad), "video"))
    return gst_video_info_from_caps (&pad->video, caps);
  if (!gst_audio_info_from_caps (&pad->audio, caps))
    return FALSE;
  g_free (pad->window);
  pad->window = g_new (float, GST_AUDIO_INFO_RATE (&pad->audio));
  pad->filled = 0;
  pad->sum = 0;
  pad->summed = 0;
  return TRUE;
}

static gboolean
probe_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshProbePad *mine = MESH_PROBE_PAD (pad);
  const GstStructure *s = gst_event_get_structure (event);
  gboolean ok = TRUE;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    GstCaps *caps;

    gst_event_parse_caps (event, &caps);
    ok = take_caps (mine, caps);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY
      && gst_structure_has_field (s, "peer-id")) {
    GST_OBJECT_LOCK (pad);
    g_free (mine->peer);
    g_free (mine->name);
    mine->peer = g_strdup (gst_structure_get_string (s, "peer-id"));
    mine->name = g_strdup (gst_structure_get_string (s, "name"));
    GST_OBJECT_UNLOCK (pad);
  }
  gst_event_unref (event);
  return ok;
}

/* Resets an unlinked pad for its next stream; no buffer comes meanwhile. */
static void
on_unlinked (GstPad *pad, GstPad *peer, MeshProbe *self)
{
  MeshProbePad *mine = MESH_PROBE_PAD (pad);

  write_line (self, mine, "gone", "");
  GST_PAD_STREAM_LOCK (pad);
  mine->frames = 0;
  mine->last = mine->gap = 0;
  GST_PAD_STREAM_UNLOCK (pad);
}

static GstPad *
probe_request_new_pad (GstElement *element, GstPadTemplate *template,
    const char *name, const GstCaps *caps)
{
  MeshProbe *self = MESH_PROBE (element);
  gboolean video = g_str_has_prefix (template->name_template, "video");
  g_autofree char *own = NULL;
  GstPad *pad;

  GST_OBJECT_LOCK (self);
  own = video ? g_strdup_printf ("video_%u", self->n_video++)
      : g_strdup_printf ("audio_%u", self->n_audio++);
  GST_OBJECT_UNLOCK (self);
  pad = g_object_new (mesh_probe_pad_get_type (), "name", own,
      "direction", GST_PAD_SINK, "template", template, NULL);
  gst_pad_set_chain_function (pad, probe_chain);
  gst_pad_set_event_function (pad, probe_event);
  g_signal_connect (pad, "unlinked", G_CALLBACK (on_unlinked), self);
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
probe_release_pad (GstElement *element, GstPad *pad)
{
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

static void
probe_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  MeshProbe *self = MESH_PROBE (object);

  if (id == PROP_FD)
    self->fd = g_value_get_int (value);
  else
    self->interval = g_value_get_uint (value);
}

static void
mesh_probe_pad_finalize (GObject *object)
{
  MeshProbePad *pad = MESH_PROBE_PAD (object);

  g_free (pad->peer);
  g_free (pad->name);
  g_free (pad->window);
  G_OBJECT_CLASS (mesh_probe_pad_parent_class)->finalize (object);
}

static void
mesh_probe_pad_class_init (MeshProbePadClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mesh_probe_pad_finalize;
}

static void
mesh_probe_pad_init (MeshProbePad *pad)
{
  gst_video_info_init (&pad->video);
  gst_audio_info_init (&pad->audio);
}

static void
mesh_probe_class_init (MeshProbeClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);

  object->set_property = probe_set_property;
  g_object_class_install_property (object, PROP_FD,
      g_param_spec_int ("fd", "File descriptor", "Where the lines go",
          0, G_MAXINT, 1, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (object, PROP_INTERVAL,
      g_param_spec_uint ("interval", "Interval", "Milliseconds between lines",
          0, G_MAXINT, 200, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS));
  element->request_new_pad = probe_request_new_pad;
  element->release_pad = probe_release_pad;
  gst_element_class_add_static_pad_template (element, &video_template);
  gst_element_class_add_static_pad_template (element, &audio_template);
  gst_element_class_set_static_metadata (element, "Test probe", "Sink",
      "Reports each peer's colour and tone", "meshroom");
}

static void
mesh_probe_init (MeshProbe *self)
{
  self->fd = 1;
  self->interval = 200;
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (meshprobe, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, meshprobe,
    "A sink for meshroom's tests", plugin_init, MESH_VERSION, "LGPL",
    "meshroom", "meshroom")
