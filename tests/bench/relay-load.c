/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Load on a signalling server, from one thread with epoll:
 *
 *   relay-load PROTOCOL PORT BUSY IDLE BYTES SECONDS RATE PENDING
 *
 * Opens IDLE + BUSY WebSockets, at most PENDING at a time, and prints how long
 * that took. Then, after a line on stdin, the busy ones send each other
 * messages of BYTES for SECONDS, in pairs: with RATE 0 each has one in flight
 * all the time, else they send RATE a second together. Each phase prints one
 * line of `name value` pairs on stdout. All clients are in this process, so one
 * clock measures the time from the sending of a message to its arrival.
 *
 * PROTOCOL is `meshroom` (docs/protocol.md, eight members a room), `plain` (a
 * relay that passes {"to":ID,"payload":…} on) or `peerjs`.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_MEMBERS 8
#define ACK_EVERY 8
/* The delay before a connection that failed or was cut is opened again. */
#define RETRY_US (250 * G_TIME_SPAN_MILLISECOND)
#define GIVE_UP_US (120 * G_USEC_PER_SEC)

typedef enum { MESHROOM, PLAIN, PEERJS } Protocol;
typedef enum { CLOSED, CONNECTING, UPGRADING, GREETING, READY } Phase;

typedef struct {
  guint number;
  int fd;
  Phase phase;
  gint64 retry_at;
  GByteArray *in;
  guint64 mid;
  guint64 unacked;
  gboolean waiting;             /* its message has not arrived yet */
} Client;

static Protocol protocol;
static guint16 port;
static guint n_busy, n_clients, n_ready, n_pending, n_failures;
static gsize message_bytes;
static guint rate, max_pending;
static int poller;
static Client *clients;
static gboolean sending;
static GArray *latencies;       /* guint32, µs */
static char *padding;
static guint32 run;             /* makes this run's ids its own */

static char *
id_of (guint number)
{
  return g_strdup_printf ("00000000-0000-4000-8000-%04x%08x", run & 0xffff,
      number);
}

static char *
room_of (guint number)
{
  return g_strdup_printf ("00000000-0000-4000-9000-%04x%08x", run & 0xffff,
      number / ROOM_MEMBERS);
}

static void
send_bytes (Client *client, const void *data, gsize size)
{
  /* the messages in flight are few enough for the socket's buffer */
  if (send (client->fd, data, size, MSG_NOSIGNAL) != (gssize) size)
    n_failures++;
}

/* The mask is zero: a client must mask its frames, but need not pay for it. */
static void
send_text (Client *client, const char *text)
{
  gsize length = strlen (text), head;
  g_autofree guint8 *frame = g_malloc (length + 8);

  frame[0] = 0x81;
  if (length < 126) {
    frame[1] = 0x80 | length;
    head = 2;
  } else {
    frame[1] = 0x80 | 126;
    frame[2] = length >> 8;
    frame[3] = length & 0xff;
    head = 4;
  }
  memset (frame + head, 0, 4);
  memcpy (frame + head + 4, text, length);
  send_bytes (client, frame, head + 4 + length);
}

static void
send_message (Client *client)
{
  g_autofree char *to = id_of (client->number ^ 1);
  g_autofree char *text = NULL;
  gint64 now = g_get_monotonic_time ();

  switch (protocol) {
    case MESHROOM:
      text = g_strdup_printf ("{\"mid\":%" G_GUINT64_FORMAT ",\"to\":\"%s\","
          "\"payload\":{\"t\":%" G_GINT64_FORMAT ",\"p\":\"%s\"}}",
          ++client->mid, to, now, padding);
      break;
    case PLAIN:
      text = g_strdup_printf ("{\"to\":\"%s\",\"payload\":{\"t\":%"
          G_GINT64_FORMAT ",\"p\":\"%s\"}}", to, now, padding);
      break;
    case PEERJS:
      text = g_strdup_printf ("{\"type\":\"OFFER\",\"dst\":\"%s\","
          "\"payload\":{\"t\":%" G_GINT64_FORMAT ",\"p\":\"%s\"}}", to, now,
          padding);
      break;
  }
  client->waiting = TRUE;
  send_text (client, text);
}

