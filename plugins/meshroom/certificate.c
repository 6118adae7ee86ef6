/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes the DTLS certificate of the process in less time. GStreamer 1.22's
 * dtlsdec has OpenSSL make an RSA key of 2048 bits, once a process; it cannot
 * be kept from that, and takes no other key before. OpenSSL 3.0 needs five
 * times as long for the key as GnuTLS (docs/performance.md), and no connection
 * is made before. So in a process of our own, OpenSSL's default method for RSA
 * asks GnuTLS, which the signalling uses anyway, while dtlsdec makes its key.
 * It does so on our thread alone, for that one key: the keys of other threads
 * are made by OpenSSL meanwhile, and every key is used with OpenSSL's own
 * method. In a process of somebody else OpenSSL is left as it is. */

/* Methods are deprecated since 3.0, whose providers do not reach elements that
 * use the API of 1.1. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "meshroom/certificate.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gst/gst.h>
#include <openssl/rsa.h>

#include "host/process.h"

/* The numbers of an RSA key, in GnuTLS' order: n, e, d, p, q, the inverse of q,
 * d mod p-1, d mod q-1. */
enum { N, E, D, P, Q, INVERSE, D_P, D_Q, N_NUMBERS };

static GPrivate is_ours;        /* set on the thread that makes our key */
static RSA_METHOD *method;      /* never freed: a key of another thread may
                                 * have taken it up */

static BIGNUM *
take_number (gnutls_datum_t *datum)
{
  BIGNUM *number = BN_bin2bn (datum->data, datum->size, NULL);

  gnutls_memset (datum->data, 0, datum->size);
  gnutls_free (datum->data);
  return number;
}

/**
 * mesh_certificate_fill_key:
 * @rsa: gets a key, and owns its numbers
 * @bits: of the modulus
 *
 * Any thread.
 *
 * Returns: whether GnuTLS has made one
 */
gboolean
mesh_certificate_fill_key (RSA *rsa, int bits)
{
  gnutls_datum_t data[N_NUMBERS];
  BIGNUM *number[N_NUMBERS];
  gnutls_x509_privkey_t key;
  gboolean made;

  if (gnutls_x509_privkey_init (&key) < 0)
    return FALSE;
  made = gnutls_x509_privkey_generate (key, GNUTLS_PK_RSA, bits, 0) == 0
      && gnutls_x509_privkey_export_rsa_raw2 (key, &data[N], &data[E],
          &data[D], &data[P], &data[Q], &data[INVERSE], &data[D_P],
          &data[D_Q]) == 0;
  gnutls_x509_privkey_deinit (key);
  if (!made)
    return FALSE;
  for (int i = 0; i < N_NUMBERS; i++)
    number[i] = take_number (&data[i]);
  return RSA_set0_key (rsa, number[N], number[E], number[D])
      && RSA_set0_factors (rsa, number[P], number[Q])
      && RSA_set0_crt_params (rsa, number[D_P], number[D_Q], number[INVERSE]);
}

/* The keygen function of the method. GnuTLS always uses the exponent F4. */
static int
make_key (RSA *rsa, int bits, BIGNUM *e, BN_GENCB *progress)
{
  RSA_set_method (rsa, RSA_PKCS1_OpenSSL ());
  if (g_private_get (&is_ours) && BN_is_word (e, RSA_F4)
      && mesh_certificate_fill_key (rsa, bits))
    return 1;
  return RSA_generate_key_ex (rsa, bits, e, progress);
}

/* Sets the method, unless the program has set one of its own. */
static gboolean
set_method (void)
{
  if (!mesh_host_owns_process ()
      || RSA_get_default_method () != RSA_PKCS1_OpenSSL ())
    return FALSE;
  method = RSA_meth_dup (RSA_PKCS1_OpenSSL ());
  if (!method || !RSA_meth_set_keygen (method, make_key))
    return FALSE;
  RSA_set_default_method (method);
  return TRUE;
}

static gpointer
make_once (gpointer unused)
{
  gboolean set = set_method ();
  GstElement *dtls;

  g_private_set (&is_ours, &is_ours);
  dtls = gst_element_factory_make ("dtlsdec", NULL);
  g_private_set (&is_ours, NULL);
  if (set)
    RSA_set_default_method (RSA_PKCS1_OpenSSL ());
  if (dtls)
    gst_object_unref (gst_object_ref_sink (dtls));
  return NULL;
}

/**
 * mesh_certificate_make:
 *
 * Has the process' certificate made, if there is none yet, so that the first
 * connection need not wait for it. Any thread; blocks for about a tenth of a
 * second, or half a second in a process of somebody else.
 */
void
mesh_certificate_make (void)
{
  static GOnce once = G_ONCE_INIT;

  g_once (&once, make_once, NULL);
}
