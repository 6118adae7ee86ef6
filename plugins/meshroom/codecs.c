/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chooses the codec of our video for each peer, and another one when our video
 * cannot be encoded in it. */

#include "meshroom/call-private.h"

/* Returns: (transfer full) (nullable): why our video cannot be sent in @codec
 * */
static char *
dup_failure (MeshCall *self, const MeshCodec *codec)
{
  MeshSource *source = self->config.sources[MESH_VIDEO];

  return source && codec ? mesh_source_dup_failure (source, codec) : NULL;
}

static gboolean
is_failing (MeshCall *self, const MeshCodec *codec)
{
  g_autofree char *failure = dup_failure (self, codec);

  return failure != NULL;
}

static gboolean
is_usable (MeshCall *self, const MeshCodec *codec)
{
  MeshSource *source = self->config.sources[MESH_VIDEO];
  const MeshCodec *input =
      source ? mesh_source_get_input_codec (source) : NULL;

  return codec && codec->kind == MESH_VIDEO && mesh_codec_is_spoken (codec)
      && (!input || input == codec)
      && (!self->config.decode || mesh_codec_can_receive (codec))
      && (!source || input || mesh_codec_can_send (codec));
}

/* The codecs of video-codecs that can be decoded here and, where there is a
 * video input, encoded. Codecs whose encoders have failed come last: a peer
 * that speaks no other still gets the sound, and is seen. */
char **
mesh_call_usable_codecs (MeshCall *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (int failing = FALSE; failing <= TRUE; failing++) {
    for (guint i = 0; self->config.video_codecs[i]; i++) {
      const MeshCodec *codec = mesh_codec_find (self->config.video_codecs[i]);

      if (is_usable (self, codec) && is_failing (self, codec) == failing)
        g_strv_builder_add (builder, codec->name);
    }
  }
  return g_strv_builder_end (builder);
}

