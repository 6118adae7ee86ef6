/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/credentials.h"

#include <string.h>

#include "core/error.h"

struct _MeshCredentials {
  gatomicrefcount refs;
  gnutls_certificate_credentials_t gnutls;
};

static gnutls_certificate_credentials_t
load (GTlsCertificate *certificate, GError **error)
{
  gnutls_certificate_credentials_t credentials = NULL;
  g_autoptr (GString) chain = g_string_new (NULL);
  g_autofree char *key = NULL;
  gnutls_datum_t chain_datum, key_datum;
  int result;

  for (GTlsCertificate *c = certificate; c;
      c = g_tls_certificate_get_issuer (c)) {
    g_autofree char *pem = NULL;

    g_object_get (c, "certificate-pem", &pem, NULL);
    g_string_append (chain, pem ? pem : "");
  }
  g_object_get (certificate, "private-key-pem", &key, NULL);
  if (!key) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "certificate comes without a private key that can be read");
    return NULL;
  }
  chain_datum = (gnutls_datum_t) { (guchar *) chain->str, chain->len };
  key_datum = (gnutls_datum_t) { (guchar *) key, strlen (key) };
  result = gnutls_certificate_allocate_credentials (&credentials);
  if (result >= 0)
    result = gnutls_certificate_set_x509_key_mem (credentials, &chain_datum,
        &key_datum, GNUTLS_X509_FMT_PEM);
  gnutls_memset (key, 0, strlen (key));
  if (result < 0) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "certificate cannot be used: %s", gnutls_strerror (result));
    g_clear_pointer (&credentials, gnutls_certificate_free_credentials);
  }
  return credentials;
}

/*
 * mesh_credentials_new:
 * @certificate: with its private key, and its issuers where there are any
 *
 * Returns: (transfer full) (nullable): what mesh_io_new() wants
 */
MeshCredentials *
mesh_credentials_new (GTlsCertificate *certificate, GError **error)
{
  gnutls_certificate_credentials_t loaded = load (certificate, error);
  MeshCredentials *self;

  if (!loaded)
    return NULL;
  self = g_new0 (MeshCredentials, 1);
  g_atomic_ref_count_init (&self->refs);
  self->gnutls = loaded;
  return self;
}

MeshCredentials *
mesh_credentials_ref (MeshCredentials *credentials)
{
  g_atomic_ref_count_inc (&credentials->refs);
  return credentials;
}

void
mesh_credentials_unref (MeshCredentials *credentials)
{
  if (!credentials || !g_atomic_ref_count_dec (&credentials->refs))
    return;
  gnutls_certificate_free_credentials (credentials->gnutls);
  g_free (credentials);
}

gnutls_certificate_credentials_t
mesh_credentials_get (MeshCredentials *credentials)
{
  return credentials->gnutls;
}
