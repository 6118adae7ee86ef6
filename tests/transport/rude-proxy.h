/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* What may stand between a client and a server, and how it treats what goes
 * through. It knows nothing of what that means. */

typedef enum {
  RUDE_PASS,                    /* a wire */
  RUDE_SLOW,                    /* a few bytes at a time */
  RUDE_CUT,                     /* cuts connections after a while */
  RUDE_ABORT,                   /* takes each request whole, and the answer;
                                 * cuts a third of the answers off, loses some
                                 * requests, and asks some twice */
} Rudeness;

typedef struct _RudeProxy RudeProxy;

RudeProxy *rude_proxy_new (guint16 port, Rudeness rudeness);
guint16 rude_proxy_get_port (RudeProxy *self);
/* how often it was rude */
guint rude_proxy_count (RudeProxy *self);
void rude_proxy_free (RudeProxy *self);
