/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The elements that the plugin registers. */
GST_ELEMENT_REGISTER_DECLARE (signalsrc);
GST_ELEMENT_REGISTER_DECLARE (signalsink);

G_END_DECLS
