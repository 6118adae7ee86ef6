/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-signalsrc
 * @title: signalsrc
 * @short_description: receives the messages of a room's signalling
 * @see_also: signalsink, meshroom
 *
 * Outputs the messages that the other members of a room send to us, and those
 * of the signalling server about the room: one JSON object a buffer, in the
 * form of docs/protocol.md, "On the signal pads". Together with a
 * #element-signalsink of the same room it replaces the connection that
 * #element-meshroom otherwise makes itself, so that an application can watch,
 * filter or replace it. The two share one connection; the peer id is that of
 * #element-meshroom, unless set here. With several pairs for one room in one
 * pipeline, each needs #signalsrc:peer-id and #signalsink:peer-id.
 *
 * When the server is lost, the message `offline` comes, and connecting is tried
 * until the server is back. A server that was never there is an error.
 *
 * Pads: `src`, `application/x-mesh-signal`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -q signalsrc \
 *   link=http://127.0.0.1:8080/room/5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60 \
 *   ! fakesink dump=true
 * ]|
 * Joins the room, and prints the messages of its server and its members.
 *
 * Since: 0.1
 */

#include <gst/base/gstpushsrc.h>
#include <string.h>

#include "elements.h"
#include "error-message.h"
#include "participation.h"

GST_DEBUG_CATEGORY_STATIC (signalsrc_debug);
#define GST_CAT_DEFAULT signalsrc_debug

#define MESH_TYPE_SIGNALSRC (mesh_signalsrc_get_type ())
G_DECLARE_FINAL_TYPE (MeshSignalsrc, mesh_signalsrc, MESH, SIGNALSRC,
    GstPushSrc)

struct _MeshSignalsrc {
  GstPushSrc parent;

  char *link;                   /* under OBJECT_LOCK */
  char *peer_id;                /* under OBJECT_LOCK */
  MeshParticipation *participation;  /* in PAUSED and PLAYING */
};

enum { PROP_0, PROP_LINK, PROP_PEER_ID, N_PROPS };

static GParamSpec *properties[N_PROPS];

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (MESH_SIGNAL_CAPS));

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshSignalsrc, mesh_signalsrc,
    GST_TYPE_PUSH_SRC,
    GST_DEBUG_CATEGORY_INIT (signalsrc_debug, "signalsrc", 0,
        "messages from a room's signalling"))
GST_ELEMENT_REGISTER_DEFINE (signalsrc, "signalsrc", GST_RANK_NONE,
    MESH_TYPE_SIGNALSRC)

/* Called from the state change, since the base class posts an error of its own
 * when start() fails. */
static gboolean
join (MeshSignalsrc *self)
{
  g_autofree char *link = NULL;
  g_autofree char *peer_id = NULL;
  g_autoptr (GError) error = NULL;

  GST_OBJECT_LOCK (self);
  link = g_strdup (self->link);
  peer_id = g_strdup (self->peer_id);
  GST_OBJECT_UNLOCK (self);
  self->participation = mesh_participation_acquire (GST_ELEMENT (self),
      MESH_PARTICIPATION_SRC, link, peer_id, &error);
  if (!self->participation)
    mesh_signal_post_error (GST_ELEMENT (self), error, TRUE);
  return self->participation != NULL;
}

static gboolean
mesh_signalsrc_unlock (GstBaseSrc *base)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (base);

  if (self->participation)
    mesh_participation_set_flushing (self->participation, TRUE);
  return TRUE;
}

static gboolean
mesh_signalsrc_unlock_stop (GstBaseSrc *base)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (base);

  if (self->participation)
    mesh_participation_set_flushing (self->participation, FALSE);
  return TRUE;
}

static GstFlowReturn
mesh_signalsrc_create (GstPushSrc *push, GstBuffer **buffer)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (push);
  char *json = mesh_participation_pop (self->participation);

  if (!json)
    return GST_FLOW_FLUSHING;
  GST_LOG_OBJECT (self, "message of %" G_GSIZE_FORMAT " bytes", strlen (json));
  *buffer = gst_buffer_new_wrapped (json, strlen (json));
  return GST_FLOW_OK;
}

static GstStateChangeReturn
mesh_signalsrc_change_state (GstElement *element, GstStateChange transition)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !join (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    mesh_participation_start (self->participation, MESH_PARTICIPATION_SRC);
  result = GST_ELEMENT_CLASS (mesh_signalsrc_parent_class)
      ->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED
          && result == GST_STATE_CHANGE_FAILURE))
    mesh_participation_release (g_steal_pointer (&self->participation),
      MESH_PARTICIPATION_SRC);
  return result;
}

static void
mesh_signalsrc_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (object);

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
mesh_signalsrc_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (object);

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
mesh_signalsrc_finalize (GObject *object)
{
  MeshSignalsrc *self = MESH_SIGNALSRC (object);

  g_free (self->link);
  g_free (self->peer_id);
  G_OBJECT_CLASS (mesh_signalsrc_parent_class)->finalize (object);
}

static void
mesh_signalsrc_class_init (MeshSignalsrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);
  GParamFlags flags
      = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  object_class->set_property = mesh_signalsrc_set_property;
  object_class->get_property = mesh_signalsrc_get_property;
  object_class->finalize = mesh_signalsrc_finalize;
  element_class->change_state = mesh_signalsrc_change_state;
  base_class->unlock = mesh_signalsrc_unlock;
  base_class->unlock_stop = mesh_signalsrc_unlock_stop;
  GST_PUSH_SRC_CLASS (klass)->create = mesh_signalsrc_create;

  /**
   * MeshSignalsrc:link:
   *
   * The link of the room to receive messages from.
   *
   * Since: 0.1
   */
  properties[PROP_LINK] = g_param_spec_string ("link", "Link",
      "Link of the room to listen to (http://HOST:PORT/room/ROOM-ID; its key "
      "is not used here)",
      NULL, flags);
  /**
   * MeshSignalsrc:peer-id:
   *
   * Our peer id in the room.
   *
   * Since: 0.1
   */
  properties[PROP_PEER_ID] = g_param_spec_string ("peer-id", "Peer id",
      "Who we are in the room, a UUID (NULL: as the signalsink of the same "
      "link, or a fresh one where there is none)",
      NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Signalling source",
      "Source/Network", "Receives the messages of a meshroom's signalling",
      "The meshroom developers");
}

static void
mesh_signalsrc_init (MeshSignalsrc *self)
{
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), TRUE);
}
