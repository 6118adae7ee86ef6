/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A session id: an incarnation, a dash, and a decimal number that JavaScript
 * still counts exactly. */
#define MESH_SID_MAX_DIGITS 15
#define MESH_SID_MAX_BYTES (16 + 1 + MESH_SID_MAX_DIGITS)

/* The longest display name, in bytes, and chat message, in characters. */
#define MESH_MESSAGE_MAX_NAME 256
#define MESH_MESSAGE_MAX_TEXT 4096

/* The largest side (pixels) and frame rate that a receiver can want. */
#define MESH_WANT_MAX_SIDE 16384
#define MESH_WANT_MAX_FPS 240

/**
 * MESH_MESSAGE_MAX_WAITING:
 *
 * How many messages may wait at any one place on their way, and how many bytes
 * of them where messages of any size come: four mailboxes of the server's, each
 * of which is all that it keeps for somebody who is away. One comes at once when
 * a connection is back; nobody who is honest fills the second while the first
 * is being read.
 */
#define MESH_MESSAGE_MAX_WAITING (4 * 1024)
#define MESH_MESSAGE_MAX_WAITING_BYTES (4 * 1024 * 1024)

/**
 * MeshMessageType:
 *
 * What a message says; docs/protocol.md defines each. Those from
 * @MESH_MESSAGE_WELCOME on come from the server and carry no sender.
 */
typedef enum {
  MESH_MESSAGE_UNKNOWN,         /* valid, but of an unknown type */
  MESH_MESSAGE_JOINROOM,
  MESH_MESSAGE_ROOMREPLY,
  MESH_MESSAGE_CALL,
  MESH_MESSAGE_SIGNAL,
  MESH_MESSAGE_STATE,
  MESH_MESSAGE_ROSTER,
  MESH_MESSAGE_CHAT,
  MESH_MESSAGE_BYE,
  MESH_MESSAGE_WANT,
  MESH_MESSAGE_OUTDATED,
  MESH_MESSAGE_SEALED,
  MESH_MESSAGE_WELCOME,
  MESH_MESSAGE_JOINED,
  MESH_MESSAGE_LEFT,
  MESH_MESSAGE_HOST,
  MESH_MESSAGE_UNDELIVERABLE,
  MESH_MESSAGE_OFFLINE,
} MeshMessageType;

/**
 * MeshWant:
 * @width: in pixels of the receiver's screen; 0 = the picture is not seen
 * @height: 0 if @width is 0, and only then
 * @fps: frames per second; 0 = as many as there are
 *
 * The largest picture that a receiver has a use for.
 */
typedef struct {
  guint width;
  guint height;
  guint fps;
} MeshWant;

/**
 * MeshMessage:
 *
 * One message, read and checked. Fields that a message of its @type does not
 * have, or that the sender left out, are %NULL, 0 or %FALSE.
 *
 * A plain structure: fill it in with g_strdup() and friends to build one.
 */
typedef struct {
  MeshMessageType type;
  char *from;                   /* NULL: the server is the sender */
  char *to;
  char *inc;
  char *sid;

  char **ids;                   /* shouldCall, or members */
  char **codecs;                /* call */

  char *sdp_type;               /* signal: "offer" or "answer", with sdp */
  char *sdp;
  char *candidate;              /* signal: a candidate line, "" = no more */
  int mline;                    /* sdpMLineIndex, -1 = not given */
  char *mid;                    /* sdpMid */

  char *name;                   /* state */
  gboolean muted;
  gboolean hidden;

  char *text;                   /* chat */
  char *reason;                 /* bye, left, undeliverable */

  char *id;                     /* welcome, joined, left, host: the member's
                                 * id */
  char *room;                   /* welcome */
  char *host;                   /* welcome */
  gboolean resumed;             /* welcome */

  MeshWant want;                /* want */

  char *yours;                  /* outdated: the recipient's incarnation */
  char *newest;                 /* outdated: the newest one of the recipient
                                 * that is known. Of what mesh_sealer_open()
                                 * gave: that of its sender, where it is newer
                                 * than this message's */

  char *re;                     /* sealed */
  guint64 n;
  char *box;
} MeshMessage;

MeshMessage *mesh_message_new (MeshMessageType type);
MeshMessage *mesh_message_parse (const char *text, gsize length,
    GError **error);
char *mesh_message_to_json (const MeshMessage *message);
void mesh_message_free (MeshMessage *message);
const char *mesh_message_type_name (MeshMessageType type);

gboolean mesh_is_inc (const char *text);
gboolean mesh_sid_parse (const char *sid, char *inc, guint64 *number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshMessage, mesh_message_free)

G_END_DECLS
