/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/app/app.h>
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

/* Parties of a call in one process, each a pipeline around a meshroom, and the
 * wire between their signal pads, on which a test can read, change and drop
 * every message.
 *
 *   party: meshroom.signal_src ! appsink --+
 *                                          +-- wire: filter, to all others
 *   party: meshroom.signal_sink <- appsrc -+
 *
 * What parties see and hear changes under party_lock, and each change is told,
 * so that tests wait for what they want to see, and for nothing else. */

#define PARTY_RED "0xffdc2828"
#define PARTY_GREEN "0xff28b428"
#define PARTY_BLUE "0xff2828dc"

#define PARTY_VIDEO(colour) \
    " videotestsrc is-live=true pattern=solid-color foreground-color=" colour \
    " ! video/x-raw,width=64,height=48,framerate=20/1 ! room.video_sink "
#define PARTY_AUDIO(hz) \
    " audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 freq=" #hz \
    " ! audio/x-raw,rate=48000,channels=1 ! room.audio_sink "

extern GMutex party_lock;
extern GCond party_changed;

gint64 party_patience (void);

/* Returns once condition is true; what it looks at is under party_lock. */
#define WAIT_FOR(condition) G_STMT_START { \
    gint64 until = g_get_monotonic_time () + party_patience (); \
    g_mutex_lock (&party_lock); \
    while (!(condition)) \
      if (!g_cond_wait_until (&party_changed, &party_lock, until)) { \
        /* whoever tidies up needs the lock */ \
        g_mutex_unlock (&party_lock); \
        fail ("waited in vain for " #condition); \
      } \
    g_mutex_unlock (&party_lock); \
  } G_STMT_END

typedef struct _Party Party;

/* @json: a message of @from. Returns: (transfer full): what to pass on, NULL to
 * drop it. Under party_lock. */
typedef char *(*WireFilter) (Party *from, const char *json, gpointer data);

typedef struct {
  GPtrArray *parties;
  WireFilter filter;
  gpointer data;
} Wire;

/* One source pad of a room, and what came out of it. */
typedef struct {
  Party *party;
  char *name;
  gboolean is_video;
  gboolean gone;
  GstPad *pad;                  /* the room's, while it is not gone */
  GstElement *sink;
  GstCaps *caps;
  char *stream_id;
  char *title;
  GstStructure *peer;           /* of the latest meshroom/peer */
  guint frames;
  guint eos;
  guint8 rgb[3];
  GArray *window;               /* gint16 */
  guint hz;                     /* the loudest of the last 100 ms */
} Stream;

struct _Party {
  Wire *wire;
  char *id;
  GstElement *pipeline;
  GstElement *room;
  GstElement *in, *out;         /* NULL without a wire */
  gboolean open;                /* takes messages */
  GPtrArray *streams;
  GPtrArray *added;             /* ids, as the signal says */
  GPtrArray *removed;           /* "ID REASON" */
  GPtrArray *chat;              /* "ID TEXT" */
  GPtrArray *messages;          /* element messages: their structures */
  GPtrArray *warnings;          /* texts of all but: */
  GPtrArray *slow;              /* warnings of connections that take long, which
                                 * they also do on a busy machine */
  GPtrArray *errors;
  GArray *codes;                /* of errors */
  guint ends;                   /* EOS messages of the pipeline */
  guint latencies;              /* latency messages of the room itself */
};

Wire *wire_new (WireFilter filter, gpointer data);
void wire_free (Wire *wire);

Party *party_new (Wire *wire, const char *room, const char *sources);
void party_start (Party *party);
void party_leave (Party *party);
void party_stop (Party *party);
void party_free (Party *party);
void party_feed (Party *party, const char *message, gssize length);

Stream *party_stream (Party *party, const char *name);
Stream *party_stream_of (Party *party, const char *peer, gboolean video);
gboolean party_sees (Party *party, const char *peer, const char *colour);
gboolean party_hears (Party *party, const char *peer, guint hz);
gboolean party_knows (Party *party, const char *peer, const char *field,
    const char *value);
gboolean party_has (GPtrArray *texts, const char *prefix);
const GstStructure *party_message (Party *party, const char *name,
    const char *peer);
guint party_count_elements (Party *party, const char *factory);
