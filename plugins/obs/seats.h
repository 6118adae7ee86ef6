/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Gives each member of a call a numbered seat. Seats are numbered from 1 in the
 * order in which members came. A member who stays keeps the seat, and one who
 * returns gets it back if it is free. The code is pure: time comes in as an
 * argument (µs), and one thread at a time calls it. */

typedef struct _MeshObsSeats MeshObsSeats;

MeshObsSeats *mesh_obs_seats_new (void);
void mesh_obs_seats_free (MeshObsSeats *seats);
guint mesh_obs_seats_come (MeshObsSeats *seats, const char *id,
    const char *name, gint64 now);
void mesh_obs_seats_rename (MeshObsSeats *seats, const char *id,
    const char *name);
void mesh_obs_seats_hear (MeshObsSeats *seats, const char *id, gint64 now);
void mesh_obs_seats_go (MeshObsSeats *seats, const char *id);
void mesh_obs_seats_empty (MeshObsSeats *seats);
gboolean mesh_obs_seats_settle (MeshObsSeats *seats, gint64 now);
guint mesh_obs_seats_get_number (MeshObsSeats *seats, const char *id);
const char *mesh_obs_seats_find (MeshObsSeats *seats, const char *guest,
    gint64 now);
gboolean mesh_obs_seats_is_number (const char *guest, guint *number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshObsSeats, mesh_obs_seats_free)

G_END_DECLS
