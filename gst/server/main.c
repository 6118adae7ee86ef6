/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program meshroom-server: its options, its signals, and the lines that it
 * prints. */

#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/error.h"
#include "core/ice-url.h"
#include "server/address.h"
#include "server/certificate.h"
#include "server/handshake.h"
#include "server/pem-file.h"
#include "server/server.h"

static char **listen_options = NULL;
static const char *listen_on = "127.0.0.1:8080";
static char *tls_cert = NULL;
static char *tls_key = NULL;
static gboolean tls_self_signed = FALSE;
static char **origins = NULL;
static char **pusher_apps = NULL;
/* each option's name, then its value */
static GPtrArray *ice_servers = NULL;
static char *turn_secret = NULL;
static char *turn_secret_file = NULL;
static gboolean show_version = FALSE;

/* Three options mean the same, but an error names the one that was given. */
static gboolean
take_ice_server (const char *option, const char *value, gpointer data,
    GError **error)
{
  if (!ice_servers)
    ice_servers = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (ice_servers, g_strdup (option));
  g_ptr_array_add (ice_servers, g_strdup (value));
  return TRUE;
}

static const GOptionEntry entries[] = {
  { "listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &listen_options,
      "Where to accept connections (default: 127.0.0.1:8080; port 0: any)",
      "ADDR:PORT" },
  { "tls-cert", 0, 0, G_OPTION_ARG_FILENAME, &tls_cert,
      "Serve https with this certificate (PEM, with its issuers behind it)",
      "FILE" },
  { "tls-key", 0, 0, G_OPTION_ARG_FILENAME, &tls_key,
      "The certificate's private key (PEM)", "FILE" },
  { "tls-self-signed", 0, 0, G_OPTION_ARG_NONE, &tls_self_signed,
      "Serve https with a certificate made at start, for trying out", NULL },
  { "allow-origin", 0, 0, G_OPTION_ARG_STRING_ARRAY, &origins,
      "Let pages from here use this server, too (https://example.org; may be "
      "given again)", "ORIGIN" },
  { "pusher-app", 0, 0, G_OPTION_ARG_STRING_ARRAY, &pusher_apps,
      "Serve an application of Pusher's client libraries (may be given again)",
      "ID:KEY:SECRET" },
  { "ice-server", 0, 0, G_OPTION_ARG_CALLBACK, take_ice_server,
      "Tell members of a STUN or TURN server: stun:HOST[:PORT] or "
      "turn:USER:PASSWORD@HOST[:PORT][?transport=tcp] (may be given again)",
      "URI" },
  { "stun", 0, 0, G_OPTION_ARG_CALLBACK, take_ice_server,
      "The same", "URI" },
  { "turn", 0, 0, G_OPTION_ARG_CALLBACK, take_ice_server,
      "The same; for a relay without USER:PASSWORD they are made of the secret",
      "URI" },
  { "turn-secret", 0, 0, G_OPTION_ARG_STRING, &turn_secret,
      "What the relays share with this server (coturn: static-auth-secret)",
      "SECRET" },
  { "turn-secret-file", 0, 0, G_OPTION_ARG_FILENAME, &turn_secret_file,
      "The same from a file, for others on this machine not to see", "FILE" },
  { "version", 0, 0, G_OPTION_ARG_NONE, &show_version, "Show the version",
      NULL },
  { NULL }
};

static GTlsCertificate *
make_self_signed (GError **error)
{
  g_auto (GStrv) names = mesh_address_list_names (listen_on, error);

  return names ? mesh_certificate_new_self_signed ((const char *const *) names,
      error) : NULL;
}

static gboolean
load_certificate (GTlsCertificate **certificate, GError **error)
{
  if (tls_self_signed && (tls_cert || tls_key)) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "--tls-self-signed and --tls-cert exclude each other");
    return FALSE;
  }
  if (!tls_cert != !tls_key) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "--tls-cert and --tls-key belong together");
    return FALSE;
  }
  if (tls_self_signed)
    *certificate = make_self_signed (error);
  else if (tls_cert)
    *certificate = mesh_pem_file_load_certificate (tls_cert, tls_key, FALSE,
        error);
  else
    return TRUE;
  return *certificate != NULL;
}

static gboolean
needs_secret (const char *uri)
{
  g_autoptr (MeshIceUrl) url = mesh_ice_url_parse (uri, NULL);

  return url && url->relay && !url->user;
}

static gboolean
add_ice_servers (MeshServer *server, GError **error)
{
  g_autofree char *secret = g_strdup (turn_secret);
  gboolean secret_used = FALSE;

  if (turn_secret_file) {
    if (turn_secret) {
      g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
          "--turn-secret and --turn-secret-file exclude each other");
      return FALSE;
    }
    secret = mesh_pem_file_read (turn_secret_file, FALSE, error);
    if (!secret)
      return FALSE;
    g_strchomp (secret);
  }
  if (secret && !mesh_server_set_turn_secret (server, secret, error)) {
    g_prefix_error_literal (error, "--turn-secret: ");
    return FALSE;
  }
  for (guint i = 0; ice_servers && i < ice_servers->len; i += 2) {
    const char *uri = g_ptr_array_index (ice_servers, i + 1);

    if (!mesh_server_add_ice_server (server, uri, error)) {
      g_prefix_error (error, "%s: ",
          (const char *) g_ptr_array_index (ice_servers, i));
      return FALSE;
    }
    secret_used |= needs_secret (uri);
  }
  if (secret && !secret_used) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED, "%s is of no use "
        "without --turn turn:HOST[:PORT], a relay without USER:PASSWORD",
        turn_secret_file ? "--turn-secret-file" : "--turn-secret");
    return FALSE;
  }
  return TRUE;
}

