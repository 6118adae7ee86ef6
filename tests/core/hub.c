/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server decides, as scripts: what comes in, and what goes out. In
 * them @A … @D are peer ids and @R, @S rooms; epochs come out as @1, @2, … in
 * the order in which they first appear. */

#include "core/hub.h"

#include <string.h>

#define S G_USEC_PER_SEC

typedef struct {
  MeshHub *hub;
  gint64 now;
  guint64 seed;
  GPtrArray *epochs;
  MeshHubLimits limits;
} Fixture;

static char *
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

static void
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

static char *
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
static void
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

static void
feed (Fixture *f, guint64 client, const char *frame)
{
  g_autofree char *text = expand (frame);

  mesh_hub_feed (f->hub, client, text, strlen (text), f->now);
}

static char *
make_hello (char id, char token, const char *cursor)
{
  g_autofree char *tokens = g_strnfill (22, token);

  return g_strdup_printf ("{'type':'hello','v':1,'room':'@R','id':'@%c',"
      "'token':'%s'%s}", id, tokens, cursor);
}

static void
hello (Fixture *f, guint64 client, char id, char token)
{
  g_autofree char *text = make_hello (id, token, "");

  mesh_hub_connected (f->hub, client, f->now);
  feed (f, client, text);
}

static void
hello_again (Fixture *f, guint64 client, char id, guint epoch, guint after)
{
  g_autofree char *cursor = g_strdup_printf (",'epoch':'%s','after':%u",
      (char *) g_ptr_array_index (f->epochs, epoch - 1), after);
  g_autofree char *text = make_hello (id, g_ascii_tolower (id), cursor);

  mesh_hub_connected (f->hub, client, f->now);
  feed (f, client, text);
}

static void
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
static void
fill_room (Fixture *f, guint members)
{
  for (guint i = 0; i < members; i++)
    hello (f, i + 1, 'A' + i, 'a' + i);
  drain (f);
}

static void
ack (Fixture *f, guint64 client, guint64 seq)
{
  g_autofree char *text =
      g_strdup_printf ("{'ack':%" G_GUINT64_FORMAT "}", seq);

  feed (f, client, text);
}

static void
start (Fixture *f)
{
  mesh_hub_free (f->hub);
  f->hub = mesh_hub_new (&f->limits, f->seed++);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->now = 1000 * S;
  f->epochs = g_ptr_array_new_with_free_func (g_free);
  mesh_hub_limits_init (&f->limits);
  start (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  mesh_hub_free (f->hub);
  g_ptr_array_unref (f->epochs);
}

static void
first_one_hosts_and_others_are_told (Fixture *f, gconstpointer data)
{
  hello (f, 1, 'A', 'a');
  expect (f, "1> {'type':'welcome','id':'@A','room':'@R','epoch':'@1',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A']}\n");
  hello (f, 2, 'B', 'b');
  expect (f, "1> {'seq':1,'event':{'type':'joined','id':'@B'}}\n"
      "2> {'type':'welcome','id':'@B','room':'@R','epoch':'@2',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A','@B']}\n");
}

static void
messages_are_stamped_and_passed_on_as_they_are (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  feed (f, 2, "{'mid':1,'to':'@A','payload':{ 'from' : '@A', 'x':1.50 }}");
  expect (f, "1> {'seq':2,'from':'@B','payload':{ 'from' : '@A', 'x':1.50 }}\n"
      "2> {'mid':1}\n");
}

static void
the_room_is_its_host (Fixture *f, gconstpointer data)
{
  fill_room (f, 3);
  feed (f, 3, "{'mid':1,'to':'@R','payload':{}}");
  expect (f, "1> {'seq':3,'from':'@C','payload':{}}\n3> {'mid':1}\n");
}

static void
one_mid_answers_many_sends (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  feed (f, 2, "{'mid':1,'to':'@A','payload':{}}");
  feed (f, 2, "{'mid':2,'to':'@A','payload':{}}");
  expect (f, "1> {'seq':2,'from':'@B','payload':{}}\n"
      "1> {'seq':3,'from':'@B','payload':{}}\n2> {'mid':2}\n");
}

static void
a_send_is_taken_once (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  feed (f, 2, "{'mid':5,'to':'@A','payload':{}}");
  drain (f);
  feed (f, 2, "{'mid':5,'to':'@A','payload':{'again':1}}");
  feed (f, 2, "{'mid':4,'to':'@A','payload':{'late':1}}");
  expect (f, "2> {'mid':5}\n");
}

static void
nobody_there_is_told (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  feed (f, 1, "{'mid':1,'to':'@X','payload':{}}");
  expect (f, "1> {'seq':1,'event':{'type':'undeliverable','to':'@X',"
      "'reason':'gone'}}\n1> {'mid':1}\n");
  feed (f, 1, "{'mid':2,'to':'@A','payload':{}}");      /* to itself */
  expect (f, "1> {'seq':2,'event':{'type':'undeliverable','to':'@A',"
      "'reason':'gone'}}\n1> {'mid':2}\n");
}

static void
rooms_are_apart (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  mesh_hub_connected (f->hub, 9, f->now);
  feed (f, 9, "{'type':'hello','v':1,'room':'@S','id':'@B',"
      "'token':'bbbbbbbbbbbbbbbbbbbbbb'}");
  drain (f);
  feed (f, 9, "{'mid':1,'to':'@A','payload':{}}");
  expect (f, "9> {'seq':1,'event':{'type':'undeliverable','to':'@A',"
      "'reason':'gone'}}\n9> {'mid':1}\n");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->rooms, ==, 2);
}

