/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ticker.h"

#include "elements.h"

void
mesh_ticker_init (MeshTicker *ticker)
{
  g_mutex_init (&ticker->lock);
  mesh_ticker_reset (ticker);
}

void
mesh_ticker_clear (MeshTicker *ticker)
{
  g_mutex_clear (&ticker->lock);
}

void
mesh_ticker_reset (MeshTicker *ticker)
{
  ticker->origin = GST_CLOCK_TIME_NONE;
  ticker->count = 0;
}

static GstClockTime
time_of (MeshTicker *ticker, guint64 count)
{
  return ticker->origin + gst_util_uint64_scale (count,
      ticker->rate_d * GST_SECOND, ticker->rate_n);
}

/* Changes the rate. The next unit follows the last one of the old rate without
 * a gap. */
void
mesh_ticker_set_rate (MeshTicker *ticker, guint64 rate_n, guint64 rate_d)
{
  if (rate_n == ticker->rate_n && rate_d == ticker->rate_d)
    return;
  if (GST_CLOCK_TIME_IS_VALID (ticker->origin)) {
    ticker->origin = time_of (ticker, ticker->count);
    ticker->count = 0;
  }
  ticker->rate_n = rate_n;
  ticker->rate_d = rate_d;
}

void
mesh_ticker_set_flushing (MeshTicker *ticker, gboolean flushing)
{
  g_mutex_lock (&ticker->lock);
  ticker->flushing = flushing;
  if (flushing && ticker->wait)
    gst_clock_id_unschedule (ticker->wait);
  g_mutex_unlock (&ticker->lock);
}

/* Returns: (transfer full): the element's clock, or the system's without one;
 * and the base time */
static GstClock *
get_clock (GstElement *element, GstClockTime *base_time)
{
  GstClock *clock = gst_element_get_clock (element);

  *base_time = gst_element_get_base_time (element);
  return clock ? clock : gst_system_clock_obtain ();
}

static GstClockTime
running_time (GstClock *clock, GstClockTime base_time)
{
  GstClockTime now = gst_clock_get_time (clock);

  return now > base_time ? now - base_time : 0;
}

/* Returns FALSE when flushing. */
static gboolean
wait_until (MeshTicker *ticker, GstClock *clock, GstClockTime time)
{
  gboolean flushing;

  g_mutex_lock (&ticker->lock);
  if (!ticker->flushing) {
    ticker->wait = gst_clock_new_single_shot_id (clock, time);
    g_mutex_unlock (&ticker->lock);
    gst_clock_id_wait (ticker->wait, NULL);
    g_mutex_lock (&ticker->lock);
    g_clear_pointer (&ticker->wait, gst_clock_id_unref);
  }
  flushing = ticker->flushing;
  g_mutex_unlock (&ticker->lock);
  return !flushing;
}

/**
 * mesh_ticker_next:
 * @element: whose clock and base time count
 * @delay: how long after its timestamp a unit is due
 * @tolerance: the number of units by which the ticker may be behind and still
 *   catches up; if it is further behind, since the machine or an element
 *   downstream was busy, the missed units are skipped
 * @buffer: gets the unit's timestamps
 *
 * Waits until the next unit is due.
 *
 * Returns: %FALSE when flushing
 */
gboolean
mesh_ticker_next (MeshTicker *ticker, GstElement *element, GstClockTime delay,
    guint tolerance, GstBuffer *buffer)
{
  GstClockTime base_time, now, due;
  g_autoptr (GstClock) clock = get_clock (element, &base_time);
  GstClockTime unit = gst_util_uint64_scale (GST_SECOND, ticker->rate_d,
      ticker->rate_n);

  now = running_time (clock, base_time);
  if (!GST_CLOCK_TIME_IS_VALID (ticker->origin)) {
    ticker->origin = now - now % unit;
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  }
  due = time_of (ticker, ticker->count) + delay;
  if (now > due + tolerance * unit) {
    guint64 behind = (now - due) / unit;

    GST_DEBUG_OBJECT (element, "%" G_GUINT64_FORMAT " units behind", behind);
    ticker->count += behind;
    due = time_of (ticker, ticker->count) + delay;
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  }
  if (!wait_until (ticker, clock, base_time + due))
    return FALSE;

  GST_BUFFER_PTS (buffer) = time_of (ticker, ticker->count);
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET (buffer) = ticker->count++;
  GST_BUFFER_DURATION (buffer) = time_of (ticker, ticker->count)
      - GST_BUFFER_PTS (buffer);
  return TRUE;
}
