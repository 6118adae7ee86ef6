/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Computes the places of the pictures in a call's picture. All coordinates and
 * sizes are even, so that they match whole chroma samples in 4:2:0. */

#include "core/layout.h"

#define EVEN(x) ((x) & ~1)
#define DEFAULT_ASPECT (16.0 / 9.0)
/* The bounds of an aspect ratio, since caps that come from peers may hold any
 * value. */
#define MIN_ASPECT 0.1
#define MAX_ASPECT 10.0

static double
sane_aspect (double aspect)
{
  if (!(aspect > 0))
    return DEFAULT_ASPECT;
  return CLAMP (aspect, MIN_ASPECT, MAX_ASPECT);
}

/* Returns the largest size with that aspect ratio in the given space. */
static void
fit (double aspect, int width, int height, MeshRect *rect)
{
  double a = sane_aspect (aspect);
  int w = MIN ((double) width, height * a);
  int h = MIN ((double) height, width / a);

  rect->width = EVEN (MAX (w, 0));
  rect->height = EVEN (MAX (h, 0));
}

/* Returns the length of one of count parts that share length. */
static int
share (int length, int count, int gap)
{
  return EVEN ((length - gap * (count - 1)) / count);
}

static gint64
shown_area (const double *aspects, guint n, int cell_width, int cell_height)
{
  gint64 area = 0;

  for (guint i = 0; i < n; i++) {
    MeshRect rect;

    fit (aspects[i], cell_width, cell_height, &rect);
    area += (gint64) rect.width * rect.height;
  }
  return area;
}

static guint
best_columns (const double *aspects, guint n, int width, int height, int gap)
{
  guint best = 1;
  gint64 best_area = -1;

  for (guint columns = 1; columns <= n; columns++) {
    guint rows = (n + columns - 1) / columns;
    gint64 area;

    /* the same rows with fewer columns leave fewer holes */
    if (columns > 1 && rows == (n + columns - 2) / (columns - 1))
      continue;
    area = shown_area (aspects, n, share (width, columns, gap),
        share (height, rows, gap));
    /* of two equal grids, the one whose rows run along the longer side is
     * chosen */
    if (area > best_area || (area == best_area && width >= height)) {
      best_area = area;
      best = columns;
    }
  }
  return best;
}

/* Puts one row side by side, centred. Returns its height. */
static int
place_row (MeshRect *rects, guint n, const MeshRect *area, int y, int gap)
{
  int width = gap * ((int) n - 1);
  int height = 0;
  int x;

  for (guint i = 0; i < n; i++) {
    width += rects[i].width;
    height = MAX (height, rects[i].height);
  }
  x = area->x + EVEN ((area->width - width) / 2);
  for (guint i = 0; i < n; i++) {
    rects[i].x = x;
    rects[i].y = y + EVEN ((height - rects[i].height) / 2);
    x += rects[i].width + gap;
  }
  return height;
}

/* Rows of equal cells, as many columns as show the most picture. Pictures that
 * leave part of their cell empty move together: one frame around all of them
 * looks better than one around each. */
static void
arrange_grid (const double *aspects, guint n, const MeshRect *area, int gap,
    MeshRect *rects)
{
  guint columns = best_columns (aspects, n, area->width, area->height, gap);
  guint rows = (n + columns - 1) / columns;
  int cell_width = share (area->width, columns, gap);
  int cell_height = share (area->height, rows, gap);
  int used = 0, rest;

  for (guint i = 0; i < n; i++)
    fit (aspects[i], cell_width, cell_height, &rects[i]);
  for (guint i = 0; i < n; i += columns)
    used += place_row (rects + i, MIN (columns, n - i), area, area->y + used,
                gap) + gap;
  rest = EVEN ((area->height - (used - gap)) / 2);
  for (guint i = 0; i < n; i++)
    rects[i].y += rest;
}

static void
arrange_one (double aspect, const MeshRect *area, MeshRect *rect)
{
  fit (aspect, area->width, area->height, rect);
  rect->x = area->x + EVEN ((area->width - rect->width) / 2);
  rect->y = area->y + EVEN ((area->height - rect->height) / 2);
}

static void
arrange_speaker (const double *aspects, guint n, guint focus,
    const MeshRect *area, int gap, MeshRect *rects)
{
  g_autofree double *others = g_new (double, n);
  g_autofree MeshRect *strip_rects = g_new0 (MeshRect, n);
  MeshRect stage = *area, strip = *area;
  guint count = 0;

  /* more people than fit into one row of thumbnails get two */
  strip.height = EVEN (n - 1 <= 6 ? area->height / 5 : area->height * 3 / 10);
  strip.y = area->y + area->height - strip.height;
  stage.height = area->height - strip.height - gap;

  for (guint i = 0; i < n; i++) {
    if (i != focus)
      others[count++] = aspects[i];
  }
  arrange_grid (others, count, &strip, gap, strip_rects);
  arrange_one (aspects[focus], &stage, &rects[focus]);
  for (guint i = 0, j = 0; i < n; i++) {
    if (i != focus)
      rects[i] = strip_rects[j++];
  }
}

/**
 * mesh_layout_get_grid:
 * @aspects: (array length=n): width by height of each picture; 0 = not known
 * @n: how many pictures
 * @columns: (out): of the grid that they are arranged in
 * @rows: (out): of the same
 *
 * Tells whether a grid stays as it is when somebody comes or goes.
 */
void
mesh_layout_get_grid (const MeshLayout *layout, const double *aspects,
    guint n, guint *columns, guint *rows)
{
  *columns = n == 0 ? 0 : best_columns (aspects, n, EVEN (layout->width),
      EVEN (layout->height), EVEN (MAX (layout->gap, 0)));
  *rows = n == 0 ? 0 : (n + *columns - 1) / *columns;
}

/**
 * mesh_layout_arrange:
 * @layout: the canvas and how to share it out
 * @aspects: (array length=n): width by height of each picture as it is to be
 *   seen; 0 = not known
 * @n: how many pictures
 * @rects: (out caller-allocates) (array length=n): where each of them goes
 *
 * Finds places for pictures: inside the canvas, apart by the gap, each in its
 * aspect as far as even sizes allow.
 */
void
mesh_layout_arrange (const MeshLayout *layout, const double *aspects, guint n,
    MeshRect *rects)
{
  MeshRect area = { 0, 0, EVEN (layout->width), EVEN (layout->height) };
  int gap = EVEN (MAX (layout->gap, 0));
  gboolean has_focus = layout->focus >= 0 && (guint) layout->focus < n;

  for (guint i = 0; i < n; i++)
    rects[i] = (MeshRect) { 0, };
  if (n == 0)
    return;

  switch (layout->mode) {
    case MESH_LAYOUT_SOLO:
      if (has_focus)
        arrange_one (aspects[layout->focus], &area, &rects[layout->focus]);
      break;
    case MESH_LAYOUT_SPEAKER:
      if (n == 1)
        arrange_one (aspects[0], &area, &rects[0]);
      else
        arrange_speaker (aspects, n, has_focus ? layout->focus : 0, &area, gap,
            rects);
      break;
    case MESH_LAYOUT_GRID:
    default:
      arrange_grid (aspects, n, &area, gap, rects);
      break;
  }
}