static void
resuming_loses_nothing (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);             /* A has joined(B) as 1 */
  mesh_hub_disconnected (f->hub, 1);
  feed (f, 2, "{'mid':1,'to':'@A','payload':{'n':1}}");
  feed (f, 2, "{'mid':2,'to':'@A','payload':{'n':2}}");
  expect (f, "2> {'mid':2}\n");
  hello_again (f, 3, 'A', 1, 2);
  expect (f, "3> {'type':'welcome','id':'@A','room':'@R','epoch':'@1',"
      "'resumed':true,'mid':0,'host':'@A','members':['@A','@B']}\n"
      "3> {'seq':3,'from':'@B','payload':{'n':2}}\n");
  hello_again (f, 4, 'A', 1, 2);        /* again, nothing acknowledged */
  expect (f, "3> {'type':'error','code':'replaced','message':"
      "'another connection took over'}\n3x 4409\n"
      "4> {'type':'welcome','id':'@A','room':'@R','epoch':'@1',"
      "'resumed':true,'mid':0,'host':'@A','members':['@A','@B']}\n"
      "4> {'seq':3,'from':'@B','payload':{'n':2}}\n");
}

static void
resuming_tells_what_was_taken (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  feed (f, 2, "{'mid':41,'to':'@A','payload':{}}");
  mesh_hub_disconnected (f->hub, 2);    /* before it read its mid */
  drain (f);
  hello_again (f, 3, 'B', 2, 0);
  expect (f, "3> {'type':'welcome','id':'@B','room':'@R','epoch':'@2',"
      "'resumed':true,'mid':41,'host':'@A','members':['@A','@B']}\n");
}

static void
a_cursor_that_fits_nothing_starts_afresh (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  ack (f, 1, 1);
  hello_again (f, 3, 'A', 1, 0);        /* 1 is forgotten */
  expect (f, "1> {'type':'error','code':'replaced','message':"
      "'another connection took over'}\n1x 4409\n"
      "3> {'type':'welcome','id':'@A','room':'@R','epoch':'@3',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A','@B']}\n");
  hello_again (f, 4, 'A', 2, 0);        /* another box */
  expect (f, "3> {'type':'error','code':'replaced','message':"
      "'another connection took over'}\n3x 4409\n"
      "4> {'type':'welcome','id':'@A','room':'@R','epoch':'@4',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A','@B']}\n");
  feed (f, 2, "{'mid':1,'to':'@A','payload':{}}");      /* numbers start anew */
  expect (f, "4> {'seq':1,'from':'@B','payload':{}}\n2> {'mid':1}\n");
}

static void
after_a_restart_everything_is_new (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  start (f);
  hello_again (f, 7, 'A', 1, 0);
  expect (f, "7> {'type':'welcome','id':'@A','room':'@R','epoch':'@2',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A']}\n");
  feed (f, 7, "{'mid':38,'to':'@X','payload':{}}");     /* an old number */
  expect (f, "7> {'seq':1,'event':{'type':'undeliverable','to':'@X',"
      "'reason':'gone'}}\n7> {'mid':38}\n");
}

