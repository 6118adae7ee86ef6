/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/json.h"
#include "core/message.h"

/* Internal to message.c; other files call mesh_message_parse(). */

gboolean mesh_message_read (MeshMessage *self, JsonObject *object,
    GError **error);
