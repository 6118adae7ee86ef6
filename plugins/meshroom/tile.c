/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/tile.h"

#include <gst/video/navigation.h>
#include <gst/video/video.h>

/* One pad, and what its streaming thread needs to know. It lives as long as
 * the pad's functions may run: the pad owns it. */
typedef struct {
  char *stream_id;
  char *peer_id;
  guint latency;                /* ms */
  MeshTileKeyFunc key;
  gpointer user_data;

  GMutex lock;                  /* guards: */
  char *name;
  gboolean muted;
  gboolean hidden;
  gboolean announced;           /* downstream knows the three */
  guint group_id;
} Outlet;

struct _MeshTile {
  GstElement *room;             /* our owner, no reference */
  char *peer_id;
  guint number;
  guint latency;
  MeshTileKeyFunc key;
  gpointer user_data;
  char *name;
  gboolean muted;
  gboolean hidden;
  guint group_id;
  GstPad *pads[MESH_N_KINDS];
};

static const char *const kind_names[MESH_N_KINDS] = { "audio", "video" };

static void
outlet_free (gpointer data)
{
  Outlet *outlet = data;

  g_free (outlet->stream_id);
  g_free (outlet->peer_id);
  g_free (outlet->name);
  g_mutex_clear (&outlet->lock);
  g_free (outlet);
}

/* The title tag is for everybody, the event for those who know us. */
static void
announce (GstPad *pad, Outlet *outlet)
{
  g_autofree char *name = NULL;
  GstStructure *s;

  g_mutex_lock (&outlet->lock);
  if (outlet->announced) {
    g_mutex_unlock (&outlet->lock);
    return;
  }
  outlet->announced = TRUE;
  name = g_strdup (outlet->name);
  s = gst_structure_new ("meshroom/peer", "peer-id", G_TYPE_STRING,
      outlet->peer_id, "name", G_TYPE_STRING, name ? name : "",
      "muted", G_TYPE_BOOLEAN, outlet->muted,
      "hidden", G_TYPE_BOOLEAN, outlet->hidden, NULL);
  g_mutex_unlock (&outlet->lock);

  gst_pad_push_event (pad, gst_event_new_custom
      (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s));
  if (name && *name)
    gst_pad_push_event (pad, gst_event_new_tag (gst_tag_list_new
            (GST_TAG_TITLE, name, NULL)));
}

static GstPadProbeReturn
on_event (GstPad *pad, Outlet *outlet, GstPadProbeInfo *info)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:{
      GstEvent *own = gst_event_new_stream_start (outlet->stream_id);

      gst_event_set_group_id (own, outlet->group_id);
      gst_event_unref (event);
      info->data = own;
      return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_EOS:
      /* a peer that goes away is no end of the application's stream */
      return GST_PAD_PROBE_DROP;
    case GST_EVENT_TAG:{
      GstTagList *tags;

      /* rtpbin's and the decoder's tags would hide the title */
      gst_event_parse_tag (event, &tags);
      return gst_tag_list_get_tag_size (tags, GST_TAG_TITLE) > 0
          ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
    }
    default:
      return GST_PAD_PROBE_OK;
  }
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Outlet *outlet = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
    return on_event (pad, outlet, info);
  /* Not linked is not an error: somebody may link it later. */
  if (!gst_pad_is_linked (pad))
    return GST_PAD_PROBE_DROP;
  announce (pad, outlet);
  return GST_PAD_PROBE_OK;
}

/* What comes from downstream is ours to answer: keys are for the room, key
 * frames may be asked for, and the rest does not concern the peer. */
static gboolean
outlet_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Outlet *outlet = g_object_get_data (G_OBJECT (pad), "mesh-outlet");
  const char *key = NULL;

  if (gst_video_event_is_force_key_unit (event))
    return gst_pad_event_default (pad, parent, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_NAVIGATION
      && gst_navigation_event_get_type (event)
      == GST_NAVIGATION_EVENT_KEY_PRESS
      && gst_navigation_event_parse_key_event (event, &key) && outlet)
    outlet->key (key, event, outlet->user_data);
  gst_event_unref (event);
  return TRUE;
}

/* A constant, so that people who come and go never change the pipeline's
 * latency. */
