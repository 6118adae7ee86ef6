/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The client's half of the envelope, without a network and in made-up time:
 * the client is told what its transport would tell, and its actions are taken
 * out one by one. */

#include <string.h>

#include "core/client.h"
#include "core/error.h"

#define ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define ALICE "aaaaaaaa-0000-4000-8000-000000000000"
#define BOB "bbbbbbbb-0000-4000-8000-000000000000"
#define SECOND G_GINT64_CONSTANT (1000000)

#define CHAT(text) \
  "{\"type\":\"chat\",\"from\":\"" ALICE "\",\"to\":\"" BOB "\",\"text\":\"" \
  text "\"}"
#define WELCOME(epoch, resumed, mid) \
  "{\"type\":\"welcome\",\"id\":\"" ALICE "\",\"room\":\"" ROOM \
  "\",\"epoch\":\"" epoch "\",\"resumed\":" resumed ",\"mid\":" mid \
  ",\"host\":\"" ALICE "\",\"members\":[\"" ALICE "\"]}"
#define HELLO_START \
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" ALICE \
  "\",\"token\":\"AAAAAAAAAAAAAAAAAAAAAA\""

static inline MeshClient *
make_client (const char *id, guint32 seed)
{
  MeshClientConfig config = {
    .server = "the server",
    .room = ROOM,
    .id = id,
    .token = "AAAAAAAAAAAAAAAAAAAAAA",
    .seed = seed,
  };

  return mesh_client_new (&config);
}

static inline void
expect (MeshClient *client, MeshClientActionType type, const char *text)
{
  MeshClientAction action;

  if (!mesh_client_pop_action (client, &action))
    g_error ("no action where %d (%s) is due", type, text ? text : "");
  if (action.type != type || (text && g_strcmp0 (action.text, text) != 0))
    g_error ("action %d (%s%s) where %d (%s) is due", action.type,
        action.text ? action.text : "",
        action.error ? action.error->message : "", type, text ? text : "");
  mesh_client_action_clear (&action);
}

static inline void
expect_error (MeshClient *client, MeshClientActionType type, MeshError code)
{
  MeshClientAction action;

  g_assert_true (mesh_client_pop_action (client, &action));
  g_assert_cmpint (action.type, ==, type);
  g_assert_error (action.error, MESH_ERROR, (int) code);
  mesh_client_action_clear (&action);
}

static inline void
expect_nothing (MeshClient *client)
{
  MeshClientAction action;

  if (mesh_client_pop_action (client, &action))
    g_error ("action %d (%s%s) where none is due", action.type,
        action.text ? action.text : "",
        action.error ? action.error->message : "");
}

static inline void
feed (MeshClient *client, const char *text, gint64 now)
{
  mesh_client_feed (client, text, strlen (text), now);
}

static inline void
send_text (MeshClient *client, const char *text)
{
  g_autoptr (GError) error = NULL;

  mesh_client_send (client, text, strlen (text), &error);
  g_assert_no_error (error);
}

static inline MeshClient *
make_online (gint64 now)
{
  MeshClient *client = make_client (ALICE, 1);

  mesh_client_start (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  expect (client, MESH_CLIENT_SEND, HELLO_START "}");
  feed (client, WELCOME ("e1", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE,
      "{\"type\":\"welcome\",\"id\":\"" ALICE "\",\"room\":\"" ROOM
      "\",\"resumed\":false,\"host\":\"" ALICE "\",\"members\":[\"" ALICE
      "\"]}");
  expect_nothing (client);
  return client;
}

static inline void
lose (MeshClient *client, gint64 now)
{
  mesh_client_closed (client, NULL, now);
  expect (client, MESH_CLIENT_MESSAGE, "{\"type\":\"offline\"}");
  expect_error (client, MESH_CLIENT_LOST, MESH_ERROR_UNREACHABLE);
  expect_nothing (client);
}

/* Up to the hello, which is not looked at. */
static inline gint64
reconnect (MeshClient *client)
{
  gint64 now = mesh_client_deadline (client);

  mesh_client_tick (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  return now;
}
