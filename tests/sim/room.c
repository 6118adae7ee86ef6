/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A member's room, in either language: the core's own, or the page's, which
 * runs in one node process for all schedules (page-rooms.mjs). The process is
 * told what happens in lines, in the words of tests/vectors/README.md, and
 * asked what comes of it only when somebody wants to know. Beside a page's room
 * runs one of the core that is told the same: both have to want the same. */

#include "sim.h"

#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/room-actions.h"

struct _SimRoom {
  World *world;
  MeshRoom *core;               /* NULL: no twin of a page's room */
  guint page;                   /* its number in the process; 0: none */
  gboolean asked;               /* nothing has happened since */
  GQueue actions;               /* MeshRoomAction, of the page */
  gint64 deadline;
  gboolean hosts;
};

static struct {
  int in, out;
  gboolean runs;
  guint n_rooms;
  GString *lines;               /* not sent yet */
  GString *answer;
  char *mutant;
} page;

void
sim_page_break (const char *mutant)
{
  page.mutant = g_strdup (mutant);
}

static void
start_page (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *script = g_build_filename (g_getenv ("MESH_SOURCE_ROOT"),
      "tests", "sim", "page-rooms.mjs", NULL);
  char *argv[] = { "node", script, page.mutant, NULL };

  if (page.runs)
    return;
  if (!g_spawn_async_with_pipes (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
          NULL, NULL, &page.in, &page.out, NULL, &error))
    g_error ("%s", error->message);
  page.runs = TRUE;
  page.lines = g_string_new (NULL);
  page.answer = g_string_new (NULL);
}

static void
send_lines (void)
{
  for (gsize done = 0; done < page.lines->len;) {
    gssize n = write (page.in, page.lines->str + done, page.lines->len - done);

    if (n <= 0)
      g_error ("the page's rooms are gone");
    done += n;
  }
  g_string_truncate (page.lines, 0);
}

/* Asks for what the last line wants to know; an answer ends in a line with a
 * dot. */
static char **
ask (void)
{
  send_lines ();
  g_string_truncate (page.answer, 0);
  while (!g_str_has_suffix (page.answer->str, "\n.\n")) {
    char bytes[8192];
    gssize n = read (page.out, bytes, sizeof bytes);

    if (n <= 0)
      g_error ("the page's rooms are gone");
    g_string_append_len (page.answer, bytes, n);
  }
  g_string_truncate (page.answer, page.answer->len - 3);
  return g_strsplit (page.answer->str, "\n", -1);
}

/* A line for the page's room: what happens, when, and @format's further fields.
 * Nothing in them needs to be escaped. */
static void G_GNUC_PRINTF (4, 5)
tell (SimRoom *room, const char *in, gint64 now, const char *format, ...)
{
  va_list args;

  if (!room->page)
    return;
  room->asked = FALSE;
  g_string_append_printf (page.lines, "{\"room\":%u,\"in\":\"%s\",\"at\":%"
      G_GINT64_FORMAT, room->page, in, now / 1000);
  va_start (args, format);
  g_string_append_vprintf (page.lines, format, args);
  va_end (args);
  g_string_append (page.lines, "}\n");
}

static void
tell_of_attempt (SimRoom *room, const char *in, const char *peer,
    const char *sid, gint64 now)
{
  tell (room, in, now, ",\"peer\":\"%s\",\"sid\":\"%s\"", peer, sid);
}

const char *
sim_room_action_name (MeshRoomActionType type)
{
  return action_names[type];
}

static char *
get_text (JsonObject *object, const char *name)
{
  return g_strdup (json_object_get_string_member_with_default (object, name,
          NULL));
}

static gboolean
is_set (JsonObject *object, const char *name)
{
  return json_object_get_boolean_member_with_default (object, name, FALSE);
}

