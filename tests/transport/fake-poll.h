/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* The part of the fake server that speaks to clients which poll: one session.
 */

typedef struct _FakePoll FakePoll;

typedef enum {
  FAKE_TRUTH,
  FAKE_GAP,                     /* numbered as if one were missing */
  FAKE_TORN,                    /* cut off, and nothing tells */
  FAKE_FEWER,                   /* more announced than is there */
  FAKE_PORTAL,                  /* a page that wants a password */
  FAKE_ENDLESS,                 /* more than anybody should read */
  FAKE_ERROR,                   /* HTTP 502 */
} FakeLie;

typedef void (*FakePollFunc) (const char *text, gsize length,
    gpointer user_data);

/* frame: is given each frame, once */
FakePoll *fake_poll_new (FakePollFunc frame, gpointer user_data);
void fake_poll_free (FakePoll *self);
gboolean fake_poll_is_whole (const char *request);
/* one request, head and body; it is kept while there is nothing to say */
void fake_poll_answer (FakePoll *self, GIOStream *stream,
    const char *request);
void fake_poll_send (FakePoll *self, const char *text);
void fake_poll_close (FakePoll *self, guint code);
/* the next answer with frames in it is this instead */
void fake_poll_lie (FakePoll *self, FakeLie lie);
