/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/tile.h"

struct _MeshTile {
  MeshOutletConfig config;      /* of all outlets, but for the kind */
  char *peer_id;
  char *name;
  gboolean muted;
  gboolean hidden;
  GstPad *pads[MESH_N_KINDS];
};

/**
 * mesh_tile_new:
 * @config: what its pads are for; copied, kind apart
 *
 * Returns: (transfer full): a tile without pads
 *
 * Since: 0.1
 */
MeshTile *
mesh_tile_new (const MeshOutletConfig *config)
{
  MeshTile *tile = g_new0 (MeshTile, 1);

  tile->config = *config;
  tile->peer_id = g_strdup (config->peer_id);
  tile->config.peer_id = tile->peer_id;
  tile->config.teller = mesh_teller_ref (config->teller);
  tile->config.group_id = gst_util_group_id_next ();
  return tile;
}

/**
 * mesh_tile_get_number:
 * @tile: the tile
 *
 * Returns: the number in the pads' names
 *
 * Since: 0.1
 */
guint
mesh_tile_get_number (MeshTile *tile)
{
  return tile->config.number;
}

/**
 * mesh_tile_has_pads:
 * @tile: the tile
 *
 * Returns: whether anything of the member has been shown yet
 *
 * Since: 0.1
 */
gboolean
mesh_tile_has_pads (MeshTile *tile)
{
  return tile->pads[MESH_AUDIO] || tile->pads[MESH_VIDEO];
}

/**
 * mesh_tile_set_name:
 * @tile: the tile
 * @name: (nullable): the member's name
 * @muted: whether it is muted
 * @hidden: whether it hides its camera
 *
 * Says so downstream, before the next frame.
 *
 * Since: 0.1
 */
void
mesh_tile_set_name (MeshTile *tile, const char *name, gboolean muted,
    gboolean hidden)
{
  if (g_strcmp0 (tile->name, name) != 0) {
    g_free (tile->name);
    tile->name = g_strdup (name);
  }
  tile->muted = muted;
  tile->hidden = hidden;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (tile->pads[i])
      mesh_outlet_set_name (tile->pads[i], name, muted, hidden);
  }
}

static GstPad *
make_pad (MeshTile *tile, MeshKind kind)
{
  GstPad *pad;

  tile->config.kind = kind;
  pad = gst_object_ref_sink (mesh_outlet_new (&tile->config));
  mesh_outlet_set_name (pad, tile->name, tile->muted, tile->hidden);
  return pad;
}

static GstPadProbeReturn
swallow (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/**
 * mesh_tile_discard:
 * @pad: a pad of a connection
 *
 * What it brings goes nowhere, but is no error there: the connection's other
 * streams go on.
 *
 * Since: 0.1
 */
void
mesh_tile_discard (GstPad *pad)
{
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_BUFFER_LIST | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      swallow, NULL, NULL);
}

/* An older connection may go on sending for a while. */
static void
silence_target (GstPad *pad)
{
  g_autoptr (GstPad) old = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

  if (old)
    mesh_tile_discard (old);
}

/**
 * mesh_tile_connect:
 * @tile: the tile
 * @kind: what @pad carries
 * @pad: a pad of the member's present connection, with its data held back
 *
 * Leads @pad out of the room, in place of what did so before.
 *
 * Returns: (transfer none) (nullable): a new pad, which is yet to be made one
 *   of the room's by mesh_outlet_add(); %NULL where there is one
 *
 * Since: 0.1
 */
GstPad *
mesh_tile_connect (MeshTile *tile, MeshKind kind, GstPad *pad)
{
  gboolean fresh = !tile->pads[kind];

  if (fresh)
    tile->pads[kind] = make_pad (tile, kind);
  else
    silence_target (tile->pads[kind]);
  gst_ghost_pad_set_target (GST_GHOST_PAD (tile->pads[kind]), pad);
  return fresh ? tile->pads[kind] : NULL;
}

/**
 * mesh_tile_take_pad:
 * @tile: the tile
 * @kind: what it carries
 *
 * The member sends no more of @kind: what leads to the pad is let go of, and the
 * next connection that has some gets another pad.
 *
 * Returns: (transfer full) (nullable): the pad, if there was one
 *
 * Since: 0.1
 */
GstPad *
mesh_tile_take_pad (MeshTile *tile, MeshKind kind)
{
  GstPad *pad = g_steal_pointer (&tile->pads[kind]);

  if (!pad)
    return NULL;
  silence_target (pad);
  gst_ghost_pad_set_target (GST_GHOST_PAD (pad), NULL);
  return pad;
}

/**
 * mesh_tile_foreach_pad:
 * @tile: the tile
 * @func: called with each of its pads and @user_data
 * @user_data: for @func
 *
 * Since: 0.1
 */
void
mesh_tile_foreach_pad (MeshTile *tile, void (*func) (GstPad *pad,
        gpointer user_data), gpointer user_data)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (tile->pads[i])
      func (tile->pads[i], user_data);
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
 * mesh_tile_shows:
 * @tile: the tile
 * @peer: a connection
 *
 * Returns: whether any of the tile's pads carries what comes by @peer
 *
 * Since: 0.1
 */
gboolean
mesh_tile_shows (MeshTile *tile, GstElement *peer)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (is_led_by (tile->pads[i], peer))
      return TRUE;
  }
  return FALSE;
}

/**
 * mesh_tile_disconnect:
 * @tile: the tile
 * @peer: a connection
 *
 * Lets go of the connection's pads; the tile's own stay.
 *
 * Since: 0.1
 */
void
mesh_tile_disconnect (MeshTile *tile, GstElement *peer)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (is_led_by (tile->pads[i], peer))
      gst_ghost_pad_set_target (GST_GHOST_PAD (tile->pads[i]), NULL);
  }
}

/**
 * mesh_tile_free:
 * @tile: (nullable): a disconnected tile, its pads removed from the room
 *
 * Since: 0.1
 */
void
mesh_tile_free (MeshTile *tile)
{
  if (!tile)
    return;
  for (guint i = 0; i < MESH_N_KINDS; i++)
    gst_clear_object (&tile->pads[i]);
  mesh_teller_unref (tile->config.teller);
  g_free (tile->peer_id);
  g_free (tile->name);
  g_free (tile);
}
