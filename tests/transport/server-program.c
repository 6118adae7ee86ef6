/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* meshroom-server, as it is started. */

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/certificate.h"
#include "serving.h"

#define WATCHDOG 50

static char *
find_program (void)
{
  return g_build_filename (g_getenv ("MESH_BUILD_ROOT"), "gst", "server",
      "meshroom-server", NULL);
}

typedef struct {
  const char *locale;           /* NULL: the test's own */
  const char *locale_path;
  GSubprocess *process;
  GDataInputStream *out;
  GInputStream *log;
} Program;

static char *
program_start (Program *self, const char *const *options)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autofree char *path = find_program ();
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;

  alarm (WATCHDOG);
  g_subprocess_launcher_setenv (launcher, "G_MESSAGES_DEBUG", "all", TRUE);
  /* what is said in the log is not to end what is tested to go on */
  g_subprocess_launcher_unsetenv (launcher, "G_DEBUG");
  if (self->locale) {
    g_subprocess_launcher_setenv (launcher, "LOCPATH", self->locale_path,
        TRUE);
    g_subprocess_launcher_setenv (launcher, "LC_ALL", self->locale, TRUE);
  }
  g_ptr_array_add (argv, path);
  g_ptr_array_add (argv, (char *) "--listen");
  g_ptr_array_add (argv, (char *) "127.0.0.1:0");
  for (; options && *options; options++)
    g_ptr_array_add (argv, (char *) *options);
  g_ptr_array_add (argv, NULL);
  self->process = g_subprocess_launcher_spawnv (launcher,
      (const char *const *) argv->pdata, &error);
  g_assert_no_error (error);
  self->out = g_data_input_stream_new (
      g_subprocess_get_stdout_pipe (self->process));
  self->log = g_subprocess_get_stderr_pipe (self->process);
  line = g_data_input_stream_read_line (self->out, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (line, "listening on http"));
  return g_strdup (line + strlen ("listening on "));
}

static char *
program_end (Program *self, int signal_number)
{
  g_autoptr (GError) error = NULL;
  GString *log = g_string_new (NULL);
  char buffer[1024];
  gssize n;

  g_subprocess_send_signal (self->process, signal_number);
  while ((n = g_input_stream_read (self->log, buffer, sizeof buffer, NULL,
              NULL)) > 0)
    g_string_append_len (log, buffer, n);
  g_subprocess_wait_check (self->process, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&self->out);
  g_clear_object (&self->process);
  return g_string_free (log, FALSE);
}

static void
the_program_ends_cleanly (void)
{
  static const int signals[] = { SIGINT, SIGTERM };
  static const char *const options[][2] = { { NULL }, { "--tls-self-signed" } };

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++) {
    Program program = { 0 };
    g_autofree char *url =
        program_start (&program, options[i]);

    g_assert_true (g_str_has_prefix (url,
            i ? "https://127.0.0.1:" : "http://127.0.0.1:"));
    g_free (program_end (&program, signals[i]));
  }
}

static void
the_program_serves_https_from_files (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsCertificate) certificate = mesh_certificate_new_self_signed (
      (const char *[]) { "127.0.0.1", NULL }, &error);
  g_autofree char *dir = g_dir_make_tmp ("meshroom-XXXXXX", NULL);
  g_autofree char *cert = g_build_filename (dir, "cert.pem", NULL);
  g_autofree char *key = g_build_filename (dir, "key.pem", NULL);
  g_autofree char *cert_pem = NULL, *key_pem = NULL, *url = NULL;
  g_autofree char *answer = NULL;
  g_autoptr (GIOStream) raw = NULL;
  Serving serving = { .certificate = certificate };
  Program program = { 0 };

  g_assert_no_error (error);
  g_object_get (certificate, "certificate-pem", &cert_pem, "private-key-pem",
      &key_pem, NULL);
  g_file_set_contents (cert, cert_pem, -1, &error);
  g_assert_no_error (error);
  g_file_set_contents (key, key_pem, -1, &error);
  g_assert_no_error (error);
  url = program_start (&program, (const char *[]) { "--tls-cert", cert,
      "--tls-key", key, NULL });
  g_assert_true (g_str_has_prefix (url, "https://127.0.0.1:"));
  serving.port = g_ascii_strtoull (strrchr (url, ':') + 1, NULL, 10);
  raw = raw_connect_narrow (&serving);
  raw_send (raw, "GET /healthz HTTP/1.0\r\n\r\n", -1);
  answer = raw_read_all (raw);
  g_assert_true (g_str_has_suffix (answer, "\r\n\r\nok\n"));
  g_free (program_end (&program, SIGTERM));
  g_unlink (cert);
  g_unlink (key);
  g_rmdir (dir);
}