static void
an_id_belongs_to_its_token (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  hello (f, 2, 'A', 'x');
  expect (f, "2> {'type':'error','code':'id-taken','message':"
      "'this id has an owner'}\n2x 4403\n");
  mesh_hub_disconnected (f->hub, 1);
  hello (f, 3, 'A', 'x');       /* also while its owner is away */
  expect (f, "3> {'type':'error','code':'id-taken','message':"
      "'this id has an owner'}\n3x 4403\n");
  f->now += 10 * S;
  mesh_hub_tick (f->hub, f->now);
  hello (f, 4, 'A', 'x');       /* until the owner has left */
  expect (f, "4> {'type':'welcome','id':'@A','room':'@R','epoch':'@2',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A']}\n");
}

static void
the_room_has_no_body (Fixture *f, gconstpointer data)
{
  mesh_hub_connected (f->hub, 1, f->now);
  feed (f, 1, "{'type':'hello','v':1,'room':'@R','id':'@R',"
      "'token':'aaaaaaaaaaaaaaaaaaaaaa'}");
  expect (f, "1> {'type':'error','code':'refused','message':"
      "'the id is the room\'s'}\n1x 4403\n");
}

static void
bye_leaves_at_once (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  feed (f, 2, "{'mid':1,'to':'@A','payload':{'last':'words'}}");
  feed (f, 2, "{'type':'bye'}");
  expect (f, "1> {'seq':2,'from':'@B','payload':{'last':'words'}}\n2x 1000\n"
      "1> {'seq':3,'event':{'type':'left','id':'@B','reason':'bye'}}\n");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->members, ==, 1);
}

static void
the_longest_standing_becomes_host (Fixture *f, gconstpointer data)
{
  fill_room (f, 3);
  feed (f, 1, "{'type':'bye'}");
  expect (f, "1x 1000\n"
      "2> {'seq':2,'event':{'type':'left','id':'@A','reason':'bye'}}\n"
      "3> {'seq':1,'event':{'type':'left','id':'@A','reason':'bye'}}\n"
      "2> {'seq':3,'event':{'type':'host','id':'@B'}}\n"
      "3> {'seq':2,'event':{'type':'host','id':'@B'}}\n");
  hello (f, 4, 'A', 'a');       /* back: the last in the row */
  drain (f);
  feed (f, 4, "{'mid':1,'to':'@R','payload':{}}");
  expect (f, "2> {'seq':5,'from':'@A','payload':{}}\n4> {'mid':1}\n");
}

static void
the_last_one_takes_the_room_along (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  feed (f, 1, "{'type':'bye'}");
  feed (f, 2, "{'type':'bye'}");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->rooms, ==, 0);
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->members, ==, 0);
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->clients, ==, 0);
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->box_bytes, ==, 0);
}

static void
a_lease_runs_from_the_last_sign_of_life (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  mesh_hub_disconnected (f->hub, 2);
  g_assert_cmpint (mesh_hub_deadline (f->hub), ==, f->now + 10 * S);
  f->now += 9 * S;
  mesh_hub_heard (f->hub, 1, f->now);   /* A's pong */
  mesh_hub_tick (f->hub, f->now);
  expect (f, "");
  f->now += 1 * S;
  mesh_hub_tick (f->hub, f->now);
  expect (f, "1> {'seq':2,'event':{'type':'left','id':'@B',"
      "'reason':'timeout'}}\n");
  g_assert_cmpint (mesh_hub_deadline (f->hub), ==, f->now + 9 * S);
}

static void
silence_on_an_open_socket_ends_too (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  f->now += 10 * S;
  mesh_hub_tick (f->hub, f->now);
  expect (f, "1> {'type':'error','code':'slow','message':"
      "'nothing was heard'}\n1x 4410\n");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->members, ==, 0);
  g_assert_cmpint (mesh_hub_deadline (f->hub), ==, G_MAXINT64);
}

static void
a_driver_that_slept_blames_nobody (Fixture *f, gconstpointer data)
{
  fill_room (f, 2);
  mesh_hub_disconnected (f->hub, 2);
  f->now += 60 * S;             /* the whole process was stopped */
  mesh_hub_tick (f->hub, f->now);
  expect (f, "");
  mesh_hub_heard (f->hub, 1, f->now);
  g_assert_cmpint (mesh_hub_deadline (f->hub), ==, f->now + 5 * S);
  f->now += 5 * S;
  mesh_hub_tick (f->hub, f->now);
  expect (f, "1> {'seq':2,'event':{'type':'left','id':'@B',"
      "'reason':'timeout'}}\n");
}

