/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "signalling/connect-error.h"

#include <libsoup/soup.h>

#include "core/error.h"

#define TOO_MANY_REQUESTS 429

static const char *
describe_certificate (GTlsCertificateFlags flags)
{
  if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
    return "signed by itself, or by an authority that this system does not "
           "know";
  if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
    return "made out to another host";
  if (flags & G_TLS_CERTIFICATE_EXPIRED)
    return "expired";
  if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
    return "not valid yet";
  if (flags & G_TLS_CERTIFICATE_REVOKED)
    return "revoked";
  return "invalid";
}

/*
 * mesh_connect_error_from_cause:
 * @error: why a connection could not be made, or broke
 * @flags: what is wrong with the server's certificate
 *
 * Returns: (transfer full): a #MESH_ERROR
 */
GError *
mesh_connect_error_from_cause (const GError *error, GTlsCertificateFlags flags)
{
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE))
    return g_error_new (MESH_ERROR, MESH_ERROR_FAILED,
        "its certificate is not trusted: it is %s",
        describe_certificate (flags));
  if (g_error_matches (error, G_TLS_ERROR, G_TLS_ERROR_NOT_TLS))
    return g_error_new_literal (MESH_ERROR, MESH_ERROR_FAILED,
        "it does not speak TLS");
  return g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
      error->message);
}

/*
 * mesh_connect_error_from_status:
 * @status: of HTTP, and not the one that was hoped for
 *
 * Returns: (transfer full): a #MESH_ERROR
 */
GError *
mesh_connect_error_from_status (guint status)
{
  MeshError code = MESH_ERROR_FAILED;
  const char *what = "it is no meshroom server";

  if (status == SOUP_STATUS_UNAUTHORIZED || status == SOUP_STATUS_FORBIDDEN) {
    code = MESH_ERROR_REFUSED;
    what = "it does not let us in";
  } else if (status == SOUP_STATUS_REQUEST_TIMEOUT
             || status == TOO_MANY_REQUESTS
             || SOUP_STATUS_IS_SERVER_ERROR (status)) {
    code = MESH_ERROR_UNREACHABLE;
    what = "it is out of order";
  }
  return g_error_new (MESH_ERROR, code, "%s (HTTP %u %s)", what, status,
      soup_status_get_phrase (status));
}
