/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-signalsink
 * @title: signalsink
 * @short_description: sends messages to a room's signalling
 * @see_also: signalsrc, meshroom
 *
 * Sends each buffer, one JSON object in the form of docs/protocol.md, "On the
 * signal pads", to the member of the room that it names in `to`. Messages that
 * the server has not confirmed are sent again when a connection breaks, and
 * each arrives once. See #element-signalsrc, with which it shares its
 * connection.
 *
 * Our peer id is taken from #signalsink:peer-id, else from the field `peer-id`
 * of the caps, else from the first message's `from`; no connection is made
 * before it is known.
 *
 * Pads: `sink`, `application/x-mesh-signal`, optionally with
 * `peer-id=(string)UUID`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 meshroom name=room link=$LINK \
 *   signalsrc link=$LINK ! room.signal_sink \
 *   room.signal_src ! signalsink link=$LINK
 * ]|
 * Makes a call whose signalling goes through elements of the pipeline.
 *
 * Since: 0.1
 */

#include <gst/gst.h>

#include "core/error.h"
#include "core/envelope.h"
#include "core/json-scan.h"
#include "core/json.h"
#include "elements.h"
#include "error-message.h"
#include "participation.h"

GST_DEBUG_CATEGORY_STATIC (signalsink_debug);
#define GST_CAT_DEFAULT signalsink_debug

#define MESH_TYPE_SIGNALSINK (mesh_signalsink_get_type ())
G_DECLARE_FINAL_TYPE (MeshSignalsink, mesh_signalsink, MESH, SIGNALSINK,
    GstElement)

/* This is no GstBaseSink, since that blocks on a buffer in PAUSED: an element
 * that sends its bye while the pipeline shuts down would wait for ever. */
struct _MeshSignalsink {
  GstElement parent;

  GstPad *pad;
  char *link;                   /* under OBJECT_LOCK */
  char *peer_id;                /* under OBJECT_LOCK */
  MeshParticipation *participation;  /* in PAUSED and PLAYING */
  gboolean refusing;            /* a warning was posted, and no message was sent
                                 * since; streaming thread only */
};

enum { PROP_0, PROP_LINK, PROP_PEER_ID, N_PROPS };

static GParamSpec *properties[N_PROPS];

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (MESH_SIGNAL_CAPS));

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshSignalsink, mesh_signalsink,
    GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (signalsink_debug, "signalsink", 0,
        "messages to a room's signalling"))
GST_ELEMENT_REGISTER_DEFINE (signalsink, "signalsink", GST_RANK_NONE,
    MESH_TYPE_SIGNALSINK)

static gboolean
join (MeshSignalsink *self)
{
  g_autofree char *link = NULL;
  g_autofree char *peer_id = NULL;
  g_autoptr (GError) error = NULL;

  GST_OBJECT_LOCK (self);
  link = g_strdup (self->link);
  peer_id = g_strdup (self->peer_id);
  GST_OBJECT_UNLOCK (self);
  self->refusing = FALSE;
  self->participation = mesh_participation_acquire (GST_ELEMENT (self),
      MESH_PARTICIPATION_SINK, link, peer_id, &error);
  if (!self->participation)
    mesh_signal_post_error (GST_ELEMENT (self), error, TRUE);
  return self->participation != NULL;
}

static void
take_caps (MeshSignalsink *self, GstCaps *caps)
{
  const char *id = gst_structure_get_string (gst_caps_get_structure (caps, 0),
      "peer-id");

  if (id && !mesh_participation_has_peer_id (self->participation)
      && !mesh_participation_set_peer_id (self->participation, id))
    GST_WARNING_OBJECT (self, "peer-id of the caps is no peer id");
}

static gboolean
mesh_signalsink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshSignalsink *self = MESH_SIGNALSINK (parent);
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      take_caps (self, caps);
      break;
    case GST_EVENT_EOS:
      gst_element_post_message (GST_ELEMENT (self),
          gst_message_new_eos (parent));
      break;
    default:
      break;
  }
  gst_event_unref (event);
  return TRUE;
}

/* Takes the peer id from a message's "from". A message that is not valid is
 * reported by mesh_participation_send(). */
