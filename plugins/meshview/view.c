/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-meshview
 * @title: meshview
 *
 * Shows a call: everybody's picture in one, everybody's sound in another. It
 * takes the pads of `meshroom`, or any other raw video and audio.
 *
 * Both outputs go on from the first moment to the last, whoever is there: with
 * nobody they are the background's colour and silence. A person's tile comes
 * with the first frame and goes with the end of the stream. Inputs are request
 * pads, each good for one link: when it is unlinked, as when a peer leaves, the
 * tile goes at once. The pad itself need not be released: unless somebody keeps
 * it, it goes when the next input is asked for or unlinked, or with the view's
 * next change of state.
 *
 * An input that is stuck or late keeps nobody waiting: the picture that is due
 * is made of what has arrived by then. The latency that the view declares is
 * that of `meshroom`, and grows only if an input needs more.
 *
 * In a window that shows it, `s` goes through the layouts; other keys
 * are passed on to where the streams come from.
 *
 * ## One person by themselves
 *
 * `layout=solo` shows and plays the one member whom `solo` names, by peer id or
 * display name: a feed for a programme that mixes itself. With `labels=false`
 * nothing but the member's picture is in it. While no member is called so, the
 * outputs go on with the background and silence; a member who leaves and comes
 * back under the same name is shown again. Of several members with one name it
 * is the first who came, but for those whose picture has long stood still.
 * Everything can be changed while playing; the caps stay what they are.
 *
 * ## The grid
 *
 * Members keep their places while others come and go: a place that was left is
 * kept free as long as the grid would not be smaller without it, for the member
 * who had it or else for the next one who comes.
 *
 * ## What is told upstream
 *
 * Each `video_%u` pad says how large its picture is drawn, by the event
 * `meshroom/drawn` that #element-meshroom describes: in pixels of the view, and
 * 0 by 0 while the layout leaves the picture out. Elements between pass it on.
 *
 * ## Pads
 *
 * `video_%u` and `audio_%u` take one person's stream each; those that carry the
 * same peer id (see `meshroom`) belong together. `video` and `audio` are the
 * mix.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 meshview name=v \
 *   videotestsrc is-live=true ! v. \
 *   videotestsrc is-live=true pattern=ball ! v. \
 *   audiotestsrc is-live=true ! v. \
 *   v.video ! videoconvert ! autovideosink  v.audio ! autoaudiosink
 * ]| Two test pictures side by side, and a tone.
 *
 * Since: 0.1
 */

#include <gst/gst.h>
#include <gst/video/video.h>

#include "canvas.h"
#include "elements.h"
#include "keys.h"
#include "mixer.h"
#include "output.h"
#include "tile.h"
#include "voice.h"

#define DEFAULT_WIDTH 1280
#define DEFAULT_HEIGHT 720
#define DEFAULT_FPS_N 30
#define DEFAULT_FPS_D 1
#define DEFAULT_LAYOUT MESH_LAYOUT_GRID
#define DEFAULT_LABELS TRUE
#define DEFAULT_BACKGROUND 0xff000000

