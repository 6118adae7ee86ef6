/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-camera.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A frame each ms, so that tests do not take long. */
#define PERIOD G_TIME_SPAN_MILLISECOND
#define PATIENCE (30 * G_TIME_SPAN_SECOND)

G_DEFINE_TYPE (FakeCamera, fake_camera, GST_TYPE_PUSH_SRC)

static GstStaticPadTemplate template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

static gboolean
happens (FakeCamera *self, guint *what)
{
  gboolean now;

  g_mutex_lock (&self->lock);
  now = *what > 0;
  *what -= now;
  g_mutex_unlock (&self->lock);
  return now;
}

static gboolean
start (GstBaseSrc *src)
{
  FakeCamera *self = FAKE_CAMERA (src);

  g_usleep (self->slow * 1000);
  if (happens (self, &self->fail_open)) {
    GST_ELEMENT_ERROR (self, RESOURCE, BUSY, ("somebody else has it"), (NULL));
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  self->fd = open ("/dev/null", O_RDONLY);
  self->opens++;
  self->frames = 0;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
stop (GstBaseSrc *src)
{
  FakeCamera *self = FAKE_CAMERA (src);
  int fd;

  g_usleep (self->slow * 1000);
  g_mutex_lock (&self->lock);
  fd = self->fd;
  close (fd);
  self->fd = -1;
  self->closed_at = g_get_monotonic_time ();
  self->closes++;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
set_unlocked (GstBaseSrc *src, gboolean unlocked)
{
  FakeCamera *self = FAKE_CAMERA (src);

  g_mutex_lock (&self->lock);
  self->unlocked = unlocked;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
unlock (GstBaseSrc *src)
{
  return set_unlocked (src, TRUE);
}

static gboolean
unlock_stop (GstBaseSrc *src)
{
  return set_unlocked (src, FALSE);
}

static GstFlowReturn
create (GstPushSrc *src, GstBuffer **buffer)
{
  FakeCamera *self = FAKE_CAMERA (src);
  gint64 until = g_get_monotonic_time () + PERIOD;
  gboolean flushing;

  if (happens (self, &self->fail_late)) {
    GST_ELEMENT_ERROR (self, RESOURCE, BUSY, ("nobody is at home"), (NULL));
    return GST_FLOW_ERROR;
  }
  if (happens (self, &self->end_early))
    return GST_FLOW_EOS;
  g_mutex_lock (&self->lock);
  while (!self->unlocked
      && g_cond_wait_until (&self->cond, &self->lock, until));
  flushing = self->unlocked;
  self->frames++;
  g_mutex_unlock (&self->lock);
  if (flushing)
    return GST_FLOW_FLUSHING;
  *buffer = camera_frame (GST_CLOCK_TIME_NONE);
  return GST_FLOW_OK;
}

static gboolean
query (GstBaseSrc *src, GstQuery *query)
{
  FakeCamera *self = FAKE_CAMERA (src);

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (fake_camera_parent_class)->query (src, query);
  if (self->fd < 0)             /* as v4l2src */
    return FALSE;
  gst_query_set_latency (query, TRUE, self->latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static void
finalize (GObject *object)
{
  FakeCamera *self = FAKE_CAMERA (object);

  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (fake_camera_parent_class)->finalize (object);
}

static void
fake_camera_class_init (FakeCameraClass *klass)
{
  GstBaseSrcClass *base = GST_BASE_SRC_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  base->start = start;
  base->stop = stop;
  base->unlock = unlock;
  base->unlock_stop = unlock_stop;
  base->query = query;
  GST_PUSH_SRC_CLASS (klass)->create = create;
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass),
      &template);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass),
      "Fake camera", "Source/Video", "Holds a file open", "meshroom");
}

static void
fake_camera_init (FakeCamera *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->fd = -1;
  self->latency = INTERVAL;
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), TRUE);
}

void
fake_camera_register (void)
{
  gst_element_register (NULL, "fakecamera", GST_RANK_NONE, TYPE_FAKE_CAMERA);
}

/* On means that a frame has been made as well. */
void
fake_camera_wait (FakeCamera *self, gboolean on)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  g_mutex_lock (&self->lock);
  while (on ? self->fd < 0 || self->frames < 2 : self->fd >= 0) {
    gint64 soon = g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND;

    fail_unless (g_get_monotonic_time () < until, "the camera is not %s",
        on ? "on" : "off");
    g_cond_wait_until (&self->cond, &self->lock, soon);
  }
  g_mutex_unlock (&self->lock);
}

guint
fake_camera_opens (FakeCamera *self)
{
  guint opens;

  g_mutex_lock (&self->lock);
  opens = self->opens;
  g_mutex_unlock (&self->lock);
  return opens;
}

void
fake_camera_fail (FakeCamera *self, guint *what, guint times)
{
  g_mutex_lock (&self->lock);
  *what = times;
  g_mutex_unlock (&self->lock);
}
