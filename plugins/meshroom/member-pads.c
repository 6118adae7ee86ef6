/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/member-pads.h"

struct _MeshMemberPads {
  MeshMemberPadConfig config;   /* of all the pads; kind is set for each */
  char *peer_id;
  char *name;
  gboolean muted;
  gboolean hidden;
  GstPad *by_kind[MESH_N_KINDS];
};

/**
 * mesh_member_pads_new:
 * @config: the configuration of its pads; copied, except for the kind
 *
 * Returns: (transfer full): a set without pads
 */
MeshMemberPads *
mesh_member_pads_new (const MeshMemberPadConfig *config)
{
  MeshMemberPads *pads = g_new0 (MeshMemberPads, 1);

  pads->config = *config;
  pads->peer_id = g_strdup (config->peer_id);
  pads->config.peer_id = pads->peer_id;
  pads->config.notifier = mesh_notifier_ref (config->notifier);
  pads->config.group_id = gst_util_group_id_next ();
  return pads;
}

/**
 * mesh_member_pads_get_number:
 * @pads: the member's pads
 *
 * Returns: the number in the pads' names
 */
guint
mesh_member_pads_get_number (MeshMemberPads *pads)
{
  return pads->config.number;
}

/**
 * mesh_member_pads_have_any:
 * @pads: the member's pads
 *
 * Returns: whether the member has had any pad
 */
gboolean
mesh_member_pads_have_any (MeshMemberPads *pads)
{
  return pads->by_kind[MESH_AUDIO] || pads->by_kind[MESH_VIDEO];
}

/**
 * mesh_member_pads_set_name:
 * @pads: the member's pads
 * @name: (nullable): the member's name
 * @muted: whether it is muted
 * @hidden: whether it hides its camera
 *
 * Says so downstream, before the next frame.
 */
void
mesh_member_pads_set_name (MeshMemberPads *pads, const char *name,
    gboolean muted, gboolean hidden)
{
  if (g_strcmp0 (pads->name, name) != 0) {
    g_free (pads->name);
    pads->name = g_strdup (name);
  }
  pads->muted = muted;
  pads->hidden = hidden;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (pads->by_kind[i])
      mesh_member_pad_set_name (pads->by_kind[i], name, muted, hidden);
  }
}

static GstPadProbeReturn
swallow (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/**
 * mesh_member_pads_discard:
 * @pad: a pad of a connection
 *
 * Drops the pad's data. The connection sees no error, so its other streams go
 * on.
 */
void
mesh_member_pads_discard (GstPad *pad)
{
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_BUFFER_LIST | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      swallow, NULL, NULL);
}

/* Drops the data of the old target: an older connection may go on sending for a
 * while. */
static void
silence_target (GstPad *pad)
{
  g_autoptr (GstPad) old = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

  if (old)
    mesh_member_pads_discard (old);
}

/**
 * mesh_member_pads_connect:
 * @pads: the member's pads
 * @kind: what @pad carries
 * @pad: a pad of the member's present connection, with its data held back
 *
 * Makes @pad the source of the member's pad of that kind, in place of the one
 * before.
 *
 * Returns: (transfer none) (nullable): a new pad, which has to be added to the
 *   room with mesh_member_pad_add(); %NULL if there was one already
 */
GstPad *
mesh_member_pads_connect (MeshMemberPads *pads, MeshKind kind, GstPad *pad)
{
  GstPad *own = pads->by_kind[kind];
  gboolean fresh = !own;

  if (fresh) {
    pads->config.kind = kind;
    own = gst_object_ref_sink (mesh_member_pad_new (&pads->config));
    mesh_member_pad_set_name (own, pads->name, pads->muted, pads->hidden);
    pads->by_kind[kind] = own;
  } else {
    silence_target (own);
  }
  gst_ghost_pad_set_target (GST_GHOST_PAD (own), pad);
  return fresh ? own : NULL;
}

/**
 * mesh_member_pads_take:
 * @pads: the member's pads
 * @kind: audio or video
 *
 * Takes the pad of a kind that the member does not send any more. Its target is
 * dropped, and a later stream of that kind gets a new pad.
 *
 * Returns: (transfer full) (nullable): the pad, if there was one
 */
GstPad *
mesh_member_pads_take (MeshMemberPads *pads, MeshKind kind)
{
  GstPad *pad = g_steal_pointer (&pads->by_kind[kind]);

  if (!pad)
    return NULL;
  silence_target (pad);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  return pad;
}

/**
 * mesh_member_pads_foreach:
 * @pads: the member's pads
 * @func: called with each of its pads and @user_data
 * @user_data: for @func
 */
void
mesh_member_pads_foreach (MeshMemberPads *pads, void (*func) (GstPad *pad,
        gpointer user_data), gpointer user_data)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (pads->by_kind[i])
      func (pads->by_kind[i], user_data);
  }
}

static gboolean
is_led_by (GstPad *pad, GstElement *peer)
{
  g_autoptr (GstPad) target = pad
      ? gst_ghost_pad_get_target (GST_GHOST_PAD (pad)) : NULL;

  return target && GST_OBJECT_PARENT (target) == GST_OBJECT (peer);
}

/**
 * mesh_member_pads_carry:
 * @pads: the member's pads
 *
 * Returns: whether any of the member's pads carries a stream of @peer
 */
gboolean
mesh_member_pads_carry (MeshMemberPads *pads, GstElement *peer)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (is_led_by (pads->by_kind[i], peer))
      return TRUE;
  }
  return FALSE;
}

/**
 * mesh_member_pads_disconnect:
 * @pads: the member's pads
 *
 * Drops the targets that are the connection's pads; the member's own pads stay.
 */
void
mesh_member_pads_disconnect (MeshMemberPads *pads, GstElement *peer)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (is_led_by (pads->by_kind[i], peer))
      gst_ghost_pad_set_target (GST_GHOST_PAD (pads->by_kind[i]), NULL);
  }
}

/**
 * mesh_member_pads_free:
 * @pads: (nullable): a member's pads, disconnected, and removed from the room
 */
void
mesh_member_pads_free (MeshMemberPads *pads)
{
  if (!pads)
    return;
  for (guint i = 0; i < MESH_N_KINDS; i++)
    gst_clear_object (&pads->by_kind[i]);
  mesh_notifier_unref (pads->config.notifier);
  g_free (pads->peer_id);
  g_free (pads->name);
  g_free (pads);
}
