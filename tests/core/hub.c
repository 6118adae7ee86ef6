/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Members of the server's rooms: their messages, their coming back, their
 * leases, and who hosts. */

#include "hub-fixture.h"

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
everybody_is_told_when_it_ends (Fixture *f, gconstpointer data)
{
  fill_room (f, 1);
  mesh_hub_shut_down (f->hub);
  expect (f, "1> {'type':'error','code':'going-away','message':"
      "'the server ends'}\n1x 1001\n");
  g_assert_cmpuint (mesh_hub_get_stats (f->hub)->clients, ==, 0);
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
  ADD (everybody_is_told_when_it_ends);
  return g_test_run ();
}