/* Each client takes a descriptor, and the usual limit of 1024 is too low. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = MIN (limit.rlim_max, 65536);
  setrlimit (RLIMIT_NOFILE, &limit);
}

/* Reads a renewed certificate. The server goes on with the old one if the new
 * one cannot be used. */
static gboolean
reload_cb (gpointer user_data)
{
  MeshServer *server = user_data;
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GError) error = NULL;

  if (!tls_cert) {
    g_message ("nothing is read anew on SIGHUP: %s", tls_self_signed
        ? "the self-signed certificate stays until the next start"
        : "there is no --tls-cert");
    return G_SOURCE_CONTINUE;
  }
  certificate = mesh_pem_file_load_certificate (tls_cert, tls_key, TRUE,
      &error);
  if (certificate && mesh_server_set_certificate (server, certificate, &error))
    g_message ("%s and %s are read anew, for those who connect from now on",
        tls_cert, tls_key);
  else
    g_warning ("the certificate stays the one that was, since %s and %s cannot "
        "be used: %s; mend them and send SIGHUP again", tls_cert, tls_key,
        error->message);
  return G_SOURCE_CONTINUE;
}

/* Handles signals that would end the program by default. */
static gboolean
ignore_cb (gpointer user_data)
{
  g_message ("SIGUSR1 and SIGUSR2 do nothing here; SIGHUP has the certificate "
      "read anew, SIGTERM ends the server");
  return G_SOURCE_CONTINUE;
}

static gboolean
quit_cb (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_CONTINUE;
}

/* Passes the command line's options on to the server, but for where it
 * listens. */
static gboolean
configure (MeshServer *server, GError **error)
{
  if (listen_options && listen_options[1]) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED, "--listen was given "
        "twice (\"%s\", \"%s\"), but a server listens in one place: choose "
        "one, or *:PORT for all addresses of this machine", listen_options[0],
        listen_options[1]);
    return FALSE;
  }
  for (char **origin = origins; origin && *origin; origin++) {
    if (!mesh_origin_check (*origin, error)) {
      g_prefix_error_literal (error, "--allow-origin: ");
      return FALSE;
    }
    mesh_server_allow_origin (server, *origin);
  }
  for (char **app = pusher_apps; app && *app; app++)
    if (!mesh_server_add_pusher_app (server, *app, error)) {
      g_prefix_error_literal (error, "--pusher-app: ");
      return FALSE;
    }
  return add_ice_servers (server, error);
}

/* Returns: the program's exit status: 2 where the command line is wrong, as
 * the options' parser has it */
static int
run (GError **error)
{
  g_autoptr (MeshServer) server = mesh_server_new ();
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_auto (GStrv) urls = NULL;

  if (!configure (server, error))
    return 2;
  if (!load_certificate (&certificate, error)
      || !mesh_server_listen (server, listen_on, certificate, error))
    return EXIT_FAILURE;
  g_unix_signal_add (SIGINT, quit_cb, loop);
  g_unix_signal_add (SIGTERM, quit_cb, loop);
  g_unix_signal_add (SIGHUP, reload_cb, server);
  g_unix_signal_add (SIGUSR1, ignore_cb, NULL);
  g_unix_signal_add (SIGUSR2, ignore_cb, NULL);
  urls = mesh_server_dup_urls (server);
  for (guint i = 0; urls[i]; i++)
    printf ("%s %s\n", i == 0 ? "listening on" : "also on", urls[i]);
  fflush (stdout);
  g_main_loop_run (loop);
  mesh_server_stop (server);
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  int status;

  setlocale (LC_ALL, "");
  /* a reader of our output, or a client, may be gone */
  signal (SIGPIPE, SIG_IGN);
  /* stdout is for the lines that say where the server listens */
  g_log_writer_default_set_use_stderr (TRUE);
  g_option_context_set_summary (context,
      "The signalling server of meshroom, and its page.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("meshroom-server: %s\n", error->message);
    return 2;
  }
  if (argc > 1) {
    g_printerr ("meshroom-server: unknown argument \"%s\"\n", argv[1]);
    return 2;
  }
  if (show_version) {
    printf ("meshroom-server %s\n", MESH_VERSION);
    return EXIT_SUCCESS;
  }
  if (listen_options)
    listen_on = listen_options[0];
  raise_descriptor_limit ();
  status = run (&error);
  if (error)
    g_printerr ("meshroom-server: %s\n", error->message);
  g_strfreev (listen_options);
  g_free (tls_cert);
  g_free (tls_key);
  g_strfreev (origins);
  g_strfreev (pusher_apps);
  g_clear_pointer (&ice_servers, g_ptr_array_unref);
  g_free (turn_secret);
  g_free (turn_secret_file);
  return status;
}