static MeshRoomAction *
read_action (JsonObject *object)
{
  MeshRoomAction *action = g_new0 (MeshRoomAction, 1);
  const char *name = json_object_get_string_member (object, "do");
  JsonArray *codecs = json_object_has_member (object, "codecs")
      ? json_object_get_array_member (object, "codecs") : NULL;

  while (strcmp (action_names[action->type], name) != 0)
    action->type++;
  action->peer = get_text (object, "peer");
  action->sid = get_text (object, "sid");
  action->reason = get_text (object, "reason");
  action->text = get_text (object, "text");
  action->name = get_text (object, "name");
  action->sdp_type = get_text (object, "type");
  action->sdp = get_text (object, "sdp");
  action->candidate = get_text (object, "candidate");
  action->mid = get_text (object, "mid");
  action->mline = json_object_get_int_member_with_default (object, "mline", -1);
  action->want.width
      = json_object_get_int_member_with_default (object, "width", 0);
  action->want.height
      = json_object_get_int_member_with_default (object, "height", 0);
  action->want.fps
      = json_object_get_int_member_with_default (object, "fps", 0);
  action->muted = is_set (object, "muted");
  action->hidden = is_set (object, "hidden");
  action->offerer = is_set (object, "offerer");
  for (guint i = 0; codecs && i < json_array_get_length (codecs); i++) {
    if (!action->codecs)
      action->codecs = g_new0 (char *, json_array_get_length (codecs) + 1);
    action->codecs[i] = g_strdup (json_array_get_string_element (codecs, i));
  }
  return action;
}

static MeshRoomAction *
read_line (const char *line)
{
  g_autoptr (GError) error = NULL;
  MeshRoomAction *action;

  if (g_str_has_prefix (line, "send ")) {
    action = g_new0 (MeshRoomAction, 1);
    action->mline = -1;
    action->message = mesh_message_parse (line + 5, strlen (line + 5), &error);
    g_assert_no_error (error);
    action->peer = g_strdup (action->message->to);
  } else {
    g_autoptr (JsonNode) node = json_from_string (line, &error);

    g_assert_no_error (error);
    action = read_action (json_node_get_object (node));
  }
  return action;
}

static void
free_action (MeshRoomAction *action)
{
  mesh_room_action_clear (action);
  g_free (action);
}

/* What a person is warned of is worded by each. */
static char *
describe (const MeshRoomAction *action)
{
  g_autofree char *message = action->message
      ? mesh_message_to_json (action->message) : NULL;
  g_autofree char *codecs = action->codecs
      ? g_strjoinv (" ", action->codecs) : NULL;

  return g_strdup_printf ("%s %s %s %s %s %s %i %i %i %s %s %s %s %i %s "
      "%ux%u %u %s",
      action_names[action->type], action->peer, action->sid, action->reason,
      action->type == MESH_ROOM_WARNING ? "" : action->text, action->name,
      action->muted, action->hidden, action->offerer, codecs, action->sdp_type,
      action->sdp, action->candidate, action->mline, action->mid,
      action->want.width, action->want.height, action->want.fps, message);
}

static void
compare_actions (SimRoom *room)
{
  MeshRoomAction core;

  for (GList *l = room->actions.head; l; l = l->next) {
    g_autofree char *theirs = describe (l->data);
    g_autofree char *ours = NULL;

    if (mesh_room_pop_action (room->core, &core)) {
      ours = describe (&core);
      mesh_room_action_clear (&core);
    }
    if (g_strcmp0 (ours, theirs) != 0)
      sim_violation (room->world, "the page wants:\n%s\nand the core:\n%s",
          theirs, ours);
  }
  if (!mesh_room_pop_action (room->core, &core))
    return;
  sim_violation (room->world, "the core wants %s of %s, and the page does not",
      action_names[core.type], core.peer);
  mesh_room_action_clear (&core);
}

