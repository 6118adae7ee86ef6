/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stands in for the RTP elements of AV1, which Debian does not have: with pads
 * and properties like theirs, and a payload format of its own. */

void fake_av1_rtp_register (void);

/* No such elements, be they installed or registered. */
void fake_av1_rtp_remove (void);
