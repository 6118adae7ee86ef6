/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a queue grows on the path: the slope of the delay over the last
 * groups of packets, held against a threshold that adapts. The threshold rises
 * where the delay varies by itself (jitter) and where somebody else keeps the
 * queue full (TCP), so that neither starves us (Carlucci et al., "Analysis and
 * Design of the Google Congestion Control for WebRTC", 2016). */

#include "core/bwe/bwe-private.h"

#include <math.h>

/* libwebrtc, trendline_estimator.cc: kDefaultTrendlineSmoothingCoeff,
 * kDefaultTrendlineThresholdGain, kMinNumDeltas, kDeltaCounterMax. There the
 * weight of a slope grows with the number of deltas up to the third, and
 * whoever comes late to a full link notices it last: here it is full from the
 * first slope on. */
#define SMOOTHING .9
#define GAIN 4.
#define FULL_DELTAS 60
#define MAX_DELTAS 1000
/* The same file: threshold_, k_up_, k_down_, kMaxAdaptOffsetMs, and the bounds
 * in UpdateThreshold() */
#define FIRST_THRESHOLD 12.5
#define FALLING .039
#define RISING .0087
#define OUTLIER 15.
#define LEAST_THRESHOLD 6.
#define GREATEST_THRESHOLD 600.
#define LONGEST_STEP_MS 100.
/* The same file: kOverUsingTimeThreshold */
#define OVERUSE_MS 10.

/* Sets up a detector that has seen nothing. */
void
mesh_bwe_trend_init (MeshBweTrend *self)
{
  *self = (MeshBweTrend) { .threshold = FIRST_THRESHOLD };
}

/* Least squares over the points there are; 0 where all arrived at one time. */
static double
fit (const MeshBweTrend *self)
{
  guint n = MESH_BWE_TREND_POINTS;
  double mean_x = 0, mean_y = 0, above = 0, below = 0;

  for (guint i = 0; i < n; i++) {
    mean_x += self->x[i] / n;
    mean_y += self->y[i] / n;
  }
  for (guint i = 0; i < n; i++) {
    above += (self->x[i] - mean_x) * (self->y[i] - mean_y);
    below += (self->x[i] - mean_x) * (self->x[i] - mean_x);
  }
  return below > 0 ? above / below : self->slope;
}

static void
adapt (MeshBweTrend *self, double size, gint64 now)
{
  double step = MIN ((now - self->threshold_at) / 1000., LONGEST_STEP_MS);

  if (self->threshold_at == 0)
    step = 0;
  self->threshold_at = now;
  /* A sudden jump is no sign of a queue that others fill. */
  if (size > self->threshold + OUTLIER)
    return;
  self->threshold += (size < self->threshold ? FALLING : RISING)
      * (size - self->threshold) * step;
  self->threshold = CLAMP (self->threshold, LEAST_THRESHOLD,
      GREATEST_THRESHOLD);
}

static void
judge (MeshBweTrend *self, double slope, double sent_ms, gint64 now)
{
  double value = FULL_DELTAS * slope * GAIN;

  if (value > self->threshold) {
    self->over_ms += self->over_count == 0 ? sent_ms / 2 : sent_ms;
    self->over_count++;
    if (self->over_ms > OVERUSE_MS && self->over_count > 1
        && slope >= self->slope) {
      self->over_ms = 0;
      self->over_count = 0;
      self->usage = MESH_BWE_OVERUSE;
    }
  } else {
    self->over_ms = 0;
    self->over_count = 0;
    self->usage = value < -self->threshold ? MESH_BWE_UNDERUSE
        : MESH_BWE_NORMAL;
  }
  self->slope = slope;
  adapt (self, fabs (value), now);
}

/* Takes in how far two groups are apart, of which the later one arrived at
 * @arrived; the verdict is in usage. */
void
mesh_bwe_trend_add (MeshBweTrend *self, const MeshBweDelta *delta,
    gint64 arrived)
{
  guint at = self->deltas % MESH_BWE_TREND_POINTS;
  double slope = self->slope;

  self->deltas++;
  self->delay_ms += delta->arrived_ms - delta->sent_ms;
  self->smooth_ms = SMOOTHING * self->smooth_ms
      + (1 - SMOOTHING) * self->delay_ms;
  self->x[at] = arrived / 1000.;
  self->y[at] = self->smooth_ms;
  if (self->deltas >= MESH_BWE_TREND_POINTS)
    slope = fit (self);
  judge (self, slope, delta->sent_ms, arrived);
  /* The place in the ring goes on where the count of points ends. */
  if (self->deltas > MAX_DELTAS)
    self->deltas -= MESH_BWE_TREND_POINTS;
}
