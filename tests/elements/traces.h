/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstcheck.h>

/* What a process would leave behind: its threads and its descriptors. Threads
 * that wait for more work in GLib's pools are told to go and are not counted. */
typedef struct {
  guint threads;
  guint descriptors;
} Traces;

/* What there is now. */
Traces traces_now (void);

/* What there is once the numbers stand still for half a second: no event tells
 * that a thread has left the process. Fails if they never do. */
Traces traces_settled (void);

/* Waits until there is no more of either than in @before, and fails
 * otherwise with the names of the threads and descriptors that there are. */
void traces_check (Traces before);

/* How long something may take that always comes (us): under a sanitizer all is
 * slower, and nothing is wrong. */
gint64 traces_patience (void);