static void
open_socket (Client *client)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
    .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct epoll_event event = { .events = EPOLLOUT, .data.ptr = client };
  int one = 1;

  client->fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt (client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect (client->fd, (struct sockaddr *) &address, sizeof address) < 0
      && errno != EINPROGRESS)
    g_error ("cannot connect: %s", g_strerror (errno));
  epoll_ctl (poller, EPOLL_CTL_ADD, client->fd, &event);
  client->phase = CONNECTING;
  n_pending++;
}

static void
lose (Client *client)
{
  if (client->phase == READY)
    n_ready--;
  else
    n_pending--;
  n_failures++;
  close (client->fd);
  g_byte_array_set_size (client->in, 0);
  client->phase = CLOSED;
  client->retry_at = g_get_monotonic_time () + RETRY_US;
}

static void
upgrade (Client *client)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
  g_autofree char *id = id_of (client->number);
  g_autofree char *path = NULL;
  g_autofree char *request = NULL;
  socklen_t size = sizeof errno;
  int error = 0;

  getsockopt (client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) {
    lose (client);
    return;
  }
  if (protocol == MESHROOM)
    path = g_strdup ("/v1/socket");
  else if (protocol == PLAIN)
    path = g_strdup_printf ("/?id=%s", id);
  else
    path = g_strdup_printf ("/peerjs?key=peerjs&id=%s&token=%s", id, id);
  request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: bWVzaHJvb20gYmVuY2gxIQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n\r\n", path, port);
  send_bytes (client, request, strlen (request));
  epoll_ctl (poller, EPOLL_CTL_MOD, client->fd, &event);
  client->phase = UPGRADING;
}

static void
become_ready (Client *client)
{
  client->phase = READY;
  n_pending--;
  n_ready++;
}

/* Returns: the length of the answer's head, 0 if it is not complete */
static gsize
take_answer (Client *client)
{
  const char *end = g_strstr_len ((char *) client->in->data, client->in->len,
      "\r\n\r\n");
  g_autofree char *id = id_of (client->number);
  g_autofree char *room = room_of (client->number);
  g_autofree char *hello = NULL;

  if (!end)
    return 0;
  if (!g_strstr_len ((char *) client->in->data, client->in->len, " 101 "))
    g_error ("refused: %.*s", (int) client->in->len, client->in->data);
  client->phase = GREETING;
  if (protocol == PLAIN)
    become_ready (client);
  if (protocol == MESHROOM) {
    hello = g_strdup_printf ("{\"type\":\"hello\",\"v\":1,\"room\":\"%s\","
        "\"id\":\"%s\",\"token\":\"%022u\"}", room, id, client->number);
    send_text (client, hello);
  }
  return end + 4 - (char *) client->in->data;
}

static void
take_message (Client *client, const char *text, gsize length)
{
  const char *sent = g_strstr_len (text, length, "\"t\":");
  Client *other = &clients[client->number ^ 1];
  guint32 latency;

  if (protocol == MESHROOM && g_str_has_prefix (text, "{\"seq\":")) {
    char ack[40];

    if (++client->unacked >= ACK_EVERY) {
      client->unacked = 0;
      g_snprintf (ack, sizeof ack, "{\"ack\":%" G_GUINT64_FORMAT "}",
          g_ascii_strtoull (text + 7, NULL, 10));
      send_text (client, ack);
    }
  }
  if (!sent)
    return;
  latency = g_get_monotonic_time () - g_ascii_strtoll (sent + 4, NULL, 10);
  g_array_append_val (latencies, latency);
  other->waiting = FALSE;
  if (sending && !rate)
    send_message (other);
}

/* Returns: the length of the frame, 0 if it is not complete */
static gsize
take_frame (Client *client, const guint8 *data, gsize size)
{
  gsize head = 2, length;

  if (size < 2)
    return 0;
  length = data[1] & 0x7f;
  if (length == 126) {
    if (size < 4)
      return 0;
    length = data[2] << 8 | data[3];
    head = 4;
  }
  g_assert (length != 127);
  if (size < head + length)
    return 0;
  if ((data[0] & 0xf) == 9) {
    guint8 pong[6] = { 0x8a, 0x80 };

    send_bytes (client, pong, sizeof pong);
  } else if ((data[0] & 0xf) == 8) {
    lose (client);
  } else if (client->phase == GREETING) {
    become_ready (client);
  } else {
    take_message (client, (const char *) data + head, length);
  }
  return head + length;
}

