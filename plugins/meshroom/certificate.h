/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <openssl/types.h>

G_BEGIN_DECLS

/* The process' DTLS certificate, which all its connections share. */

void mesh_certificate_make (void);
gboolean mesh_certificate_fill_key (RSA *rsa, int bits);

G_END_DECLS