static void
learn_peer_id (MeshSignalsink *self, const GstMapInfo *map)
{
  static const char *const names[] = { "from", NULL };
  char from[MESH_UUID_LENGTH + 1];
  MeshJsonSpan field;

  if (map->size <= MESH_JSON_MAX_BYTES
      && mesh_json_scan ((const char *) map->data, map->size,
          MESH_JSON_MAX_DEPTH, names, &field)
      && mesh_json_span_string (&field, MESH_UUID_LENGTH, from))
    mesh_participation_set_peer_id (self->participation, from);
}

static void
send (MeshSignalsink *self, const GstMapInfo *map)
{
  g_autoptr (GError) error = NULL;
  gboolean sent;

  GST_LOG_OBJECT (self, "message of %" G_GSIZE_FORMAT " bytes", map->size);
  if (!mesh_participation_has_peer_id (self->participation))
    learn_peer_id (self, map);
  sent = mesh_participation_send (self->participation, (const char *) map->data,
      map->size, &error);
  if (!sent && self->refusing)  /* posted once until a message is sent */
    GST_WARNING_OBJECT (self, "%s", error->message);
  else if (!sent)
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s", error->message),
        (NULL));
  self->refusing = !sent;
}

static GstFlowReturn
mesh_signalsink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMapInfo map;

  if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    send (MESH_SIGNALSINK (parent), &map);
    gst_buffer_unmap (buffer, &map);
  }
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static GstStateChangeReturn
mesh_signalsink_change_state (GstElement *element, GstStateChange transition)
{
  MeshSignalsink *self = MESH_SIGNALSINK (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !join (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    mesh_participation_start (self->participation, MESH_PARTICIPATION_SINK);
  result = GST_ELEMENT_CLASS (mesh_signalsink_parent_class)
      ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && result == GST_STATE_CHANGE_FAILURE))
    mesh_participation_release (g_steal_pointer (&self->participation),
      MESH_PARTICIPATION_SINK);
  return result;
}

static void
mesh_signalsink_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  MeshSignalsink *self = MESH_SIGNALSINK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LINK:
      g_free (self->link);
      self->link = g_value_dup_string (value);
      break;
    case PROP_PEER_ID:
      g_free (self->peer_id);
      self->peer_id = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
mesh_signalsink_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  MeshSignalsink *self = MESH_SIGNALSINK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LINK:
      g_value_set_string (value, self->link);
      break;
    case PROP_PEER_ID:
      g_value_set_string (value, self->peer_id);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
mesh_signalsink_finalize (GObject *object)
{
  MeshSignalsink *self = MESH_SIGNALSINK (object);

  g_free (self->link);
  g_free (self->peer_id);
  G_OBJECT_CLASS (mesh_signalsink_parent_class)->finalize (object);
}

static void
mesh_signalsink_class_init (MeshSignalsinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = mesh_signalsink_set_property;
  object_class->get_property = mesh_signalsink_get_property;
  object_class->finalize = mesh_signalsink_finalize;
  element_class->change_state = mesh_signalsink_change_state;

  /**
   * MeshSignalsink:link:
   *
   * The link of the room to send messages to.
   *
   * Since: 0.1
   */
  properties[PROP_LINK] = g_param_spec_string ("link", "Link",
      "Link of the room to speak in (http://HOST:PORT/room/ROOM-ID; its key "
      "is not used here)",
      NULL, flags);
  /**
   * MeshSignalsink:peer-id:
   *
   * Our peer id in the room.
   *
   * Since: 0.1
   */
  properties[PROP_PEER_ID] = g_param_spec_string ("peer-id", "Peer id",
      "Who we are in the room, a UUID (NULL: as the signalsrc of the same "
      "link, else as the caps say, else whoever the first message is from)",
      NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class, "Signalling sink",
      "Sink/Network", "Sends messages into a meshroom's signalling",
      "The meshroom developers");
}

static void
mesh_signalsink_init (MeshSignalsink *self)
{
  self->pad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->pad, mesh_signalsink_chain);
  gst_pad_set_event_function (self->pad, mesh_signalsink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->pad);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}
