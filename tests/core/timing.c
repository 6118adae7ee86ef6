/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The times and limits of the room and the client are those of
 * tests/vectors/timing.json, which holds the page's to the same. */

#include "core/client-timing.h"
#include "core/room.h"
#include "core/room-timing.h"

#include "vectors.h"

#define TIME(name) { #name, { name }, 1, MS (1) }
#define TIMES(name) { #name, name, G_N_ELEMENTS (((gint64[]) name)), MS (1) }
#define LIMIT(name) { #name, { name }, 1, 1 }

#define CLIENT_TIME(name) { #name, { MESH_CLIENT_##name }, 1, MS (1) }
#define CLIENT_LIMIT(name) { #name, { MESH_CLIENT_##name }, 1, 1 }

typedef struct {
  const char *name;
  gint64 values[8];
  guint count;
  gint64 unit;
} Constant;

static const Constant of_room[] = {
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
  TIME (WANT_INTERVAL), TIME (WANT_LARGER),
  TIME (GHOST_TIMEOUT), TIME (NO_SIGN_TIMEOUT), LIMIT (MAX_MEMBERS),
  TIME (TELL_OUTDATED_INTERVAL), LIMIT (MAX_REINCARNATIONS),
};

static const Constant of_client[] = {
  CLIENT_TIME (CONNECT_TIMEOUT), CLIENT_TIME (BACKOFF_FIRST),
  CLIENT_TIME (BACKOFF_MAX), CLIENT_TIME (SILENCE_TIMEOUT),
  CLIENT_TIME (STABLE), CLIENT_TIME (TAKEN_PATIENCE),
  CLIENT_TIME (TAKEN_RETRY), CLIENT_TIME (ACK_DELAY),
  CLIENT_LIMIT (ACK_COUNT),
};

static JsonNode *
write_constant (const Constant *constant)
{
  JsonNode *node = json_node_alloc ();
  JsonArray *array;

  for (guint i = 0; i < constant->count; i++)
    g_assert_cmpint (constant->values[i] % constant->unit, ==, 0);
  if (constant->count == 1)
    return json_node_init_int (node, constant->values[0] / constant->unit);
  array = json_array_new ();
  for (guint i = 0; i < constant->count; i++)
    json_array_add_int_element (array, constant->values[i] / constant->unit);
  json_node_take_array (json_node_init (node, JSON_NODE_ARRAY), array);
  return node;
}

static void
compare (const char *name, const Constant *constants, guint count)
{
  g_autoptr (JsonNode) root = vectors_load ("timing.json");
  g_autoptr (JsonNode) ours = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < count; i++)
    json_object_set_member (object, constants[i].name,
        write_constant (&constants[i]));
  json_node_take_object (ours, object);
  vectors_assert_equal (name,
      json_object_get_member (json_node_get_object (root), name), ours);
}

static void
the_room_has_these_times (void)
{
  compare ("room", of_room, G_N_ELEMENTS (of_room));
}

static void
the_client_has_these_times (void)
{
  compare ("client", of_client, G_N_ELEMENTS (of_client));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/timing/room", the_room_has_these_times);
  g_test_add_func ("/timing/client", the_client_has_these_times);
  return g_test_run ();
}
