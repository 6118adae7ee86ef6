/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>
#include <obs-module.h>

G_BEGIN_DECLS

/* What is left of an OBS source for those who have something to show in it: it
 * may be used by any thread, and goes on to exist, and to do nothing, when OBS
 * has destroyed the source. */

typedef struct _Outlet Outlet;

Outlet *outlet_new (obs_source_t *source);
Outlet *outlet_ref (Outlet *outlet);
void outlet_unref (gpointer outlet);
void outlet_close (Outlet *outlet);
void outlet_video (Outlet *outlet, GstSample *sample, guint64 timestamp);
void outlet_audio (Outlet *outlet, GstSample *sample, guint64 timestamp);
void outlet_clear (Outlet *outlet);
void outlet_show_placeholder (Outlet *outlet);
void outlet_set_status (Outlet *outlet, const char *text, gboolean bad);
char *outlet_dup_status (Outlet *outlet, gboolean *bad);
void outlet_set_setting (Outlet *outlet, const char *key, const char *text);
void outlet_show_setting (Outlet *outlet, const char *key, const char *text);
void outlet_set_flag (Outlet *outlet, const char *key, gboolean value);
void outlet_set_unbuffered (Outlet *outlet, gboolean unbuffered);
void outlet_refresh_dialog (Outlet *outlet);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Outlet, outlet_unref)

G_END_DECLS
