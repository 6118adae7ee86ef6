/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The room's times and limits are those of tests/vectors/timing.json, which
 * holds the page's to the same. */

#include "core/room.h"
#include "core/room-timing.h"

#include "vectors.h"

#define TIME(name) { #name, { name }, 1, MS (1) }
#define TIMES(name) { #name, name, G_N_ELEMENTS (((gint64[]) name)), MS (1) }
#define LIMIT(name) { #name, { name }, 1, 1 }

static const struct {
  const char *name;
  gint64 values[8];
  guint count;
  gint64 unit;
} constants[] = {
  TIMES (ASK_DELAYS), TIME (ASK_WITHOUT_WELCOME), TIME (TELL_AGAIN),
  LIMIT (ASKED_ENOUGH), TIME (REPAIR_LOWER), TIME (REPAIR_HIGHER),
  TIME (ROSTER_DELAY), TIME (ROSTER_INTERVAL), TIME (CALL_TIMEOUT),
  TIME (CONNECT_TIMEOUT), TIMES (RETRY_DELAYS), TIME (OTHER_SIDE_LATER),
  TIME (BARRED_TIME), LIMIT (WARN_AFTER), LIMIT (MAX_CANDIDATES),
  TIME (SILENCE_TIMEOUT), TIME (STEADY_SILENCE_TIMEOUT), TIME (STEADY_GAP),
  LIMIT (STEADY_AFTER), TIME (LOST_SILENCE_TIMEOUT),
  TIME (OLD_LINGERS), TIME (OLD_STAYS), TIME (OLD_SILENCE), TIME (LATE),
  LIMIT (PACE_FIRST), TIME (PACE_QUICK), TIME (PACE_SLOW),
  TIME (PACE_HOLDS_UP), TIME (STATE_INTERVAL), TIME (STATE_INTERVAL_LISTED),
  TIME (GHOST_TIMEOUT), TIME (NO_SIGN_TIMEOUT), LIMIT (MAX_MEMBERS),
  TIME (TELL_OUTDATED_INTERVAL), LIMIT (MAX_REINCARNATIONS),
};

static JsonNode *
write_constants (void)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_alloc ();

  for (guint i = 0; i < G_N_ELEMENTS (constants); i++) {
    JsonArray *array = json_array_new ();

    for (guint j = 0; j < constants[i].count; j++) {
      g_assert_cmpint (constants[i].values[j] % constants[i].unit, ==, 0);
      json_array_add_int_element (array,
          constants[i].values[j] / constants[i].unit);
    }
    if (constants[i].count > 1) {
      json_object_set_array_member (object, constants[i].name, array);
      continue;
    }
    json_object_set_int_member (object, constants[i].name,
        json_array_get_int_element (array, 0));
    json_array_unref (array);
  }
  json_node_init_object (node, object);
  json_object_unref (object);
  return node;
}

static void
the_room_has_these_times (void)
{
  g_autoptr (JsonNode) root = vectors_load ("timing.json");
  g_autoptr (JsonNode) ours = write_constants ();

  vectors_assert_equal ("room",
      json_object_get_member (json_node_get_object (root), "room"), ours);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/timing/room", the_room_has_these_times);
  return g_test_run ();
}
