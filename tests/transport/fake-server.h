/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "fake-poll.h"

/* A signalling server that says exactly what a test makes it say, right or
 * wrong, by WebSocket or long polling, whichever the client comes with. It
 * lives on the default main context, which only runs while a test waits for
 * something. */

#define FAKE_ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define FAKE_ALICE "aaaaaaaa-0000-4000-8000-000000000000"
#define FAKE_BOB "bbbbbbbb-0000-4000-8000-000000000000"

typedef struct _FakeServer FakeServer;

/* certificate NULL: plain http */
FakeServer *fake_server_new (GTlsCertificate *certificate);
void fake_server_free (FakeServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeServer, fake_server_free)

char *fake_server_dup_link (FakeServer *self);
/* How the handshake goes, other than by an HTTP status; 0: well. */
#define FAKE_NO_ANSWER (-1)
#define FAKE_HANG_UP (-2)
#define FAKE_WRONG_ACCEPT (-3)
#define FAKE_EXTENSION (-4)     /* one that nobody asked for */
#define FAKE_EARLY_FRAME (-5)   /* "early", together with the answer */
/* What is in front of it: other requests get through. */
#define FAKE_NO_UPGRADE (-6)    /* refuses it */
#define FAKE_CUT (-7)           /* takes it, then cuts the connection */
#define FAKE_SWALLOW (-8)       /* takes it, and lets no frame through */
void fake_server_answer_with (FakeServer *self, int status);
guint fake_server_count_attempts (FakeServer *self);
guint fake_server_count_upgrades (FakeServer *self);

/* Waits for the next frame of whichever client. */
JsonObject *fake_server_wait (FakeServer *self);
/* Waits for a frame, which must have the member; the frames before it that
 * have not are skipped. */
JsonObject *fake_server_wait_for (FakeServer *self, const char *member);
/* Waits for a hello, and answers it. */
JsonObject *fake_server_welcome (FakeServer *self, const char *epoch,
    gboolean resumed, gint64 mid);
void fake_server_wait_closed (FakeServer *self);
void fake_server_wait_attempts (FakeServer *self, guint attempts);

void fake_server_send (FakeServer *self, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
/* bytes on the wire as they are: the test does the framing. FALSE: the client
 * has hung up */
gboolean fake_server_send_raw (FakeServer *self, gconstpointer data,
    gsize size);
void fake_server_close (FakeServer *self, gushort code);
/* for a client that polls: the next answer with frames is this instead */
void fake_server_lie (FakeServer *self, FakeLie lie);
/* the connection ends without a word; of a session, nothing is known any more
 */
void fake_server_cut (FakeServer *self);

/* Runs the default context until it is so, or a watchdog's patience ends. */
void fake_wait_until (gboolean (*condition) (gpointer data), gpointer data);