static void
compare (SimRoom *room)
{
  gint64 deadline = mesh_room_deadline (room->core);

  compare_actions (room);
  if (deadline != room->deadline)
    sim_violation (room->world, "the page is due at %" G_GINT64_FORMAT
        ", the core at %" G_GINT64_FORMAT, room->deadline, deadline);
  if (room->hosts != mesh_room_hosts (room->core))
    sim_violation (room->world, "only %s thinks that it hosts",
        room->hosts ? "the page" : "the core");
}

/* What has come of all that the page's room was told. */
static void
find_out (SimRoom *room)
{
  g_auto (GStrv) lines = NULL;
  char *end;

  if (!room->page || room->asked)
    return;
  tell (room, "ask", 0, "%s", "");
  room->asked = TRUE;
  lines = ask ();
  if (lines[0][0] == '!') {
    sim_violation (room->world, "the page throws %s", lines[0] + 1);
    return;
  }
  room->deadline = g_ascii_strtoll (lines[0], &end, 10);
  room->deadline = room->deadline < 0 ? G_MAXINT64 : room->deadline * 1000;
  room->hosts = strcmp (end, " true") == 0;
  for (guint i = 1; lines[i]; i++)
    g_queue_push_tail (&room->actions, read_line (lines[i]));
  if (room->core)
    compare (room);
}

SimRoom *
sim_room_new (World *world, const MeshRoomConfig *config, gboolean is_page)
{
  SimRoom *room = g_new0 (SimRoom, 1);

  room->world = world;
  if (!is_page || !page.mutant)
    room->core = mesh_room_new (config);
  if (!is_page)
    return room;
  start_page ();
  room->page = ++page.n_rooms;
  tell (room, "new", 0, ",\"id\":\"%s\",\"inc\":\"%s\",\"name\":\"%s\"%s%s%s",
      config->id, config->inc, config->name, config->room ? ",\"room_id\":\""
      : "", config->room ? config->room : "", config->room ? "\"" : "");
  return room;
}

void
sim_room_free (SimRoom *room)
{
  if (!room)
    return;
  tell (room, "free", 0, "%s", "");
  g_queue_clear_full (&room->actions, (GDestroyNotify) free_action);
  mesh_room_free (room->core);
  g_free (room);
}

gboolean
sim_room_pop_action (SimRoom *room, MeshRoomAction *action)
{
  g_autofree MeshRoomAction *next = NULL;

  if (!room->page)
    return mesh_room_pop_action (room->core, action);
  find_out (room);
  next = g_queue_pop_head (&room->actions);
  if (next)
    *action = *next;
  return next != NULL;
}

gint64
sim_room_deadline (SimRoom *room)
{
  find_out (room);
  return room->page ? room->deadline : mesh_room_deadline (room->core);
}

gboolean
sim_room_hosts (SimRoom *room)
{
  find_out (room);
  return room->page ? room->hosts : mesh_room_hosts (room->core);
}

void
sim_room_foreach_peer (SimRoom *room, MeshPeerFunc func, gpointer user_data)
{
  g_auto (GStrv) lines = NULL;

  if (!room->page) {
    mesh_room_foreach_peer (room->core, func, user_data);
    return;
  }
  find_out (room);
  tell (room, "peers", 0, "%s", "");
  room->asked = TRUE;
  lines = ask ();
  /* The first line is empty. */
  for (guint i = 1; lines[i]; i++) {
    g_auto (GStrv) words = g_strsplit (lines[i], " ", -1);
    MeshPeerInfo info = {
      .id = words[0],
      .phase = strcmp (words[1], "connected") == 0 ? MESH_PEER_CONNECTED
          : MESH_PEER_IDLE,
      .muted = strcmp (words[2], "true") == 0,
    };

    func (&info, user_data);
  }
}

void
sim_room_join (SimRoom *room, gint64 now)
{
  if (room->core)
    mesh_room_join (room->core, now);
  tell (room, "join", now, "%s", "");
}

