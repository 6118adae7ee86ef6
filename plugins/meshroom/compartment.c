/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/compartment.h"

#include "core/error.h"
#include "meshroom/common.h"

struct _MeshCompartment {
  GstBin parent;

  GstElement *first, *last;     /* children, no reference */
  MeshCompartmentFailed failed;
  gpointer user_data;
  GDestroyNotify destroy;
  gint broken;                  /* atomic: told, or nobody to tell any more */
};

G_DEFINE_FINAL_TYPE (MeshCompartment, mesh_compartment, GST_TYPE_BIN)

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS_ANY);

static void
break_once (MeshCompartment *self, const GError *error)
{
  if (g_atomic_int_compare_and_exchange (&self->broken, FALSE, TRUE))
    self->failed (self, error, self->user_data);
}

static GstFlowReturn
sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshCompartment *self = MESH_COMPARTMENT (parent);
  GstFlowReturn result;

  if (g_atomic_int_get (&self->broken)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  result = gst_proxy_pad_chain_default (pad, parent, buffer);
  /* An element without a thread of its own may fail without a message. */
  if (result < GST_FLOW_EOS) {
    g_autoptr (GError) error = g_error_new (MESH_ERROR, MESH_ERROR_FAILED,
        "the stream is refused (%s)", gst_flow_get_name (result));

    break_once (self, error);
  }
  return GST_FLOW_OK;
}

static GstFlowReturn
sink_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  for (guint i = 0; i < gst_buffer_list_length (list); i++)
    sink_chain (pad, parent, gst_buffer_ref (gst_buffer_list_get (list, i)));
  gst_buffer_list_unref (list);
  return GST_FLOW_OK;
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  /* Caps that are refused show in the next buffer's flow return. */
  gst_pad_event_default (pad, parent, event);
  return TRUE;
}

static gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_ACCEPT_CAPS) {
    gst_query_set_accept_caps_result (query, TRUE);
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, query);
}

/* Logs warnings and does not pass them on: encoders and parsers warn of each
 * broken frame, which the application cannot mend. */
static void
mesh_compartment_handle_message (GstBin *bin, GstMessage *message)
{
  MeshCompartment *self = MESH_COMPARTMENT (bin);
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, &debug);
      GST_WARNING_OBJECT (self, "%s: %s (%s)", GST_MESSAGE_SRC_NAME (message),
          error->message, debug);
      break_once (self, error);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, &debug);
      GST_WARNING_OBJECT (self, "%s: %s (%s)", GST_MESSAGE_SRC_NAME (message),
          error->message, debug);
      break;
    case GST_MESSAGE_EOS:
    case GST_MESSAGE_LATENCY:
    case GST_MESSAGE_QOS:
      break;
    default:
      GST_BIN_CLASS (mesh_compartment_parent_class)->handle_message (bin,
          message);
      return;
  }
  gst_message_unref (message);
}

/**
 * mesh_compartment_append:
 * @compartment: a compartment that is not exposed yet
 * @element: (transfer floating): its next element
 * @error: return location for a #MESH_ERROR
 *
 * Returns: whether @element is linked to the one before
 */
gboolean
mesh_compartment_append (MeshCompartment *compartment, GstElement *element,
    GError **error)
{
  GstElement *before = compartment->last;

  gst_bin_add (GST_BIN (compartment), element);
  if (!compartment->first)
    compartment->first = element;
  compartment->last = element;
  if (!before || gst_element_link (before, element))
    return TRUE;
  g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED, "%s cannot be linked to "
      "%s", GST_ELEMENT_NAME (before), GST_ELEMENT_NAME (element));
  return FALSE;
}

/**
 * mesh_compartment_expose:
 * @compartment: a compartment with at least one element
 *
 * Gives the compartment its pads, "sink" and "src".
 */
void
mesh_compartment_expose (MeshCompartment *compartment)
{
  g_autoptr (GstPad) sink =
      gst_element_get_static_pad (compartment->first, "sink");
  g_autoptr (GstPad) src =
      gst_element_get_static_pad (compartment->last, "src");
  GstPad *ghost = gst_ghost_pad_new ("sink", sink);

  gst_pad_set_chain_function (ghost, sink_chain);
  gst_pad_set_chain_list_function (ghost, sink_chain_list);
  gst_pad_set_event_function (ghost, sink_event);
  gst_pad_set_query_function (ghost, sink_query);
  gst_element_add_pad (GST_ELEMENT (compartment), ghost);
  gst_element_add_pad (GST_ELEMENT (compartment),
      gst_ghost_pad_new ("src", src));
}

/**
 * mesh_compartment_abandon:
 * @compartment: a compartment that is about to be shut down
 *
 * Stops the compartment from reporting a failure.
 */
void
mesh_compartment_abandon (MeshCompartment *compartment)
{
  g_atomic_int_set (&compartment->broken, TRUE);
}

/**
 * mesh_compartment_new:
 * @failed: what to call when something inside fails, at most once
 * @user_data: for @failed
 * @destroy: (nullable): for @user_data, when the compartment is gone
 *
 * Returns: (transfer floating): an empty compartment
 */
MeshCompartment *
mesh_compartment_new (MeshCompartmentFailed failed, gpointer user_data,
    GDestroyNotify destroy)
{
  MeshCompartment *self = g_object_new (MESH_TYPE_COMPARTMENT, NULL);

  self->failed = failed;
  self->user_data = user_data;
  self->destroy = destroy;
  return self;
}

static void
mesh_compartment_finalize (GObject *object)
{
  MeshCompartment *self = MESH_COMPARTMENT (object);

  if (self->destroy)
    self->destroy (self->user_data);
  G_OBJECT_CLASS (mesh_compartment_parent_class)->finalize (object);
}

static void
mesh_compartment_init (MeshCompartment *self)
{
  /* Adding or removing the bin must not make the pipeline wait for a
   * preroll. */
  gst_bin_set_suppressed_flags (GST_BIN (self),
      GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);
}

static void
mesh_compartment_class_init (MeshCompartmentClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_compartment_finalize;
  GST_BIN_CLASS (klass)->handle_message = mesh_compartment_handle_message;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh compartment",
      "Generic", "Keeps the failure of what is inside from the rest",
      "The meshroom developers");
}