/* Returns: (transfer full): why no codec of video-codecs can be used here */
char *
mesh_call_explain_codecs (MeshCall *self)
{
  const char *const *names = self->config.video_codecs;
  g_autoptr (GString) text = g_string_new
      ("none of video-codecs can be used here: ");

  for (guint i = 0; names[i]; i++) {
    const MeshCodec *codec = mesh_codec_find (names[i]);
    g_autofree char *name = g_strescape (names[i], NULL);
    g_autofree char *missing = codec && codec->kind == MESH_VIDEO
        ? mesh_codec_dup_missing (codec, self->config.sources[MESH_VIDEO]
        != NULL, self->config.decode) : NULL;

    g_string_append_printf (text, "%s\"%s\" %s%s", i ? "; " : "", name,
        missing ? "needs elements that are not installed: "
        : "is no video codec that meshroom knows", missing ? missing : "");
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
warn_of_none_in_common (MeshCall *self, const char *peer, char **wanted)
{
  g_autofree char *named = g_strjoinv (", ", wanted);
  g_autofree char *theirs = g_strescape (named, NULL);
  g_autofree char *ours = g_strjoinv (", ", self->video_codecs);
  g_autofree char *text = g_strdup_printf ("no video codec in common: it has "
      "%s, video-codecs is %s. There is sound only; add one of its codecs to "
      "video-codecs for pictures", theirs, ours);

  mesh_call_warn (self, peer, text);
}

/* The first of the caller's codecs that this room speaks too and that does not
 * fail. Where there is none in common, the room's own first codec is offered:
 * the caller rejects the video m-line, and sound goes both ways. */
const MeshCodec *
mesh_call_choose_codec (MeshCall *self, const char *peer, char **wanted)
{
  const MeshCodec *found = NULL;

  for (guint i = 0; wanted && wanted[i]; i++) {
    const MeshCodec *codec = mesh_codec_find (wanted[i]);

    if (!codec || codec->kind != MESH_VIDEO || !g_strv_contains ((const char
                *const *) self->video_codecs, codec->name))
      continue;
    if (!is_failing (self, codec))
      return codec;
    if (!found)
      found = codec;
  }
  if (found)
    return found;
  if (wanted && wanted[0])
    warn_of_none_in_common (self, peer, wanted);
  return mesh_codec_find (self->video_codecs[0]);
}

/* Restarts an attempt that has begun in a codec in which the video input cannot
 * be sent. */
static gboolean
restart_if_wrong (MeshCall *self, const char *id, MeshPeer *peer)
{
  const MeshCodec *codec = mesh_peer_get_video_codec (peer);

  /* an attempt that does not send this video has no wrong codec */
  if (!mesh_peer_sends (peer, self->config.sources)
      || (codec && g_strv_contains ((const char *const *) self->video_codecs,
              codec->name)))
    return FALSE;
  mesh_room_failed (self->room, id, mesh_peer_get_sid (peer), "failed",
      g_get_monotonic_time ());
  return TRUE;
}

/* Tells the peer and the user of this room why the peer gets no picture of
 * ours. */
static void
excuse_picture (MeshCall *self, Member *member, const MeshCodec *codec)
{
  const char *id = mesh_peer_get_id (member->peer);
  g_autofree char *failure = dup_failure (self, codec);
  g_autofree char *there = g_strdup_printf ("my picture cannot be sent to you: "
      "encoding it as %s fails here, and you take no other codec that I have",
      codec->name);
  g_autofree char *here = g_strdup_printf ("it does not get our picture: "
      "encoding as %s fails (%s), and it takes no other codec of video-codecs",
      codec->name, failure);

  member->excused = TRUE;
  mesh_room_tell (self->room, id, there, g_get_monotonic_time ());
  mesh_call_warn (self, id, here);
}

/* A connection whose codec has failed is replaced by one in another codec, and
 * goes on until then. An attempt that is not connected yet is reviewed once it
 * is. */
void
mesh_call_review_picture (MeshCall *self, Member *member)
{
  const MeshCodec *codec = mesh_peer_get_video_codec (member->peer);

  if (!codec || !is_failing (self, codec)) {
    member->excused = FALSE;
  } else if (mesh_peer_is_connected (member->peer)) {
    gboolean last = codec == member->only_codec
        || is_failing (self, mesh_codec_find (self->video_codecs[0]));

    member->only_codec = codec;
    if (!last)
      mesh_room_renew (self->room, mesh_peer_get_id (member->peer),
          mesh_peer_get_sid (member->peer), g_get_monotonic_time ());
    else if (!member->excused)
      excuse_picture (self, member, codec);
  }
}

/* Notes that our offer is in a codec that fails, since the peer has named no
 * other one that we have. A peer's offer tells nothing of the kind: it may be
 * in a codec that failed only after our `call` message had named it. */
void
mesh_call_note_codec (MeshCall *self, Member *member)
{
  const MeshCodec *codec = mesh_peer_get_video_codec (member->peer);

  if (codec && is_failing (self, codec))
    member->only_codec = codec;
}

static gboolean
have_same_names (char **a, char **b)
{
  guint n = 0;

  for (; a[n]; n++) {
    if (!g_strv_contains ((const char *const *) b, a[n]))
      return FALSE;
  }
  return n == g_strv_length (b);
}

/* Chooses codecs anew, since the input of our video has changed, or cannot be
 * encoded in a codec. The caller carries out the room's actions. */
void
mesh_call_review_codecs (MeshCall *self)
{
  g_auto (GStrv) codecs = mesh_call_usable_codecs (self);
  gboolean restart = !have_same_names (codecs, self->video_codecs);
  GHashTableIter iter;
  gpointer id, value;

  if (!codecs[0]) {
    mesh_call_warn (self, NULL, "the video stream's codec is not among "
        "video-codecs: nobody will get it");
    return;
  }
  g_strfreev (self->video_codecs);
  self->video_codecs = g_steal_pointer (&codecs);
  mesh_room_set_codecs (self->room,
      (const char *const *) self->video_codecs);
  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    Member *member = value;

    if (member->peer
        && !(restart && restart_if_wrong (self, id, member->peer)))
      mesh_call_review_picture (self, member);
  }
}