static void
hello_has_ten_seconds (Fixture *f, gconstpointer data)
{
  mesh_hub_connected (f->hub, 1, f->now);
  g_assert_cmpint (mesh_hub_deadline (f->hub), ==, f->now + 10 * S);
  f->now += 10 * S - 1;
  mesh_hub_heard (f->hub, 1, f->now);   /* a ping is no hello */
  mesh_hub_tick (f->hub, f->now);
  expect (f, "");
  f->now += 1;
  mesh_hub_tick (f->hub, f->now);
  expect (f, "1> {'type':'error','code':'hello-timeout','message':"
      "'no hello'}\n1x 4408\n");
}

static void
ping_is_answered (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  feed (f, 1, "{'type':'ping'}");
  expect (f, "1> {'type':'pong'}\n");
}

static void
bad_frames_are_final (Fixture *f, gconstpointer data)
{
  static const struct {
    gboolean member;
    const char *frame;
    const char *code;
    guint close_code;
  } cases[] = {
    { FALSE, "{'ack':1}", "bad-message", 4400 },
    { FALSE, "{'type':'ping'}", "bad-message", 4400 },
    { FALSE, "{'type':'bye'}", "bad-message", 4400 },
    { FALSE, "{'mid':1,'to':'@A','payload':{}}", "bad-message", 4400 },
    { FALSE, "junk", "bad-message", 4400 },
    { FALSE, "{'type':'hello','v':2,'room':'@R','id':'@A',"
          "'token':'aaaaaaaaaaaaaaaaaaaaaa'}", "refused", 4403 },
    { TRUE, "junk", "bad-message", 4400 },
    { TRUE, "{'mid':1,'to':'@A','payload':{}},{}", "bad-message", 4400 },
    { TRUE, "{'type':'hello','v':1,'room':'@R','id':'@A',"
          "'token':'aaaaaaaaaaaaaaaaaaaaaa'}", "bad-message", 4400 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    MeshHubAction action;
    g_autofree char *error = NULL, *code = NULL;
    gsize size;

    start (f);
    if (cases[i].member)
      fill_room (f, 1);
    else
      mesh_hub_connected (f->hub, 1, f->now);
    feed (f, 1, cases[i].frame);
    g_assert_true (mesh_hub_pop_action (f->hub, &action));
    g_assert_cmpint (action.type, ==, MESH_HUB_SEND);
    error = g_strdup (g_bytes_get_data (action.frame, &size));
    error = g_realloc (error, size + 1);
    error[size] = 0;
    code = g_strdup_printf ("{\"type\":\"error\",\"code\":\"%s\",",
        cases[i].code);
    g_assert_true (g_str_has_prefix (error, code));
    mesh_hub_action_clear (&action);
    while (mesh_hub_pop_action (f->hub, &action)
        && action.type != MESH_HUB_CLOSE)
      mesh_hub_action_clear (&action);
    g_assert_cmpint (action.type, ==, MESH_HUB_CLOSE);
    g_assert_cmpuint (action.close_code, ==, cases[i].close_code);
    feed (f, 1, "{'type':'ping'}");     /* it is not listened to any more */
    mesh_hub_disconnected (f->hub, 1);
    expect (f, "");
  }
}

static void
a_full_box_is_told_and_kept (Fixture *f, gconstpointer data)
{
  f->limits.box_frames = 2;
  start (f);
  fill_room (f, 2);
  ack (f, 1, 1);
  feed (f, 2, "{'mid':1,'to':'@A','payload':{'n':1}}");
  feed (f, 2, "{'mid':2,'to':'@A','payload':{'n':2}}");
  drain (f);
  feed (f, 2, "{'mid':3,'to':'@A','payload':{'n':3}}");
  expect (f, "1> {'type':'error','code':'slow','message':'mailbox is full'}\n"
      "1x 4410\n2> {'seq':1,'event':{'type':'undeliverable','to':'@A',"
      "'reason':'full'}}\n2> {'mid':3}\n");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->dropped, ==, 1);
  hello_again (f, 3, 'A', 1, 1);        /* what it holds is not lost */
  expect (f, "3> {'type':'welcome','id':'@A','room':'@R','epoch':'@1',"
      "'resumed':true,'mid':0,'host':'@A','members':['@A','@B']}\n"
      "3> {'seq':2,'from':'@B','payload':{'n':1}}\n"
      "3> {'seq':3,'from':'@B','payload':{'n':2}}\n");
}

