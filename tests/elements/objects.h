/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "traces.h"

/* Whether objects of GStreamer are left behind, as its leaks tracer tells. */

/* @types: names of types, with commas. To be called before gst_check_init().
 * GStreamer warns of those that are left at the process' end, too. */
void objects_watch (const char *types);

/* From now on objects are counted, until objects_stop(). @parts: elements and
 * pads alone, since a pipeline goes on and makes others all the time. */
void objects_start (gboolean parts);
void objects_stop (void);

/* As traces_check(), and all objects that were made since objects_start() are
 * gone, but for buffers; those that are not are printed. */
void objects_check (Traces before);