static gboolean
outlet_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  Outlet *outlet = g_object_get_data (G_OBJECT (pad), "mesh-outlet");

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY && outlet) {
    gst_query_set_latency (query, TRUE, outlet->latency * GST_MSECOND,
        GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return gst_pad_query_default (pad, parent, query);
}

/**
 * mesh_tile_new:
 * @room: the element that gets the pads
 * @peer_id: whose they are
 * @number: the number in the pads' names
 * @latency: what the pads declare, in ms
 * @key: called for keys pressed downstream
 * @user_data: for @key
 *
 * Returns: (transfer full): a tile without pads
 *
 * Since: 0.1
 */
MeshTile *
mesh_tile_new (GstElement *room, const char *peer_id, guint number,
    guint latency, MeshTileKeyFunc key, gpointer user_data)
{
  MeshTile *tile = g_new0 (MeshTile, 1);

  tile->room = room;
  tile->peer_id = g_strdup (peer_id);
  tile->number = number;
  tile->latency = latency;
  tile->key = key;
  tile->user_data = user_data;
  tile->group_id = gst_util_group_id_next ();
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
  return tile->number;
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

static void
update_outlet (MeshTile *tile, Outlet *outlet)
{
  g_mutex_lock (&outlet->lock);
  g_free (outlet->name);
  outlet->name = g_strdup (tile->name);
  outlet->muted = tile->muted;
  outlet->hidden = tile->hidden;
  outlet->announced = FALSE;
  g_mutex_unlock (&outlet->lock);
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
      update_outlet (tile, g_object_get_data (G_OBJECT (tile->pads[i]),
              "mesh-outlet"));
  }
}

static GstPad *
make_pad (MeshTile *tile, MeshKind kind)
{
  g_autofree char *name =
      g_strdup_printf ("%s_%u", kind_names[kind], tile->number);
  g_autofree char *template_name = g_strconcat (kind_names[kind], "_%u", NULL);
  GstPadTemplate *template = gst_element_get_pad_template (tile->room,
      template_name);
  GstPad *pad = gst_ghost_pad_new_no_target_from_template (name, template);
  Outlet *outlet = g_new0 (Outlet, 1);

  outlet->stream_id = g_strdup_printf ("meshroom/%s/%s", tile->peer_id,
      kind_names[kind]);
  outlet->peer_id = g_strdup (tile->peer_id);
  outlet->latency = tile->latency;
  outlet->key = tile->key;
  outlet->user_data = tile->user_data;
  outlet->group_id = tile->group_id;
  g_mutex_init (&outlet->lock);
  update_outlet (tile, outlet);
  g_object_set_data_full (G_OBJECT (pad), "mesh-outlet", outlet, outlet_free);
  gst_pad_set_event_function (pad, outlet_event);
  gst_pad_set_query_function (pad, outlet_query);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
      | GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_data,
      outlet, NULL);
  return pad;
}

static GstPadProbeReturn
swallow (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_DROP;
}

/* What is still sent by an older connection goes nowhere, but is no error
 * there: its other streams go on. */
static void
silence_target (GstPad *pad)
{
  g_autoptr (GstPad) old = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

  if (old)
    gst_pad_add_probe (old, GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_BUFFER_LIST | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        swallow, NULL, NULL);
}

/**
 * mesh_tile_connect:
 * @tile: the tile
 * @kind: what @pad carries
 * @pad: a pad of the member's present connection, with its data held back
 *
 * Leads @pad out of the room, in place of what did so before; a pad of that
 * kind is added to the element, if there is none yet.
 *
 * Since: 0.1
 */
void
mesh_tile_connect (MeshTile *tile, MeshKind kind, GstPad *pad)
{
  gboolean fresh = !tile->pads[kind];

  if (fresh)
    tile->pads[kind] = gst_object_ref_sink (make_pad (tile, kind));
  else
    silence_target (tile->pads[kind]);
  gst_ghost_pad_set_target (GST_GHOST_PAD (tile->pads[kind]), pad);
  if (fresh) {
    gst_pad_set_active (tile->pads[kind], TRUE);
    gst_element_add_pad (tile->room, tile->pads[kind]);
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
 * @tile: (nullable): a disconnected tile
 *
 * Takes the pads off the element. May wait for a frame that is under way
 * downstream.
 *
 * Since: 0.1
 */
void
mesh_tile_free (MeshTile *tile)
{
  if (!tile)
    return;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (tile->pads[i]) {
      gst_pad_set_active (tile->pads[i], FALSE);
      gst_element_remove_pad (tile->room, tile->pads[i]);
      gst_object_unref (tile->pads[i]);
    }
  }
  g_free (tile->peer_id);
  g_free (tile->name);
  g_free (tile);
}
