/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstcheck.h>

/* Pipelines of one process that all do the same step at the same moment, each
 * on a thread of its own: what is made on first use in GStreamer, in a library
 * or in our elements is then first used by all of them at once. */

/* Each description has a fakesink `out`, which gets a few buffers, and may have
 * an element `switch`: an imageswitch that is hidden or shown on the way. */
#define TOGETHER_OUT " ! fakesink name=out signal-handoffs=true " \
    "async=false enable-last-sample=false "

/* Starts @n pipelines, has each of them hand out buffers, stops them, and
 * fails where one did not, or where one said anything on its bus. */
void together_run (const char *description, guint n);