enum {
  PROP_WIDTH = 1,
  PROP_HEIGHT,
  PROP_FRAMERATE,
  PROP_LAYOUT,
  PROP_SOLO,
  PROP_LABELS,
  PROP_BACKGROUND,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* the first format needs no conversion, since sources that can make any format
 * choose the first one */
#define VIDEO_CAPS \
  "video/x-raw, format=I420, width=[1, 16384], height=[1, 16384]; " \
  "video/x-raw, format=" GST_VIDEO_FORMATS_ALL ", " \
  "width=[1, 16384], height=[1, 16384]"
#define AUDIO_CAPS \
  "audio/x-raw, format={ F32LE, S16LE, F64LE, S32LE, S24LE, S24_32LE, U8, " \
  "S8, F32BE, S16BE, F64BE, S32BE, S24BE, S24_32BE }, " \
  "rate=[4000, 384000], channels=[1, 64], layout=interleaved"

static GstStaticPadTemplate video_sink_template =
    GST_STATIC_PAD_TEMPLATE ("video_%u", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS (VIDEO_CAPS));
static GstStaticPadTemplate audio_sink_template =
    GST_STATIC_PAD_TEMPLATE ("audio_%u", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS (AUDIO_CAPS));
static GstStaticPadTemplate video_src_template =
    GST_STATIC_PAD_TEMPLATE ("video", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw"));
static GstStaticPadTemplate audio_src_template =
    GST_STATIC_PAD_TEMPLATE ("audio", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("audio/x-raw"));

#define MESH_TYPE_VIEW (mesh_view_get_type ())
G_DECLARE_FINAL_TYPE (MeshView, mesh_view, MESH, VIEW, GstBin)

struct _MeshView {
  GstBin parent_instance;

  MeshScene *scene;
  GstElement *canvas;
  gint next_video;              /* atomic; the number of the next pad without a
                                 * name */
  gint next_audio;
};

G_DEFINE_FINAL_TYPE (MeshView, mesh_view, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (meshview, "meshview", GST_RANK_NONE,
    MESH_TYPE_VIEW,
    GST_DEBUG_CATEGORY_INIT (mesh_view_debug, "meshview", 0, "call view"))

#define MESH_TYPE_VIEW_LAYOUT (mesh_view_layout_get_type ())
static GType
mesh_view_layout_get_type (void)
{
  static const GEnumValue values[] = {
    { MESH_LAYOUT_GRID, "Everybody alike", "grid" },
    { MESH_LAYOUT_SPEAKER, "Whoever speaks large, the others small below",
      "speaker" },
    { MESH_LAYOUT_SOLO, "Only the one named by solo", "solo" },
    { 0, NULL, NULL }
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("MeshViewLayout", values));
  return type;
}

static GPtrArray *
inputs_of (MeshView *self, MeshInput *input)
{
  return MESH_IS_TILE (input) ? self->scene->tiles : self->scene->voices;
}

static void
remove_input (MeshView *self, MeshInput *input)
{
  if (!mesh_input_remove (input, inputs_of (self, input)))
    return;
  GST_INFO_OBJECT (self, "removing %" GST_PTR_FORMAT, input);
  gst_element_remove_pad (GST_ELEMENT (self), GST_PAD (input));
}

/* Removes the inputs that were unlinked, and that nothing but the element
 * refers to. gst-launch keeps no reference to an input that it has linked and
 * never releases it, so that is left to the view. An application that keeps the
 * pad unlinks it and then releases it, and must still find it here. So an
 * unlinked pad is set aside until the next thing that happens to the view. */
static void
remove_leavers (MeshView *self)
{
  GList *pads = NULL;

  GST_OBJECT_LOCK (self);
  for (GList *l = GST_ELEMENT (self)->sinkpads; l; l = l->next)
    pads = g_list_prepend (pads, gst_object_ref (l->data));
  GST_OBJECT_UNLOCK (self);
  for (GList *l = pads; l; l = l->next) {
    /* only the element and this list refer to the pad any more */
    if (mesh_input_is_leaving (l->data)
        && GST_OBJECT_REFCOUNT_VALUE (l->data) == 2)
      remove_input (self, l->data);
  }
  g_list_free_full (pads, gst_object_unref);
}

/* Removes the pad of a stream that was unlinked. */
static void
on_unlinked (GstPad *pad, GstPad *peer, MeshView *self)
{
  MeshInput *input = MESH_INPUT (pad);

  remove_leavers (self);
  if (!mesh_input_leave (input, inputs_of (self, input)))
    return;
  GST_INFO_OBJECT (self, "%" GST_PTR_FORMAT " leaves", input);
  if (MESH_IS_TILE (pad))
    mesh_tile_say_unseen (MESH_TILE (pad), peer);
  gst_pad_set_active (pad, FALSE);
}

/* Returns the next number that no pad has. */
static char *
choose_name (MeshView *self, gboolean is_video)
{
  for (;;) {
    char *name = is_video
        ? g_strdup_printf ("video_%u",
            (guint) g_atomic_int_add (&self->next_video, 1))
        : g_strdup_printf ("audio_%u",
            (guint) g_atomic_int_add (&self->next_audio, 1));
    g_autoptr (GstPad) taken =
        gst_element_get_static_pad (GST_ELEMENT (self), name);

    if (!taken)
      return name;
    g_free (name);
  }
}

static GstPad *
mesh_view_request_new_pad (GstElement *element, GstPadTemplate *templ,
    const char *name, const GstCaps *caps)
{
  MeshView *self = MESH_VIEW (element);
  gboolean is_video = g_str_has_prefix (templ->name_template, "video");
  g_autofree char *free_name = NULL;
  MeshInput *input;

  remove_leavers (self);
  if (!name)
    name = free_name = choose_name (self, is_video);
  input = g_object_new (is_video ? MESH_TYPE_TILE : MESH_TYPE_VOICE,
      "name", name, "direction", GST_PAD_SINK, "template", templ, NULL);
  mesh_input_attach (input, self->scene, inputs_of (self, input));
  g_signal_connect_object (input, "unlinked", G_CALLBACK (on_unlinked), self,
      0);
  gst_pad_set_active (GST_PAD (input), TRUE);
  if (!gst_element_add_pad (element, GST_PAD (input))) {
    mesh_input_leave (input, inputs_of (self, input));
    return NULL;
  }
  /* a thread that has found the pad just before it is removed must still be
   * refused by it */
  GST_OBJECT_FLAG_UNSET (input, GST_PAD_FLAG_NEED_PARENT);
  return GST_PAD (input);
}

static void
mesh_view_release_pad (GstElement *element, GstPad *pad)
{
  remove_input (MESH_VIEW (element), MESH_INPUT (pad));
}

static GstStateChangeReturn
mesh_view_change_state (GstElement *element, GstStateChange transition)
{
  MeshView *self = MESH_VIEW (element);

  remove_leavers (self);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    g_mutex_lock (&self->scene->lock);
    self->scene->latency = MESH_SCENE_LATENCY;
    g_mutex_unlock (&self->scene->lock);
  }
  return GST_ELEMENT_CLASS (mesh_view_parent_class)->change_state (element,
      transition);
}

static gboolean
sets_format (guint id)
{
  return id == PROP_WIDTH || id == PROP_HEIGHT || id == PROP_FRAMERATE;
}

static void
mesh_view_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  MeshView *self = MESH_VIEW (object);
  MeshScene *scene = self->scene;

  g_mutex_lock (&scene->lock);
  switch (id) {
    case PROP_WIDTH:
      scene->width = g_value_get_int (value);
      break;
    case PROP_HEIGHT:
      scene->height = g_value_get_int (value);
      break;
    case PROP_FRAMERATE:
      scene->fps_n = gst_value_get_fraction_numerator (value);
      scene->fps_d = gst_value_get_fraction_denominator (value);
      break;
    case PROP_LAYOUT:
      scene->mode = g_value_get_enum (value);
      break;
    case PROP_SOLO:
      mesh_scene_set_solo_locked (scene, g_value_get_string (value));
      break;
    case PROP_LABELS:
      scene->labels = g_value_get_boolean (value);
      break;
    case PROP_BACKGROUND:
      scene->background = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  mesh_scene_arrange_locked (scene);
  g_mutex_unlock (&scene->lock);
  if (sets_format (id))
    mesh_canvas_renegotiate (MESH_CANVAS (self->canvas));
}

static void
mesh_view_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  MeshScene *scene = MESH_VIEW (object)->scene;

  g_mutex_lock (&scene->lock);
  switch (id) {
    case PROP_WIDTH:
      g_value_set_int (value, scene->width);
      break;
    case PROP_HEIGHT:
      g_value_set_int (value, scene->height);
      break;
    case PROP_FRAMERATE:
      gst_value_set_fraction (value, scene->fps_n, scene->fps_d);
      break;
    case PROP_LAYOUT:
      g_value_set_enum (value, scene->mode);
      break;
    case PROP_SOLO:
      g_value_set_string (value, scene->solo);
      break;
    case PROP_LABELS:
      g_value_set_boolean (value, scene->labels);
      break;
    case PROP_BACKGROUND:
      g_value_set_uint (value, scene->background);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&scene->lock);
}

/* Removes the inputs before the bin's own dispose function removes its pads. */
static void
mesh_view_dispose (GObject *object)
{
  MeshView *self = MESH_VIEW (object);
  GList *inputs = mesh_scene_list_inputs (self->scene);

  for (GList *l = inputs; l; l = l->next)
    remove_input (self, l->data);
  g_list_free_full (inputs, gst_object_unref);
  G_OBJECT_CLASS (mesh_view_parent_class)->dispose (object);
}

static void
mesh_view_finalize (GObject *object)
{
  g_clear_pointer (&MESH_VIEW (object)->scene, mesh_scene_unref);
  G_OBJECT_CLASS (mesh_view_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
      | GST_PARAM_MUTABLE_PLAYING;

  properties[PROP_WIDTH] = g_param_spec_int ("width", "Width",
      "Width of the picture in pixels", 16, 8192, DEFAULT_WIDTH, flags);
  properties[PROP_HEIGHT] = g_param_spec_int ("height", "Height",
      "Height of the picture in pixels", 16, 8192, DEFAULT_HEIGHT, flags);
  properties[PROP_FRAMERATE] = gst_param_spec_fraction ("framerate",
      "Frame rate", "Frames a second of the picture, whatever the inputs have",
      1, 60, 240, 1, DEFAULT_FPS_N, DEFAULT_FPS_D, flags);
  properties[PROP_LAYOUT] = g_param_spec_enum ("layout", "Layout",
      "How the picture is shared out between people", MESH_TYPE_VIEW_LAYOUT,
      DEFAULT_LAYOUT, flags);
  properties[PROP_SOLO] = g_param_spec_string ("solo", "Solo",
      "Peer id or display name of whom alone the solo layout shows and plays",
      NULL, flags);
  properties[PROP_LABELS] = g_param_spec_boolean ("labels", "Labels",
      "Whether to write people's names into their pictures", DEFAULT_LABELS,
      flags);
  properties[PROP_BACKGROUND] = g_param_spec_uint ("background", "Background",
      "Colour where nobody is (big-endian ARGB; alpha makes no difference)",
      0, G_MAXUINT32, DEFAULT_BACKGROUND, flags);
  g_object_class_install_properties (klass, N_PROPS, properties);
}

static void
mesh_view_class_init (MeshViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = mesh_view_set_property;
  object_class->get_property = mesh_view_get_property;
  object_class->dispose = mesh_view_dispose;
  object_class->finalize = mesh_view_finalize;
  install_properties (object_class);

  gst_element_class_set_static_metadata (element_class, "Call view",
      "Filter/Editor/Video/Audio/Compositor",
      "Shows everybody of a call in one picture and one sound",
      "The meshroom developers");
  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &video_sink_template, MESH_TYPE_TILE);
  gst_element_class_add_static_pad_template_with_gtype (element_class,
      &audio_sink_template, MESH_TYPE_VOICE);
  gst_element_class_add_static_pad_template (element_class,
      &video_src_template);
  gst_element_class_add_static_pad_template (element_class,
      &audio_src_template);
  element_class->request_new_pad = mesh_view_request_new_pad;
  element_class->release_pad = mesh_view_release_pad;
  element_class->change_state = mesh_view_change_state;
  gst_type_mark_as_plugin_api (MESH_TYPE_VIEW_LAYOUT, 0);
}

static void
mesh_view_init (MeshView *self)
{
  MeshScene *scene = self->scene = mesh_scene_new ();
  GstElementClass *klass = GST_ELEMENT_GET_CLASS (self);
  GstPad *video;

  scene->width = DEFAULT_WIDTH;
  scene->height = DEFAULT_HEIGHT;
  scene->fps_n = DEFAULT_FPS_N;
  scene->fps_d = DEFAULT_FPS_D;
  scene->mode = DEFAULT_LAYOUT;
  scene->labels = DEFAULT_LABELS;
  scene->background = DEFAULT_BACKGROUND;

  self->canvas = mesh_canvas_new (scene);
  video = mesh_output_add (GST_BIN (self), self->canvas,
      gst_element_class_get_pad_template (klass, "video"),
      (const char *const[]) { "videoconvert", NULL });
  mesh_output_add (GST_BIN (self), mesh_mixer_new (scene),
      gst_element_class_get_pad_template (klass, "audio"),
      (const char *const[]) { "audioconvert", "audioresample", NULL });
  mesh_keys_watch (video, scene);
}
