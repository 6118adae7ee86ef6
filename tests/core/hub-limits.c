/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server does with clients that send junk, too much or at the wrong
 * time, and with rooms and mailboxes that are full. */

#include "hub-fixture.h"

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
  ADD (bad_frames_are_final);
  ADD (a_full_box_is_told_and_kept);
  ADD (all_boxes_together_are_bounded);
  ADD (a_member_that_missed_an_event_starts_afresh);
  ADD (a_room_has_so_many_places);
  ADD (a_server_has_so_many_rooms);
  ADD (frames_are_rationed);
  ADD (strangers_are_ignored);
  ADD (survives_anything);
  return g_test_run ();
}