static void
all_boxes_together_are_bounded (Fixture *f, gconstpointer data)
{
  f->limits.total_bytes = 320;
  start (f);
  fill_room (f, 3);
  feed (f, 3, "{'mid':1,'to':'@A','payload':{}}");
  drain (f);
  feed (f, 3, "{'mid':2,'to':'@B','payload':{}}");
  expect (f, "3> {'seq':1,'event':{'type':'undeliverable','to':'@B',"
      "'reason':'full'}}\n3> {'mid':2}\n");
  ack (f, 1, 3);
  feed (f, 3, "{'mid':3,'to':'@B','payload':{}}");
  expect (f, "2> {'seq':2,'from':'@C','payload':{}}\n3> {'mid':3}\n");
}

static void
a_member_that_missed_an_event_starts_afresh (Fixture *f, gconstpointer data)
{
  f->limits.rate = 100000;
  f->limits.burst = 100000;
  start (f);
  fill_room (f, 2);
  mesh_hub_disconnected (f->hub, 2);
  for (guint i = 0; i < 2000; i++) {
    /* D comes and goes; A acknowledges, B does not */
    hello (f, 10 + i, 'D', 'd');
    feed (f, 10 + i, "{'type':'bye'}");
    ack (f, 1, 1 + 2 * i + 2);
    f->now += 1;
  }
  drain (f);
  hello_again (f, 5, 'B', 2, 0);
  g_ptr_array_set_size (f->epochs, 2);  /* those that D had */
  expect (f, "5> {'type':'welcome','id':'@B','room':'@R','epoch':'@3',"
      "'resumed':false,'mid':0,'host':'@A','members':['@A','@B']}\n");
}

static void
a_room_has_so_many_places (Fixture *f, gconstpointer data)
{
  f->limits.room_members = 2;
  start (f);
  fill_room (f, 2);
  hello (f, 3, 'C', 'c');
  expect (f, "3> {'type':'error','code':'room-full','message':"
      "'the room is full'}\n3x 4429\n");
  hello_again (f, 4, 'B', 2, 0);        /* members may always come back */
  drain (f);
  g_assert_true (mesh_hub_is_member (f->hub, 4));
}

static void
a_server_has_so_many_rooms (Fixture *f, gconstpointer data)
{
  f->limits.rooms = 1;
  start (f);
  fill_room (f, 1);
  mesh_hub_connected (f->hub, 2, f->now);
  feed (f, 2, "{'type':'hello','v':1,'room':'@S','id':'@B',"
      "'token':'bbbbbbbbbbbbbbbbbbbbbb'}");
  expect (f, "2> {'type':'error','code':'too-many-rooms','message':"
      "'the server is full'}\n2x 4429\n");
  hello (f, 3, 'C', 'c');
  drain (f);
  g_assert_true (mesh_hub_is_member (f->hub, 3));
}

static void
frames_are_rationed (Fixture *f, gconstpointer data)
{
  guint taken = 0;

  f->limits.rate = 10;
  f->limits.burst = 20;
  start (f);
  fill_room (f, 1);             /* hello cost one */
  f->now += 600 * S;            /* no more than the burst is saved up */
  mesh_hub_heard (f->hub, 1, f->now);
  while (mesh_hub_is_member (f->hub, 1)) {
    feed (f, 1, "{'ack':0}");
    taken++;
  }
  g_assert_cmpuint (taken, ==, 20);
  expect (f, "1> {'type':'error','code':'too-fast','message':"
      "'too many frames'}\n1x 4429\n");
  hello_again (f, 2, 'A', 1, 0);
  for (guint i = 0; i < 100; i++) {
    f->now += S / 10;           /* as often as is allowed */
    feed (f, 2, "{'ack':0}");
  }
  g_assert_true (mesh_hub_is_member (f->hub, 2));
}

static void
everybody_is_told_when_it_ends (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  mesh_hub_shut_down (f->hub);
  expect (f, "1> {'type':'error','code':'going-away','message':"
      "'the server ends'}\n1x 1001\n");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->clients, ==, 0);
}

