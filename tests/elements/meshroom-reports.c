/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What rtpsession does while it writes its sender reports, seen in its debug
 * messages: plugins/meshroom/sender-caps.c says why it must not ask for a clock
 * rate then.
 */
#include "party.h"

#define AV(colour, hz) PARTY_VIDEO (colour) PARTY_AUDIO (hz)

static guint n_reports, n_questions;    /* party_lock */

static void
on_debug_message (GstDebugCategory *category, GstDebugLevel level,
    const gchar *file, const gchar *function, gint line, GObject *object,
    GstDebugMessage *message, gpointer user_data)
{
  const char *text = gst_debug_message_get (message);

  g_mutex_lock (&party_lock);
  n_reports += g_str_has_prefix (text, "create SR for SSRC");
  n_questions += g_str_has_prefix (text, "no clock-rate");
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

/* rtpsession 1.22.3 and later walks through a copy, and may ask. */
static gboolean
may_ask (void)
{
  g_autoptr (GstPluginFeature) rtpbin = gst_registry_lookup_feature
      (gst_registry_get (), "rtpbin");

  return gst_plugin_feature_check_version (rtpbin, 1, 22, 3);
}

GST_START_TEST (no_report_waits_for_a_clock_rate)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", AV (PARTY_RED, 500));
  Party *b = party_new (wire, "", AV (PARTY_BLUE, 900));

  gst_debug_add_log_function (on_debug_message, NULL, NULL);
  gst_debug_remove_log_function (gst_debug_log_default);
  gst_debug_set_threshold_for_name ("rtpsession", GST_LEVEL_DEBUG);
  gst_debug_set_threshold_for_name ("rtpsource", GST_LEVEL_INFO);
  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE) && party_hears (a, b->id, 900));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED) && party_hears (b, a->id, 500));
  /* of each stream of each party, twice */
  WAIT_FOR (n_reports >= 8);
  party_free (a);
  party_free (b);
  wire_free (wire);
  gst_debug_set_threshold_for_name ("rtpsession", GST_LEVEL_NONE);
  gst_debug_set_threshold_for_name ("rtpsource", GST_LEVEL_NONE);
  gst_debug_remove_log_function (on_debug_message);
  if (!may_ask ())
    ck_assert_uint_eq (n_questions, 0);
}

GST_END_TEST;

static Suite *
reports_suite (void)
{
  Suite *suite = suite_create ("meshroom-reports");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, no_report_waits_for_a_clock_rate);
  return suite;
}

GST_CHECK_MAIN (reports);
