/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the server decides, as scripts: what comes in, and what goes out. In
 * them @A … @D are peer ids and @R, @S rooms; epochs come out as @1, @2, … in
 * the order in which they first appear. */

#include <string.h>

#include "core/hub.h"

#define S G_USEC_PER_SEC

typedef struct {
  MeshHub *hub;
  gint64 now;
  guint64 seed;
  GPtrArray *epochs;
  MeshHubLimits limits;
} Fixture;

static inline char *
expand (const char *text)
{
  GString *out = g_string_new (NULL);

  for (; *text; text++) {
    if (*text == '@' && g_ascii_isupper (text[1]))
      g_string_append_printf (out, "00000000-0000-4000-8000-0000000000%02x",
          *++text);
    else
      g_string_append_c (out, *text == '\'' ? '"' : *text);
  }
  return g_string_free (out, FALSE);
}

static inline void
name_epoch (Fixture *f, GString *text)
{
  char *epoch = strstr (text->str, "\"epoch\":\"");
  g_autofree char *value = NULL;
  guint i;

  if (!epoch)
    return;
  value = g_strndup (epoch + 9, 16);
  if (!g_ptr_array_find_with_equal_func (f->epochs, value, g_str_equal, &i)) {
    g_ptr_array_add (f->epochs, g_strdup (value));
    i = f->epochs->len - 1;
  }
  g_string_erase (text, epoch + 9 - text->str, 16);
  g_string_insert_c (text, epoch + 9 - text->str, '1' + i);
  g_string_insert_c (text, epoch + 9 - text->str, '@');
}

static inline char *
shorten (Fixture *f, const char *data, gsize size)
{
  GString *text = g_string_new_len (data, size);

  name_epoch (f, text);
  for (char c = 'A'; c <= 'Z'; c++) {
    char name[3] = { '@', c, 0 };
    g_autofree char *id = expand (name);

    g_string_replace (text, id, name, 0);
  }
  g_string_replace (text, "\"", "'", 0);
  return g_string_free (text, FALSE);
}

/* All that the hub wants done, a line each: "1> FRAME" or "1x CODE". */
static inline void
expect (Fixture *f, const char *expected)
{
  g_autoptr (GString) got = g_string_new (NULL);
  MeshHubAction action;

  while (mesh_hub_pop_action (f->hub, &action)) {
    gsize size;
    const char *data =
        action.frame ? g_bytes_get_data (action.frame, &size) : NULL;

    if (action.type == MESH_HUB_SEND) {
      g_autofree char *text = shorten (f, data, size);

      g_string_append_printf (got, "%u> %s\n", (guint) action.client, text);
    } else if (action.type == MESH_HUB_CLOSE) {
      g_string_append_printf (got, "%ux %u\n", (guint) action.client,
          action.close_code);
    } else {
      /* for the operator: nobody's whole id */
      g_assert_null (strstr (data, "00000000-"));
    }
    mesh_hub_action_clear (&action);
  }
  g_assert_cmpstr (got->str, ==, expected);
}

static inline void
feed (Fixture *f, guint64 client, const char *frame)
{
  g_autofree char *text = expand (frame);

  mesh_hub_feed (f->hub, client, text, strlen (text), f->now);
}

static inline char *
make_hello (char id, char token, const char *cursor)
{
  g_autofree char *tokens = g_strnfill (22, token);

  return g_strdup_printf ("{'type':'hello','v':1,'room':'@R','id':'@%c',"
      "'token':'%s'%s}", id, tokens, cursor);
}

static inline void
hello (Fixture *f, guint64 client, char id, char token)
{
  g_autofree char *text = make_hello (id, token, "");

  mesh_hub_connected (f->hub, client, f->now);
  feed (f, client, text);
}

static inline void
hello_again (Fixture *f, guint64 client, char id, guint epoch, guint after)
{
  g_autofree char *cursor = g_strdup_printf (",'epoch':'%s','after':%u",
      (char *) g_ptr_array_index (f->epochs, epoch - 1), after);
  g_autofree char *text = make_hello (id, g_ascii_tolower (id), cursor);

  mesh_hub_connected (f->hub, client, f->now);
  feed (f, client, text);
}

static inline void
drain (Fixture *f)
{
  MeshHubAction action;

  while (mesh_hub_pop_action (f->hub, &action)) {
    if (action.type == MESH_HUB_SEND) {
      gsize size;
      const char *data = g_bytes_get_data (action.frame, &size);

      g_free (shorten (f, data, size)); /* notes the epochs */
    }
    mesh_hub_action_clear (&action);
  }
}

/* A, B, C … as clients 1, 2, 3 … in room R, what was said is read already. */
static inline void
fill_room (Fixture *f, guint members)
{
  for (guint i = 0; i < members; i++)
    hello (f, i + 1, 'A' + i, 'a' + i);
  drain (f);
}

static inline void
ack (Fixture *f, guint64 client, guint64 seq)
{
  g_autofree char *text =
      g_strdup_printf ("{'ack':%" G_GUINT64_FORMAT "}", seq);

  feed (f, client, text);
}

static inline void
start (Fixture *f)
{
  mesh_hub_free (f->hub);
  f->hub = mesh_hub_new (&f->limits, f->seed++);
}

static inline void
set_up (Fixture *f, gconstpointer data)
{
  f->now = 1000 * S;
  f->epochs = g_ptr_array_new_with_free_func (g_free);
  mesh_hub_limits_init (&f->limits);
  start (f);
}

static inline void
tear_down (Fixture *f, gconstpointer data)
{
  mesh_hub_free (f->hub);
  g_ptr_array_unref (f->epochs);
}
