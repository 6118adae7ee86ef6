// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The times (ms) of a member's half of the envelope, as
 * gst/core/client-timing.h, where the reasons are; tests/vectors/timing.json
 * holds both to the same values.
 */

export const CONNECT_TIMEOUT = 8000;
export const BACKOFF_FIRST = 250;
export const BACKOFF_MAX = 4000;
export const SILENCE_TIMEOUT = 8000;
export const STABLE = 5000;
export const TAKEN_PATIENCE = 16000;
export const TAKEN_RETRY = 1000;
export const ACK_DELAY = 200;
export const ACK_COUNT = 32;
