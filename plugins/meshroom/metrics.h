/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/call.h"

G_BEGIN_DECLS

/* The sums of a call, for /metrics of the server that serve= runs. */

char *mesh_call_sums_to_text (const MeshCallSums *sums);

G_END_DECLS