static void
strangers_are_ignored (Fixture *f, gconstpointer data)
{
  feed (f, 99, "{'type':'ping'}");
  mesh_hub_heard (f->hub, 99, f->now);
  mesh_hub_reject (f->hub, 99, MESH_HUB_TOO_BIG);
  mesh_hub_disconnected (f->hub, 99);
  g_assert_false (mesh_hub_is_member (f->hub, 99));
  expect (f, "");
}

/* Any calls in any order: the sanitizers and the counters say whether the hub
 * still knows what it has. */
static void
survives_anything (Fixture *f, gconstpointer data)
{
  static const char *const frames[] = {
    "{'mid':%u,'to':'@A','payload':{}}", "{'mid':%u,'to':'@R','payload':{}}",
    "{'mid':%u,'to':'@B','payload':{'x':'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'}}",
    "{'ack':%u}", "{'type':'bye','x':%u}", "{'type':'ping','x':%u}", "junk%u",
  };
  g_autoptr (GRand) rand = g_rand_new_with_seed (42);
  guint64 last = 0;

  f->limits.box_frames = 5;
  f->limits.room_members = 3;
  f->limits.rate = 50;
  f->limits.burst = 50;
  start (f);
  for (guint i = 0; i < 50000; i++) {
    guint64 client = last > 6 ? last - g_rand_int_range (rand, 0, 6) : last;
    g_autofree char *text = NULL;
    int what = g_rand_int_range (rand, 0, 100);
    char id = 'A' + g_rand_int_range (rand, 0, 4);

    f->now += g_rand_int_range (rand, 0, S / 10);
    if (what < 10) {
      hello (f, ++last, id, g_rand_boolean (rand) ? 'a' : 'b');
    } else if (what < 15) {
      mesh_hub_disconnected (f->hub, client);
    } else if (what < 20) {
      mesh_hub_tick (f->hub, f->now);
    } else if (what < 25) {
      drain (f);
      g_ptr_array_set_size (f->epochs, 0);
    } else {
      text = g_strdup_printf (frames[g_rand_int_range (rand, 0,
                  what < 95 ? 4 : 7)], g_rand_int_range (rand, 0, 200));
      feed (f, client, text);
    }
    g_assert_cmpuint (mesh_hub_get_stats (f->hub)->members, <=, 3);
  }
  while (mesh_hub_deadline (f->hub) != G_MAXINT64) {
    f->now = MAX (f->now, mesh_hub_deadline (f->hub));
    mesh_hub_tick (f->hub, f->now);
    drain (f);
  }
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->rooms, ==, 0);
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->members, ==, 0);
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->clients, ==, 0);
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->box_bytes, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) \
  g_test_add ("/hub/" #name, Fixture, NULL, set_up, name, tear_down)
  ADD (first_one_hosts_and_others_are_told);
  ADD (messages_are_stamped_and_passed_on_as_they_are);
  ADD (the_room_is_its_host);
  ADD (one_mid_answers_many_sends);
  ADD (a_send_is_taken_once);
  ADD (nobody_there_is_told);
  ADD (rooms_are_apart);
  ADD (resuming_loses_nothing);
  ADD (resuming_tells_what_was_taken);
  ADD (a_cursor_that_fits_nothing_starts_afresh);
  ADD (after_a_restart_everything_is_new);
  ADD (an_id_belongs_to_its_token);
  ADD (the_room_has_no_body);
  ADD (bye_leaves_at_once);
  ADD (the_longest_standing_becomes_host);
  ADD (the_last_one_takes_the_room_along);
  ADD (a_lease_runs_from_the_last_sign_of_life);
  ADD (silence_on_an_open_socket_ends_too);
  ADD (a_driver_that_slept_blames_nobody);
  ADD (hello_has_ten_seconds);
  ADD (ping_is_answered);
  ADD (bad_frames_are_final);
  ADD (a_full_box_is_told_and_kept);
  ADD (all_boxes_together_are_bounded);
  ADD (a_member_that_missed_an_event_starts_afresh);
  ADD (a_room_has_so_many_places);
  ADD (a_server_has_so_many_rooms);
  ADD (frames_are_rationed);
  ADD (everybody_is_told_when_it_ends);
  ADD (strangers_are_ignored);
  ADD (survives_anything);
  return g_test_run ();
}
