/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Who sits where. Seats are numbered from 1 in the order in which people came;
 * whoever stays keeps theirs, and who returns gets it back if it is free.
 * Decides only: time comes in as an argument (µs), and all is called by one
 * thread at a time. */

typedef struct _Seats Seats;

Seats *seats_new (void);
void seats_free (Seats *seats);
guint seats_come (Seats *seats, const char *id, const char *name, gint64 now);
void seats_rename (Seats *seats, const char *id, const char *name);
void seats_hear (Seats *seats, const char *id, gint64 now);
void seats_go (Seats *seats, const char *id);
void seats_empty (Seats *seats);
gboolean seats_settle (Seats *seats, gint64 now);
guint seats_get_number (Seats *seats, const char *id);
const char *seats_find (Seats *seats, const char *guest, gint64 now);
gboolean seats_is_number (const char *guest, guint *number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Seats, seats_free)

G_END_DECLS
