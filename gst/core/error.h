/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MESH_ERROR:
 *
 * Error domain of everything below the elements. Messages are lower case and
 * name the thing that failed.
 */
#define MESH_ERROR (mesh_error_quark ())
GQuark mesh_error_quark (void);

/**
 * MeshError:
 * @MESH_ERROR_BAD_LINK: a link that is none, or of an unknown scheme
 * @MESH_ERROR_BAD_MESSAGE: remote input that is not a valid message
 * @MESH_ERROR_TOO_BIG: remote input over a limit
 * @MESH_ERROR_BAD_SEAL: a sealed message that does not open
 * @MESH_ERROR_REFUSED: the server does not let us in, and says so for good
 * @MESH_ERROR_UNREACHABLE: the server cannot be reached, or not any more
 * @MESH_ERROR_FAILED: anything else
 */
typedef enum {
  MESH_ERROR_BAD_LINK,
  MESH_ERROR_BAD_MESSAGE,
  MESH_ERROR_TOO_BIG,
  MESH_ERROR_BAD_SEAL,
  MESH_ERROR_REFUSED,
  MESH_ERROR_UNREACHABLE,
  MESH_ERROR_FAILED,
} MeshError;

G_END_DECLS