/* Reads the log until it says so. */
static void
await_log (Program *self, const char *text)
{
  g_autoptr (GString) log = g_string_new (NULL);
  char c;

  while (!strstr (log->str, text)
      && g_input_stream_read (self->log, &c, 1, NULL, NULL) == 1)
    g_string_append_c (log, c);
  g_assert_nonnull (strstr (log->str, text));
}

static gboolean
take_any (GTlsConnection *tls, GTlsCertificate *certificate,
    GTlsCertificateFlags flaws, gpointer user_data)
{
  return TRUE;
}

static GIOStream *
connect_tls (const char *url)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) plain = NULL;
  g_autoptr (GError) error = NULL;
  GIOStream *tls;

  plain = g_socket_client_connect_to_host (client, "127.0.0.1",
      g_ascii_strtoull (strrchr (url, ':') + 1, NULL, 10), NULL, &error);
  g_assert_no_error (error);
  tls = g_tls_client_connection_new (G_IO_STREAM (plain), NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (take_any), NULL);
  g_assert_true (g_tls_connection_handshake (G_TLS_CONNECTION (tls), NULL,
          &error));
  g_assert_no_error (error);
  return tls;
}

/* Whether the server presents @certificate to whoever comes now. */
static void
assert_presents (const char *url, GTlsCertificate *certificate)
{
  g_autoptr (GIOStream) tls = connect_tls (url);

  g_assert_true (g_tls_certificate_is_same (certificate,
          g_tls_connection_get_peer_certificate (G_TLS_CONNECTION (tls))));
}

static void
assert_answers (GIOStream *stream)
{
  g_autofree char *head = NULL;
  char body[3];
  gsize n;

  raw_send (stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", -1);
  head = raw_read_head (stream);
  g_assert_true (g_str_has_prefix (head, "HTTP/1.1 200 "));
  g_assert_true (g_input_stream_read_all (g_io_stream_get_input_stream
          (stream), body, 3, &n, NULL, NULL));
  g_assert_cmpmem (body, n, "ok\n", 3);
}

/* A certificate with its key in a folder of its own, to which "live" leads, as
 * certbot keeps them. */
static GTlsCertificate *
renew (const char *dir, const char *name)
{
  g_autoptr (GError) error = NULL;
  GTlsCertificate *certificate = mesh_certificate_new_self_signed (
      (const char *[]) { "127.0.0.1", NULL }, &error);
  g_autofree char *folder = g_build_filename (dir, name, NULL);
  g_autofree char *cert = g_build_filename (folder, "cert.pem", NULL);
  g_autofree char *key = g_build_filename (folder, "key.pem", NULL);
  g_autofree char *fresh = g_build_filename (dir, "fresh", NULL);
  g_autofree char *live = g_build_filename (dir, "live", NULL);
  g_autofree char *cert_pem = NULL, *key_pem = NULL;

  g_assert_no_error (error);
  g_object_get (certificate, "certificate-pem", &cert_pem, "private-key-pem",
      &key_pem, NULL);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (cert, cert_pem, -1, NULL));
  g_assert_true (g_file_set_contents (key, key_pem, -1, NULL));
  g_assert_cmpint (symlink (name, fresh), ==, 0);
  g_assert_cmpint (g_rename (fresh, live), ==, 0);
  return certificate;
}

static void
remove_folder (const char *dir)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE,
      &error, "rm", "-r", dir, NULL);

  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
}