void
sim_room_feed (SimRoom *room, const MeshMessage *message, gint64 now)
{
  g_autofree char *json = room->page ? mesh_message_to_json (message) : NULL;

  if (room->core)
    mesh_room_feed (room->core, message, now);
  tell (room, "feed", now, ",\"message\":%s", json);
}

void
sim_room_tick (SimRoom *room, gint64 now)
{
  if (room->core)
    mesh_room_tick (room->core, now);
  tell (room, "tick", now, "%s", "");
}

void
sim_room_leave (SimRoom *room, gint64 now)
{
  if (room->core)
    mesh_room_leave (room->core, now);
  tell (room, "leave", now, "%s", "");
}

void
sim_room_set_muted (SimRoom *room, const char *name, gboolean muted, gint64 now)
{
  if (room->core)
    mesh_room_set_state (room->core, name, muted, FALSE, now);
  tell (room, "state", now, ",\"name\":\"%s\",\"muted\":%s,\"hidden\":false",
      name, muted ? "true" : "false");
}

void
sim_room_want (SimRoom *room, const char *peer, guint size, gint64 now)
{
  if (room->core)
    mesh_room_want (room->core, peer, size, size, size > 0 ? 30 : 0, now);
  tell (room, "want", now, ",\"peer\":\"%s\",\"width\":%u,\"height\":%u,"
      "\"fps\":%u", peer, size, size, size > 0 ? 30 : 0);
}

/* An incarnation that is not newer is refused. */
gboolean
sim_room_reincarnate (SimRoom *room, const char *inc, gint64 now)
{
  gboolean is_newer = !room->core
      || mesh_room_reincarnate (room->core, inc, now);

  tell (room, "reincarnate", now, ",\"inc\":\"%s\"", inc);
  return is_newer;
}

/* A candidate, and the description, which comes after. */
void
sim_room_local (SimRoom *room, const char *peer, const char *sid,
    const char *type, const char *sdp, gint64 now)
{
  if (room->core) {
    mesh_room_local_candidate (room->core, peer, sid, "candidate:1", 0, NULL,
        now);
    mesh_room_local_sdp (room->core, peer, sid, type, sdp, now);
  }
  tell (room, "local-candidate", now, ",\"peer\":\"%s\",\"sid\":\"%s\","
      "\"candidate\":\"candidate:1\",\"mline\":0", peer, sid);
  tell (room, "local-sdp", now, ",\"peer\":\"%s\",\"sid\":\"%s\","
      "\"type\":\"%s\",\"sdp\":\"%s\"", peer, sid, type, sdp);
}

void
sim_room_connected (SimRoom *room, const char *peer, const char *sid,
    gint64 now)
{
  if (room->core)
    mesh_room_connected (room->core, peer, sid, now);
  tell_of_attempt (room, "connected", peer, sid, now);
}

void
sim_room_heard (SimRoom *room, const char *peer, const char *sid, gint64 now)
{
  if (room->core)
    mesh_room_heard (room->core, peer, sid, now);
  tell_of_attempt (room, "heard", peer, sid, now);
}

void
sim_room_shown (SimRoom *room, const char *peer, const char *sid, gint64 now)
{
  if (room->core)
    mesh_room_shown (room->core, peer, sid, now);
  tell_of_attempt (room, "shown", peer, sid, now);
}

void
sim_room_failed (SimRoom *room, const char *peer, const char *sid, gint64 now)
{
  if (room->core)
    mesh_room_failed (room->core, peer, sid, NULL, now);
  tell_of_attempt (room, "failed", peer, sid, now);
}

void
sim_room_hurry (SimRoom *room, gint64 now)
{
  if (room->core)
    mesh_room_hurry (room->core, now);
  tell (room, "hurry", now, "%s", "");
}

void
sim_room_renew (SimRoom *room, const char *peer, const char *sid, gint64 now)
{
  if (room->core)
    mesh_room_renew (room->core, peer, sid, now);
  tell_of_attempt (room, "renew", peer, sid, now);
}
