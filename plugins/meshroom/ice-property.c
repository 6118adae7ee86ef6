/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The properties stun-server and turn-servers. A value that is no URL of such a
 * server is refused when it is set: peers who need the server would get no
 * media, and nobody would know why. The call goes on with the other servers,
 * since many peers are reached without any. */

#include "meshroom/meshroom.h"

#include "core/error.h"
#include "core/ice-url.h"

/* Returns: (transfer full) (nullable): @text in the form that webrtcbin takes;
 * %NULL with @error set if it is not a valid URL */
static char *
read_server (const char *text, gboolean relay, GError **error)
{
  g_autoptr (MeshIceUrl) url = mesh_ice_url_parse (text, error);
  const char *why = NULL;

  if (!url)
    return NULL;
  if (relay && !url->relay)
    why = "it is a STUN server, which stun-server takes";
  else if (!relay && url->relay)
    why = "it is a TURN server, which turn-servers takes";
  else if (!relay && url->tls)
    why = "pipelines speak to STUN servers without TLS: stun:HOST[:PORT]";
  else if (relay && !url->user)
    why = "a relay needs its user and password: turn:USER:PASSWORD@HOST[:PORT]";
  if (why) {
    g_autofree char *shown = mesh_ice_url_to_web (url);

    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "STUN or TURN server \"%s\": %s", shown, why);
    return NULL;
  }
  return mesh_ice_url_to_gst (url);
}

/* Logs a warning for whoever sets the property. The element may not have a bus
 * yet, so the warning is posted when the call starts. */
static void
refuse (GStrvBuilder *refused, const char *property, const GError *error)
{
  g_autofree char *text = g_strdup_printf ("%s: %s", property, error->message);

  g_warning ("meshroom: %s; it is not used", text);
  g_strv_builder_add (refused, text);
}

/* Takes ownership of @servers and @refused. A call that runs keeps the servers
 * that it began with. */
static void
replace (MeshMeshroom *self, gboolean relay, char **servers, char **refused)
{
  g_mutex_lock (&self->lock);
  if (relay) {
    g_strfreev (self->turn_servers);
    self->turn_servers = servers;
  } else {
    g_free (self->stun_server);
    self->stun_server = g_strdup (servers[0]);
    g_strfreev (servers);
  }
  g_strfreev (self->refused_ice[relay]);
  self->refused_ice[relay] = refused;
  g_mutex_unlock (&self->lock);
}

static void
take (GStrvBuilder *servers, GStrvBuilder *refused, const char *text,
    gboolean relay)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *server = NULL;

  if (!text || !*text)
    return;
  server = read_server (text, relay, &error);
  if (server)
    g_strv_builder_add (servers, server);
  else
    refuse (refused, relay ? "turn-servers" : "stun-server", error);
}

/*
 * mesh_meshroom_set_ice_property:
 * @relay: whether it is turn-servers, else stun-server
 * @value: an array of strings, or one string
 */
void
mesh_meshroom_set_ice_property (MeshMeshroom *self, gboolean relay,
    const GValue *value)
{
  g_autoptr (GStrvBuilder) servers = g_strv_builder_new ();
  g_autoptr (GStrvBuilder) refused = g_strv_builder_new ();

  if (!relay)
    take (servers, refused, g_value_get_string (value), FALSE);
  for (guint i = 0; relay && i < gst_value_array_get_size (value); i++)
    take (servers, refused, g_value_get_string (
            gst_value_array_get_value (value, i)), TRUE);
  replace (self, relay, g_strv_builder_end (servers),
      g_strv_builder_end (refused));
}

/*
 * mesh_meshroom_get_ice_property_locked:
 * @relay: whether it is turn-servers, else stun-server
 * @value: set to an array of strings, or to one string
 */
void
mesh_meshroom_get_ice_property_locked (MeshMeshroom *self, gboolean relay,
    GValue *value)
{
  if (!relay)
    g_value_set_string (value, self->stun_server);
  for (char **uri = self->turn_servers; relay && uri && *uri; uri++) {
    g_auto (GValue) item = G_VALUE_INIT;

    g_value_init (&item, G_TYPE_STRING);
    g_value_set_string (&item, *uri);
    gst_value_array_append_value (value, &item);
  }
}

/*
 * mesh_meshroom_warn_of_ice_properties:
 *
 * Repeats on the bus what was refused.
 */
void
mesh_meshroom_warn_of_ice_properties (MeshMeshroom *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->refused_ice); i++) {
    g_auto (GStrv) refused = NULL;

    g_mutex_lock (&self->lock);
    refused = g_strdupv (self->refused_ice[i]);
    g_mutex_unlock (&self->lock);
    for (char **text = refused; text && *text; text++)
      GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("%s", *text),
          ("the call goes on without it"));
  }
}