static void
a_renewed_certificate_is_read (void)
{
  g_autofree char *dir = g_dir_make_tmp ("meshroom-XXXXXX", NULL);
  g_autofree char *cert = g_build_filename (dir, "live", "cert.pem", NULL);
  g_autofree char *key = g_build_filename (dir, "live", "key.pem", NULL);
  g_autofree char *other = g_build_filename (dir, "first", "key.pem", NULL);
  g_autoptr (GTlsCertificate) first = renew (dir, "first");
  g_autoptr (GTlsCertificate) second = NULL, third = NULL;
  g_autofree char *url = NULL, *foreign = NULL;
  g_autoptr (GIOStream) old = NULL;
  Program program = { 0 };

  url = program_start (&program, (const char *[]) { "--tls-cert", cert,
      "--tls-key", key, NULL });
  assert_presents (url, first);
  old = connect_tls (url);
  assert_answers (old);

  second = renew (dir, "second");
  g_subprocess_send_signal (program.process, SIGHUP);
  await_log (&program, "are read anew");
  assert_presents (url, second);
  assert_answers (old);

  /* half-written, gone, and not belonging together */
  g_assert_true (g_file_set_contents (cert, "-----BEGIN CERTIFICATE-----\nMI",
          -1, NULL));
  g_subprocess_send_signal (program.process, SIGHUP);
  await_log (&program, "stays the one that was");
  g_assert_cmpint (g_unlink (cert), ==, 0);
  g_subprocess_send_signal (program.process, SIGHUP);
  await_log (&program, "stays the one that was");
  assert_presents (url, second);
  third = renew (dir, "third");
  g_assert_true (g_file_get_contents (other, &foreign, NULL, NULL));
  g_assert_true (g_file_set_contents (key, foreign, -1, NULL));
  g_subprocess_send_signal (program.process, SIGHUP);
  await_log (&program, "stays the one that was");
  assert_presents (url, second);
  assert_answers (old);
  g_free (program_end (&program, SIGTERM));
  remove_folder (dir);
}

/* Puts at @path what a server that runs must not read: a pipe that nobody
 * writes, a device that never ends, a file of many MiB, a folder. */
static void
put_unreadable (const char *path, guint kind)
{
  g_assert_cmpint (g_unlink (path), ==, 0);
  if (kind == 0) {
    g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  } else if (kind == 1) {
    g_assert_cmpint (symlink ("/dev/zero", path), ==, 0);
  } else if (kind == 2) {
    g_assert_true (g_file_set_contents (path, "", 0, NULL));
    g_assert_cmpint (truncate (path, 64 * 1024 * 1024), ==, 0);
  } else {
    g_assert_cmpint (symlink ("/", path), ==, 0);
  }
}

static void
a_certificate_that_never_ends_is_not_read (void)
{
  static const char *const names[] = { "cert.pem", "key.pem" };
  static const char *const why[] = { "not a regular file",
    "not a regular file", "larger than 1 MiB", "not a regular file"
  };
  g_autofree char *dir = g_dir_make_tmp ("meshroom-XXXXXX", NULL);
  g_autofree char *live = g_build_filename (dir, "live", NULL);
  g_autofree char *cert = g_build_filename (live, "cert.pem", NULL);
  g_autofree char *key = g_build_filename (live, "key.pem", NULL);
  g_autoptr (GTlsCertificate) first = renew (dir, "first");
  g_autoptr (GTlsCertificate) last = NULL;
  Program program = { 0 };
  g_autofree char *url = program_start (&program, (const char *[]) {
      "--tls-cert", cert, "--tls-key", key, NULL });

  for (guint i = 0; i < G_N_ELEMENTS (names) * G_N_ELEMENTS (why); i++) {
    g_autofree char *folder = g_strdup_printf ("next-%u", i);
    g_autoptr (GTlsCertificate) next = renew (dir, folder);
    g_autofree char *path = g_build_filename (live, names[i % 2], NULL);

    put_unreadable (path, i / 2);
    g_subprocess_send_signal (program.process, SIGHUP);
    await_log (&program, why[i / 2]);
    assert_presents (url, first);
  }
  last = renew (dir, "last");
  g_subprocess_send_signal (program.process, SIGHUP);
  await_log (&program, "are read anew");
  assert_presents (url, last);
  g_free (program_end (&program, SIGTERM));
  remove_folder (dir);
}

/* One file may hold all, and a shell may hand it over as a pipe. */
static void
a_certificate_comes_through_a_pipe (void)
{
  g_autofree char *dir = g_dir_make_tmp ("meshroom-XXXXXX", NULL);
  g_autofree char *cert = g_build_filename (dir, "live", "cert.pem", NULL);
  g_autofree char *key = g_build_filename (dir, "live", "key.pem", NULL);
  g_autofree char *pipe = g_build_filename (dir, "pipe", NULL);
  g_autoptr (GTlsCertificate) certificate = renew (dir, "first");
  g_autofree char *cert_text = NULL, *key_text = NULL, *both = NULL;
  g_autofree char *url = NULL;
  g_autoptr (GSubprocess) writer = NULL;
  g_autoptr (GError) error = NULL;
  Program program = { 0 };

  g_assert_true (g_file_get_contents (cert, &cert_text, NULL, NULL));
  g_assert_true (g_file_get_contents (key, &key_text, NULL, NULL));
  both = g_strconcat (cert_text, key_text, NULL);
  g_assert_true (g_file_set_contents (key, both, -1, NULL));
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  writer = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "sh", "-c",
      "cat \"$0\" > \"$1\"", key, pipe, NULL);
  g_assert_no_error (error);
  url = program_start (&program, (const char *[]) { "--tls-cert", pipe,
      "--tls-key", key, NULL });
  assert_presents (url, certificate);
  g_free (program_end (&program, SIGTERM));
  g_assert_true (g_subprocess_wait_check (writer, NULL, &error));
  remove_folder (dir);
}

