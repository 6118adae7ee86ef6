/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* tests/vectors/NAME; the caller owns it */
JsonNode *vectors_load (const char *name);
/* an entry's message, with its "repeat" or "around" carried out, as text */
char *vectors_get_text (JsonObject *entry);
/* that two pieces of JSON say the same, else prints both */
void vectors_assert_equal (const char *name, JsonNode *expected,
    JsonNode *actual);
