/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a room does to the process that it is in: a program's own, where it
 * leaves alone what is not its business, or gst-launch's. */

#define OPENSSL_SUPPRESS_DEPRECATED
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/process.h"
#include "party.h"

#define RED PARTY_VIDEO (PARTY_RED) PARTY_AUDIO (500)
#define BLUE PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900)

/* Whom the process belongs to, by the word of the tests' environment. */
static const char *const owners[] = { "0", "1" };

static void
set_owner (const char *said)
{
  if (said)
    g_setenv ("MESHROOM_OWN_PROCESS", said, TRUE);
  else
    g_unsetenv ("MESHROOM_OWN_PROCESS");
}

static const struct {
  const char *program;
  const char *said;
  gboolean ours;
} processes[] = {
  { "obs", NULL, FALSE },
  { "gst-launch-1.0", NULL, TRUE },
  { "gst-launch-1.0", "0", FALSE },
  { "gst-launch-1.0", "", FALSE },
  { "obs", "1", TRUE },
  { "obs", "0", FALSE },
};

GST_START_TEST (gst_launch_is_nobody_elses)
{
  g_autofree char *program = g_strdup (g_get_prgname ());

  set_owner (processes[__i__].said);
  g_set_prgname (processes[__i__].program);
  fail_unless_equals_int (mesh_host_owns_process (), processes[__i__].ours);
  g_set_prgname (program);
}

GST_END_TEST;

static void
tell (void)
{
  _exit (EXIT_FAILURE);
}

/* An application's OpenSSL cleans up as it exits; a process of ours does not
 * wait for threads that may be about to end. In a process of its own, since
 * OpenSSL keeps to what it was told first. */
GST_START_TEST (openssl_cleans_up_when_an_application_ends)
{
  int status;
  pid_t pid = fork ();

  if (pid == 0) {
    set_owner (owners[__i__]);
    gst_object_unref (gst_element_factory_make ("meshroom", NULL));
    OPENSSL_init_crypto (OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
    OPENSSL_atexit (tell);
    exit (EXIT_SUCCESS);
  }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  fail_unless (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), __i__ ? EXIT_SUCCESS : EXIT_FAILURE);
}

GST_END_TEST;

/* --- a call --- */

static void
call_and_hang_up (void)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED) && party_hears (b, a->id, 500));
  party_free (b);
  party_free (a);
  wire_free (wire);
}

static gint is_over;            /* atomic */

/* Returns: how often the method was not OpenSSL's own. */
static gpointer
watch_method (gpointer unused)
{
  gsize changed = 0;

  while (!g_atomic_int_get (&is_over)) {
    changed += RSA_get_default_method () != RSA_PKCS1_OpenSSL ();
    g_thread_yield ();
  }
  return GSIZE_TO_POINTER (changed);
}

GST_START_TEST (an_application_keeps_its_openssl)
{
  GThread *watcher;

  set_owner ("0");
  watcher = g_thread_new ("watcher", watch_method, NULL);
  call_and_hang_up ();
  g_atomic_int_set (&is_over, TRUE);
  ck_assert_int_eq (GPOINTER_TO_SIZE (g_thread_join (watcher)), 0);
}

GST_END_TEST;

GST_START_TEST (a_call_in_a_process_of_ours)
{
  set_owner ("1");
  call_and_hang_up ();
  fail_unless (RSA_get_default_method () == RSA_PKCS1_OpenSSL ());
}

GST_END_TEST;

static gint cleaned_senders;    /* atomic */

/* The plugin calls this one, since a program's symbols come before its
 * libraries'. */
void
OPENSSL_thread_stop (void)
{
  void (*original) (void) = (void (*) (void)) dlsym (RTLD_NEXT,
      "OPENSSL_thread_stop");
  char name[16];

  if (pthread_getname_np (pthread_self (), name, sizeof name) == 0
      && g_str_has_prefix (name, "dtlsenc"))
    g_atomic_int_inc (&cleaned_senders);
  original ();
}

/* One that has something to clean up while the process exits would crash it. A
 * DTLS handshake begins on a sender's thread. */
GST_START_TEST (the_threads_of_a_call_are_done_with_openssl)
{
  set_owner (owners[__i__]);
  g_atomic_int_set (&cleaned_senders, 0);
  call_and_hang_up ();
  ck_assert_int_ge (g_atomic_int_get (&cleaned_senders), 2);
}

GST_END_TEST;

static Suite *
meshroom_process_suite (void)
{
  Suite *suite = suite_create ("meshroom-process");
  TCase *tests = tcase_create ("all");

  tcase_set_timeout (tests, 120);
  suite_add_tcase (suite, tests);
  tcase_add_loop_test (tests, openssl_cleans_up_when_an_application_ends, 0,
      G_N_ELEMENTS (owners));
  tcase_add_loop_test (tests, gst_launch_is_nobody_elses, 0,
      G_N_ELEMENTS (processes));
  tcase_add_test (tests, an_application_keeps_its_openssl);
  tcase_add_test (tests, a_call_in_a_process_of_ours);
  tcase_add_loop_test (tests, the_threads_of_a_call_are_done_with_openssl, 0,
      G_N_ELEMENTS (owners));
  return suite;
}

GST_CHECK_MAIN (meshroom_process);