static void
other_signals_end_nothing (void)
{
  static const struct {
    const char *option;
    int number;
    const char *log;
  } cases[] = {
    { NULL, SIGHUP, "no --tls-cert" },
    { "--tls-self-signed", SIGHUP, "until the next start" },
    { NULL, SIGUSR1, "do nothing" }, { NULL, SIGUSR2, "do nothing" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Program program = { 0 };
    g_autofree char *url = program_start (&program, (const char *[]) {
        cases[i].option, NULL });

    /* a pipe that nobody reads at the other end ends nothing either */
    g_subprocess_send_signal (program.process, SIGPIPE);
    g_subprocess_send_signal (program.process, cases[i].number);
    await_log (&program, cases[i].log);
    g_free (program_end (&program, SIGTERM));
  }
}

/* Months are called otherwise there, letters have another upper case, and
 * numbers a comma. */
static void
the_language_of_the_machine_is_not_seen (void)
{
  static const char *const locales[] = { "de_DE", "tr_TR", "ja_JP" };
  g_autofree char *dir = g_dir_make_tmp ("meshroom-XXXXXX", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (locales); i++) {
    g_autofree char *name = g_strconcat (locales[i], ".UTF-8", NULL);
    g_autofree char *path = g_build_filename (dir, name, NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (GSubprocess) make = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE,
        &error, "localedef", "-i", locales[i], "-f", "UTF-8", path, NULL);
    g_autofree char *url = NULL, *answer = NULL, *metrics = NULL;
    Serving serving = { 0 };
    Program program = { .locale = name, .locale_path = dir };

    g_assert_no_error (error);
    g_assert_true (g_subprocess_wait_check (make, NULL, &error));
    url = program_start (&program, NULL);
    serving.port = g_ascii_strtoull (strrchr (url, ':') + 1, NULL, 10);
    answer = raw_request (&serving, "GET /healthz HTTP/1.1\r\nHOST: x\r\n"
        "CONNECTION: CLOSE\r\n\r\n");
    g_test_message ("%s: %s", locales[i], answer);
    g_assert_true (g_regex_match_simple ("\r\nDate: "
            "(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} "
            "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
            "[0-9]{2}:[0-9]{2}:[0-9]{2} GMT\r\n", answer, 0, 0));
    metrics = raw_request (&serving, "GET /metrics HTTP/1.0\r\n\r\n");
    g_assert_false (g_regex_match_simple ("^[^#]* [0-9]+,[0-9]", metrics,
            G_REGEX_MULTILINE, 0));
    g_free (program_end (&program, SIGTERM));
  }
  remove_folder (dir);
}

static void
relays_share_a_secret_in_a_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp ("meshroom-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (dir, "secret", NULL);
  g_autofree char *url = NULL, *answer = NULL, *log = NULL;
  Serving serving = { 0 };
  Program program = { 0 };

  g_file_set_contents (file, "hush\n", -1, &error);
  g_assert_no_error (error);
  url = program_start (&program, (const char *[]) { "--turn-secret-file", file,
      "--turn", "turn:t.example", "--ice-server", "stun:s.example",
      "--allow-origin", "https://a.example:8443", "--allow-origin", "*",
      NULL });
  serving.port = g_ascii_strtoull (strrchr (url, ':') + 1, NULL, 10);
  answer = raw_request (&serving, "GET /v1/ice HTTP/1.0\r\n\r\n");
  g_assert_nonnull (strstr (answer, "\"turn:t.example\",\"username\":"));
  g_assert_nonnull (strstr (answer, "\"stun:s.example\""));
  g_assert_null (strstr (answer, "hush"));
  log = program_end (&program, SIGTERM);
  g_assert_null (strstr (log, "hush"));
  g_unlink (file);
  g_rmdir (dir);
}

static void
the_log_keeps_secrets (void)
{
  Program program = { 0 };
  Serving serving = { 0 };
  g_autofree char *url = program_start (&program, NULL);
  g_autofree char *log = NULL;
  GIOStream *a, *b;
  g_autofree char *text = NULL;

  serving.port = g_ascii_strtoull (strrchr (url, ':') + 1, NULL, 10);
  a = raw_websocket (&serving);
  raw_hello (a, ID_A);
  b = raw_websocket (&serving);
  raw_hello (b, ID_B);
  raw_send_frame (b, 0x81, "{\"mid\":1,\"to\":\"" ID_A "\",\"payload\":"
      "{\"sdp\":\"SECRET\"}}");
  g_free (raw_read_text (a));
  text = raw_read_text (a);
  g_assert_nonnull (strstr (text, "SECRET"));
  raw_send_frame (b, 0x81, "{\"mid\":1,\"SECRET\"");
  g_assert_cmpuint (raw_read_close (b), ==, 4400);
  g_object_unref (a);
  g_object_unref (b);
  log = program_end (&program, SIGTERM);
  g_assert_nonnull (strstr (log, "joined"));
  g_assert_null (strstr (log, "SECRET"));
  g_assert_null (strstr (log, TOKEN_A));
  g_assert_null (strstr (log, ID_A));
  g_assert_null (strstr (log, ROOM_ID));
  g_assert_null (strstr (log, "127.0.0.1"));
}


static void
wrong_options_are_named (void)
{
  static const char *const cases[][3] = {
    { "--listen", "nowhere", "ADDR:PORT" },
    { "--listen", "https://127.0.0.1:0", "--tls-self-signed" },
    { "--tls-cert", "/dev/null", "--tls-key" },
    { "--tls-key", "/dev/null", "--tls-cert" },
    { "--pusher-app", "x", "--pusher-app" },
    { "--ice-server", "x", "--ice-server" },
    { "--turn", "turn:u:hush@h:0", "port" },
    { "--stun", "garbage", "expected" },
    { "--ice-server", "turn://u:hush@h?transport=sctp", "transport=" },
    { "--turn", "turn:x", "--turn: " },
    { "--turn", "turn:x", "--turn-secret" },
    { "--stun", "x", "--stun: " },
    { "--turn-secret", "hush", "without --turn" },
    { "--allow-origin", "foo", "https://HOST[:PORT]" },
    { "--allow-origin", "foo.example:8080", "https://HOST[:PORT]" },
    { "--allow-origin", "https://foo.example/", "https://HOST[:PORT]" },
    { "--allow-origin", "https://", "https://HOST[:PORT]" },
    { "--allow-origin", "https://*.example", "https://HOST[:PORT]" },
    { "--allow-origin", "https://foo.example:443", "usual port" },
    { "--listen=127.0.0.1:0", "--listen=[::1]:0", "twice" },
    { "--turn-secret", "", "--turn-secret" },
    { "--turn-secret-file", "/nowhere", "/nowhere" },
    { "--turn-secret-file", "/dev/zero", "larger than 1 MiB" },
    { "what", NULL, "what" },
  };
  /* before that, files and addresses are looked at, and may be right later */
  static const guint first_of_usage = 4;
  g_autofree char *path = find_program ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *message = NULL;
    g_autoptr (GSubprocess) process = g_subprocess_new (
        G_SUBPROCESS_FLAGS_STDERR_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE,
        &error, path, cases[i][0], cases[i][1], NULL);

    g_assert_no_error (error);
    g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &message,
        &error);
    g_assert_no_error (error);
    g_assert_false (g_subprocess_get_successful (process));
    if (i >= first_of_usage)
      g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 2);
    g_assert_null (strstr (message, "hush"));
    g_assert_true (g_str_has_prefix (message, "meshroom-server: "));
    g_assert_nonnull (strstr (message, cases[i][2]));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add_func ("/server-program/" #name, name)
  ADD (the_program_ends_cleanly);
  ADD (the_program_serves_https_from_files);
  ADD (a_renewed_certificate_is_read);
  ADD (a_certificate_that_never_ends_is_not_read);
  ADD (a_certificate_comes_through_a_pipe);
  ADD (other_signals_end_nothing);
  ADD (the_language_of_the_machine_is_not_seen);
  ADD (relays_share_a_secret_in_a_file);
  ADD (the_log_keeps_secrets);
  ADD (wrong_options_are_named);
  return g_test_run ();
}
