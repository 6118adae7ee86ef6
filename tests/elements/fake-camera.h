/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A camera that holds a file open while it is on, as a real one does its
 * device, and that can be told to fail.
 */
#pragma once

#include "imageswitch-camera.h"

#include <gst/base/gstpushsrc.h>

#define TYPE_FAKE_CAMERA (fake_camera_get_type ())
G_DECLARE_FINAL_TYPE (FakeCamera, fake_camera, FAKE, CAMERA, GstPushSrc)

struct _FakeCamera {
  GstPushSrc parent;
  GMutex lock;
  GCond cond;
  gboolean unlocked;

  int fd;                       /* -1: off */
  guint opens, closes;
  guint frames;                 /* since it was opened */
  gint64 closed_at;             /* monotonic µs */

  /* what is to go wrong, each so many times */
  guint fail_open, fail_late, end_early;
  guint slow;                   /* ms that opening and closing take */
  GstClockTime latency;
};

void fake_camera_register (void);
void fake_camera_wait (FakeCamera *camera, gboolean on);
guint fake_camera_opens (FakeCamera *camera);
void fake_camera_fail (FakeCamera *camera, guint *what, guint times);