static void
take_input (Client *client)
{
  guint8 data[64 * 1024];
  gssize n = recv (client->fd, data, sizeof data, 0);
  gsize done = 0, step = 1;

  if (n <= 0) {
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
      lose (client);
    return;
  }
  g_byte_array_append (client->in, data, n);
  while (step && client->phase >= UPGRADING) {
    step = client->phase == UPGRADING ? take_answer (client)
        : take_frame (client, client->in->data + done, client->in->len - done);
    done += step;
  }
  if (client->phase >= UPGRADING && done)
    g_byte_array_remove_range (client->in, 0, done);
}

static void
poll_once (int timeout_ms)
{
  struct epoll_event events[256];
  int n = epoll_wait (poller, events, G_N_ELEMENTS (events), timeout_ms);

  for (int i = 0; i < n; i++) {
    Client *client = events[i].data.ptr;

    if (client->phase == CONNECTING)
      upgrade (client);
    else if (client->phase != CLOSED)
      take_input (client);
  }
}

static void
open_all (void)
{
  gint64 start = g_get_monotonic_time (), now = start;

  while (n_ready < n_clients && now < start + GIVE_UP_US) {
    for (guint i = 0; i < n_clients && n_pending < max_pending; i++)
      if (clients[i].phase == CLOSED && clients[i].retry_at <= now)
        open_socket (&clients[i]);
    poll_once (10);
    now = g_get_monotonic_time ();
  }
  printf ("ready %u failures %u seconds %.3f\n", n_ready, n_failures,
      (now - start) / 1e6);
  fflush (stdout);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  return *(const guint32 *) a < *(const guint32 *) b ? -1
      : *(const guint32 *) a > *(const guint32 *) b;
}

static void
converse (double seconds)
{
  gint64 start, now;
  guint64 due = 0;
  guint next = 0;

  sending = TRUE;
  start = now = g_get_monotonic_time ();
  for (guint i = 0; !rate && i < n_busy; i++)
    send_message (&clients[i]);
  while (now < start + seconds * G_USEC_PER_SEC) {
    for (; rate && due < (guint64) (now - start) * rate / G_USEC_PER_SEC; due++)
      send_message (&clients[next++ % n_busy]);
    poll_once (rate ? 1 : 10);
    now = g_get_monotonic_time ();
  }
  g_array_sort (latencies, compare);
  if (latencies->len == 0)
    g_error ("no message arrived");
  printf ("messages %u per_second %.0f p50 %u p99 %u max %u failures %u\n",
      latencies->len, latencies->len / seconds,
      g_array_index (latencies, guint32, latencies->len / 2),
      g_array_index (latencies, guint32, latencies->len * 99ull / 100),
      g_array_index (latencies, guint32, latencies->len - 1), n_failures);
  fflush (stdout);
}

/* Idle connections go on answering pings while the line on stdin is awaited. */
static void
wait_for_line (void)
{
  char c;

  fcntl (STDIN_FILENO, F_SETFL, O_NONBLOCK);
  while (read (STDIN_FILENO, &c, 1) < 0)
    poll_once (10);
}

int
main (int argc, char **argv)
{
  struct rlimit limit;

  if (argc != 9) {
    g_printerr ("usage: relay-load meshroom|plain|peerjs PORT BUSY IDLE BYTES "
        "SECONDS RATE PENDING\n");
    return 2;
  }
  protocol = g_str_equal (argv[1], "meshroom") ? MESHROOM
      : g_str_equal (argv[1], "plain") ? PLAIN : PEERJS;
  port = atoi (argv[2]);
  n_busy = atoi (argv[3]) & ~1;
  n_clients = n_busy + atoi (argv[4]);
  message_bytes = atoi (argv[5]);
  rate = atoi (argv[7]);
  max_pending = atoi (argv[8]);
  padding = g_strnfill (message_bytes > 100 ? message_bytes - 100 : 1, 'x');
  run = getpid ();
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
  poller = epoll_create1 (EPOLL_CLOEXEC);
  latencies = g_array_new (FALSE, FALSE, sizeof (guint32));
  clients = g_new0 (Client, n_clients);
  for (guint i = 0; i < n_clients; i++)
    clients[i] = (Client) { .number = i, .in = g_byte_array_new () };
  open_all ();
  wait_for_line ();
  if (n_busy)
    converse (atof (argv[6]));
  return n_ready == n_clients ? 0 : 1;
}
