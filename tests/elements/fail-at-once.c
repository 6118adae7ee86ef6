/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Under a sanitizer all tests of a program run in its one process (CK_FORK=no).
 * A test that fails leaves its pipelines running there, so that tests after it
 * may wait in vain, and GStreamer's clean-up at exit waits without end. So the
 * first failure ends the program.
 *
 * For that, libcheck's function is replaced, which would go on to the next
 * test: a program's symbols come before its libraries'. Its header is left out
 * because versions of it declare the message differently. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void _ck_assert_failed (const char *file, int line, const char *expression,
    ...);

void
_ck_assert_failed (const char *file, int line, const char *expression, ...)
{
  const char *message;
  va_list args;

  printf ("%s:%d: %s", file, line, expression);
  va_start (args, expression);
  message = va_arg (args, const char *);
  if (message) {
    printf (": ");
    vprintf (message, args);
  }
  va_end (args);
  printf ("\n");
  fflush (NULL);
  _Exit (1);
}
