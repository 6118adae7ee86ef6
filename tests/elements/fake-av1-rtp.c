/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-av1-rtp.h"

#include <gst/base/gstadapter.h>
#include <gst/rtp/rtp.h>

#define CHUNK 1000
#define OBUS "video/x-av1,parsed=true,stream-format=obu-stream,alignment=obu"

/* --- an OBU in packets, the last of which has the marker --- */

typedef GstRTPBasePayload FakePay;
typedef GstRTPBasePayloadClass FakePayClass;
GType fake_pay_get_type (void);
G_DEFINE_TYPE (FakePay, fake_pay, GST_TYPE_RTP_BASE_PAYLOAD)

static GstBuffer *
make_packet (GstRTPBasePayload *pay, GstBuffer *obu, gsize at, gsize n)
{
  GstBuffer *packet = gst_rtp_base_payload_allocate_output_buffer (pay, 0, 0,
      0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  gst_rtp_buffer_map (packet, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_marker (&rtp, at + n == gst_buffer_get_size (obu));
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_PTS (packet) = GST_BUFFER_PTS (obu);
  return gst_buffer_append (packet, gst_buffer_copy_region (obu,
          GST_BUFFER_COPY_MEMORY, at, n));
}

static GstFlowReturn
fake_pay_handle_buffer (GstRTPBasePayload *pay, GstBuffer *obu)
{
  gsize size = gst_buffer_get_size (obu);
  GstBufferList *list = gst_buffer_list_new ();

  for (gsize at = 0; at < size; at += CHUNK)
    gst_buffer_list_add (list, make_packet (pay, obu, at, MIN (CHUNK,
                size - at)));
  gst_buffer_unref (obu);
  return gst_rtp_base_payload_push_list (pay, list);
}

static gboolean
fake_pay_set_caps (GstRTPBasePayload *pay, GstCaps *caps)
{
  gst_rtp_base_payload_set_options (pay, "video", TRUE, "AV1", 90000);
  return gst_rtp_base_payload_set_outcaps (pay, NULL);
}

static void
add_template (gpointer klass, const char *name, GstPadDirection direction,
    const char *text)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  gst_element_class_add_pad_template (klass, gst_pad_template_new (name,
          direction, GST_PAD_ALWAYS, caps));
}

static void
fake_pay_class_init (FakePayClass *klass)
{
  klass->set_caps = fake_pay_set_caps;
  klass->handle_buffer = fake_pay_handle_buffer;
  add_template (klass, "sink", GST_PAD_SINK, OBUS);
  add_template (klass, "src", GST_PAD_SRC, "application/x-rtp,media=video,"
      "clock-rate=90000,encoding-name=AV1");
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "fake",
      "Codec/Payloader", "fake", "the tests");
}

static void
fake_pay_init (FakePay *pay)
{
}

/* --- and back --- */

typedef struct {
  GstRTPBaseDepayload parent;
  GstAdapter *adapter;
} FakeDepay;
typedef GstRTPBaseDepayloadClass FakeDepayClass;
GType fake_depay_get_type (void);
G_DEFINE_TYPE (FakeDepay, fake_depay, GST_TYPE_RTP_BASE_DEPAYLOAD)

static GstBuffer *
fake_depay_process (GstRTPBaseDepayload *depay, GstRTPBuffer *rtp)
{
  FakeDepay *self = (FakeDepay *) depay;

  gst_adapter_push (self->adapter, gst_rtp_buffer_get_payload_buffer (rtp));
  return gst_rtp_buffer_get_marker (rtp) ? gst_adapter_take_buffer
      (self->adapter, gst_adapter_available (self->adapter)) : NULL;
}

static gboolean
fake_depay_set_caps (GstRTPBaseDepayload *depay, GstCaps *caps)
{
  g_autoptr (GstCaps) obus = gst_caps_from_string (OBUS);

  depay->clock_rate = 90000;
  return gst_pad_set_caps (depay->srcpad, obus);
}

/* The room sets properties of the real element, which mean nothing here. */
static void
fake_depay_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
}

static void
fake_depay_finalize (GObject *object)
{
  g_object_unref (((FakeDepay *) object)->adapter);
  G_OBJECT_CLASS (fake_depay_parent_class)->finalize (object);
}

static void
fake_depay_class_init (FakeDepayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  static const char *const names[] = { "request-keyframe",
    "wait-for-keyframe"
  };

  object_class->set_property = fake_depay_set_property;
  object_class->finalize = fake_depay_finalize;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_object_class_install_property (object_class, i + 1,
        g_param_spec_boolean (names[i], names[i], names[i], FALSE,
            G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS));
  klass->set_caps = fake_depay_set_caps;
  klass->process_rtp_packet = fake_depay_process;
  add_template (klass, "sink", GST_PAD_SINK, "application/x-rtp,media=video,"
      "clock-rate=90000,encoding-name=AV1");
  add_template (klass, "src", GST_PAD_SRC, OBUS);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "fake",
      "Codec/Depayloader", "fake", "the tests");
}

static void
fake_depay_init (FakeDepay *self)
{
  self->adapter = gst_adapter_new ();
}

void
fake_av1_rtp_remove (void)
{
  static const char *const names[] = { "rtpav1pay", "rtpav1depay" };
  GstRegistry *registry = gst_registry_get ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GstPluginFeature) feature =
        gst_registry_lookup_feature (registry, names[i]);

    if (feature)
      gst_registry_remove_feature (registry, feature);
  }
}

/* Once a process: an element's class points to its factory, which does not
 * outlive its removal. */
void
fake_av1_rtp_register (void)
{
  static gboolean registered = FALSE;

  if (registered)
    return;
  registered = TRUE;
  fake_av1_rtp_remove ();
  gst_element_register (NULL, "rtpav1pay", GST_RANK_NONE,
      fake_pay_get_type ());
  gst_element_register (NULL, "rtpav1depay", GST_RANK_NONE,
      fake_depay_get_type ());
}
