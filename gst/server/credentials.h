/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gnutls/gnutls.h>

G_BEGIN_DECLS

/* A TLS server's certificate and key. A connection keeps those that it began
 * with, while a renewed certificate is given to the next one. */

typedef struct _MeshCredentials MeshCredentials;

MeshCredentials *mesh_credentials_new (GTlsCertificate *certificate,
    GError **error);
MeshCredentials *mesh_credentials_ref (MeshCredentials *credentials);
void mesh_credentials_unref (MeshCredentials *credentials);
gnutls_certificate_credentials_t mesh_credentials_get (MeshCredentials *
    credentials);

G_END_DECLS
