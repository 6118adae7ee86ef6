/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The process' DTLS certificate: its key comes from GnuTLS, and is as good as
 * one of OpenSSL's own; OpenSSL goes on as if nothing had been. */

#define OPENSSL_SUPPRESS_DEPRECATED
#include <gst/check/gstcheck.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "meshroom/certificate.h"

static X509 *
get_certificate (void)
{
  GstElement *dtls = gst_check_setup_element ("dtlsdec");
  g_autofree char *pem = NULL;
  X509 *certificate;
  BIO *bio;

  g_object_get (dtls, "pem", &pem, NULL);
  bio = BIO_new_mem_buf (pem, -1);
  certificate = PEM_read_bio_X509 (bio, NULL, NULL, NULL);
  BIO_free (bio);
  gst_check_teardown_element (dtls);
  fail_unless (certificate);
  return certificate;
}

GST_START_TEST (the_key_is_sound)
{
  for (int i = 0; i < 5; i++) {
    RSA *rsa = RSA_new ();

    fail_unless (mesh_certificate_fill_key (rsa, 2048));
    fail_unless_equals_int (RSA_bits (rsa), 2048);
    fail_unless (BN_is_word (RSA_get0_e (rsa), RSA_F4));
    /* the factors are prime, and all the numbers belong to one key */
    fail_unless_equals_int (RSA_check_key (rsa), 1);
    RSA_free (rsa);
  }
}

GST_END_TEST;

GST_START_TEST (the_certificate_is_signed_by_its_key)
{
  X509 *certificate;

  mesh_certificate_make ();
  mesh_certificate_make ();
  certificate = get_certificate ();
  fail_unless_equals_int (EVP_PKEY_get_bits (X509_get0_pubkey (certificate)),
      2048);
  fail_unless_equals_int (X509_verify (certificate,
          X509_get0_pubkey (certificate)), 1);
  X509_free (certificate);
}

GST_END_TEST;

/* Also for whoever makes a key of a program's own at the same time. */
GST_START_TEST (openssl_is_left_as_it_was)
{
  RSA *rsa = RSA_new ();
  BIGNUM *e = BN_new ();

  mesh_certificate_make ();
  fail_unless (RSA_get_default_method () == RSA_PKCS1_OpenSSL ());
  BN_set_word (e, 3);
  fail_unless_equals_int (RSA_generate_key_ex (rsa, 512, e, NULL), 1);
  fail_unless (BN_is_word (RSA_get0_e (rsa), 3));
  fail_unless (RSA_get_method (rsa) == RSA_PKCS1_OpenSSL ());
  BN_free (e);
  RSA_free (rsa);
}

GST_END_TEST;

static Suite *
certificate_suite (void)
{
  Suite *suite = suite_create ("certificate");
  TCase *tcase = tcase_create ("certificate");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, the_key_is_sound);
  tcase_add_test (tcase, the_certificate_is_signed_by_its_key);
  tcase_add_test (tcase, openssl_is_left_as_it_was);
  return suite;
}

GST_CHECK_MAIN (certificate);
