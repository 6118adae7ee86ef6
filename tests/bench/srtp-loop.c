/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-srtp-loop sink
 * bench-srtp-loop PEERS PORT [gcm]
 *
 * The least that sending to PEERS costs: a loop that encrypts each of their
 * packets by a session of its own and sends it to PORT, 30 times a second the
 * packets of a frame of 1 Mbit/s. The sink reads what comes, and says its port
 * first. With `gcm` it is AES-GCM, which needs no hash besides; GStreamer's DTLS
 * does not speak it (1.22: gstdtlsconnection.c, export_srtp_keys()). */

#include <arpa/inet.h>
#include <glib.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FPS 30
#define PACKETS 4               /* a frame */
#define PAYLOAD (1000000 / 8 / FPS / PACKETS)
#define HEADER 12
#define KEY_BYTES 30

typedef struct {
  srtp_t session;
  guint16 seq;
} Peer;

static int
open_socket (struct sockaddr_in *address)
{
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof *address;

  *address = (struct sockaddr_in) { .sin_family = AF_INET,
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  if (fd < 0 || bind (fd, (struct sockaddr *) address, length) < 0
      || getsockname (fd, (struct sockaddr *) address, &length) < 0)
    g_error ("no socket");
  return fd;
}

static void
drain (void)
{
  struct sockaddr_in address;
  int fd = open_socket (&address);
  char buffer[2048];

  printf ("%d\n", ntohs (address.sin_port));
  fflush (stdout);
  while (recv (fd, buffer, sizeof buffer, 0) > 0);
}

static void
open_session (Peer *peer, guint32 ssrc, gboolean gcm)
{
  guint8 key[KEY_BYTES];
  srtp_policy_t policy = { .ssrc = { ssrc_specific, ssrc }, .key = key };

  for (guint i = 0; i < KEY_BYTES; i++)
    key[i] = (guint8) g_random_int ();
  if (gcm) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth (&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth (&policy.rtcp);
  } else {
    srtp_crypto_policy_set_rtp_default (&policy.rtp);
    srtp_crypto_policy_set_rtcp_default (&policy.rtcp);
  }
  if (srtp_create (&peer->session, &policy) != srtp_err_status_ok)
    g_error ("no session");
}

static void
send_frame (Peer *peer, int fd, guint32 ssrc, guint32 time)
{
  guint8 packet[HEADER + PAYLOAD + SRTP_MAX_TRAILER_LEN] = { 0x80, 96 };

  for (guint i = 0; i < PACKETS; i++) {
    int length = HEADER + PAYLOAD;

    memset (packet + HEADER, 1, PAYLOAD);
    packet[2] = peer->seq >> 8;
    packet[3] = peer->seq++ & 0xff;
    for (guint j = 0; j < 4; j++) {
      packet[4 + j] = time >> (24 - 8 * j);
      packet[8 + j] = ssrc >> (24 - 8 * j);
    }
    if (srtp_protect (peer->session, packet, &length) != srtp_err_status_ok
        || send (fd, packet, length, 0) < 0)
      g_error ("a packet was not sent");
  }
}

int
main (int argc, char **argv)
{
  struct sockaddr_in address;
  g_autofree Peer *peers = NULL;
  gint64 next = g_get_monotonic_time ();
  int n, fd;

  if (argc < 3) {
    drain ();
    return 1;
  }
  srtp_init ();
  n = atoi (argv[1]);
  peers = g_new0 (Peer, n);
  for (int i = 0; i < n; i++)
    open_session (&peers[i], i + 1,
        argc > 3 && g_str_equal (argv[3], "gcm"));
  fd = open_socket (&address);
  address.sin_port = htons (atoi (argv[2]));
  if (connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    g_error ("no sink");
  for (guint frame = 0;; frame++) {
    for (int i = 0; i < n; i++)
      send_frame (&peers[i], fd, i + 1, frame * (90000 / FPS));
    next += G_USEC_PER_SEC / FPS;
    g_usleep (MAX (next - g_get_monotonic_time (), 1));
  }
}
