/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A self-signed certificate, for trying things out: browsers give no camera to
 * a page of plain http, unless the server is on the same machine. */

#include "server/certificate.h"

#include <gnutls/x509.h>
#include <string.h>

#include "core/error.h"
#include "host/random.h"

#define DAYS 30

static int
add_name (gnutls_x509_crt_t crt, const char *name)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (name);

  if (address)
    return gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_IPADDRESS,
        g_inet_address_to_bytes (address),
        g_inet_address_get_native_size (address), GNUTLS_FSAN_APPEND);
  return gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, name,
      strlen (name), GNUTLS_FSAN_APPEND);
}

static int
fill_in (gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
    const char *const *names)
{
  static const char subject[] = "meshroom-server, self-signed";
  time_t now = g_get_real_time () / G_USEC_PER_SEC;
  guint8 serial[16];
  int result;

  mesh_random_fill (serial, sizeof serial);
  serial[0] &= 0x7f;            /* RFC 5280, 4.1.2.2: a positive number */
  serial[0] |= 0x01;
  result = gnutls_x509_crt_set_version (crt, 3);
  if (result >= 0)
    result = gnutls_x509_crt_set_serial (crt, serial, sizeof serial);
  if (result >= 0)
    result = gnutls_x509_crt_set_activation_time (crt, now - 60 * 60);
  if (result >= 0)
    result = gnutls_x509_crt_set_expiration_time (crt,
        now + DAYS * 24 * 60 * 60);
  if (result >= 0)
    result = gnutls_x509_crt_set_dn_by_oid (crt,
        GNUTLS_OID_X520_COMMON_NAME, 0, subject, strlen (subject));
  for (; result >= 0 && *names; names++)
    result = add_name (crt, *names);
  if (result >= 0)
    result = gnutls_x509_crt_set_key (crt, key);
  if (result >= 0)
    result = gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0);
  return result;
}

static int
to_pem (gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, GString *pem)
{
  gnutls_datum_t crt_text = { NULL }, key_text = { NULL };
  int result = gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, &crt_text);

  if (result >= 0)
    result = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL,
        GNUTLS_PKCS_PLAIN, &key_text);
  if (result >= 0) {
    g_string_append_len (pem, (char *) crt_text.data, crt_text.size);
    g_string_append_len (pem, (char *) key_text.data, key_text.size);
    gnutls_memset (key_text.data, 0, key_text.size);
  }
  gnutls_free (crt_text.data);
  gnutls_free (key_text.data);
  return result;
}

/*
 * mesh_certificate_new_self_signed:
 * @names: (array zero-terminated=1): host names and addresses that it is for
 *
 * Returns: (transfer full): a certificate with a fresh private key
 */
GTlsCertificate *
mesh_certificate_new_self_signed (const char *const *names, GError **error)
{
  gnutls_x509_crt_t crt = NULL;
  gnutls_x509_privkey_t key = NULL;
  g_autoptr (GString) pem = g_string_new (NULL);
  GTlsCertificate *certificate = NULL;
  int result = gnutls_x509_crt_init (&crt);

  if (result >= 0)
    result = gnutls_x509_privkey_init (&key);
  if (result >= 0)
    result = gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
        GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (result >= 0)
    result = fill_in (crt, key, names);
  if (result >= 0)
    result = to_pem (crt, key, pem);
  if (result >= 0)
    certificate = g_tls_certificate_new_from_pem (pem->str, pem->len, error);
  else
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "self-signed certificate could not be made: %s",
        gnutls_strerror (result));
  gnutls_memset (pem->str, 0, pem->len);
  if (key)
    gnutls_x509_privkey_deinit (key);
  if (crt)
    gnutls_x509_crt_deinit (crt);
  return certificate;
}
