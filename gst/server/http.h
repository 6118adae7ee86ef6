/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* As much of HTTP/1.1 (RFC 9112) as the server needs: requests whose body, if
 * there is one, comes whole and with its length, and one answer to each. It is
 * strict, and keeps nothing between requests. */

#define MESH_HTTP_MAX_HEAD (16 * 1024)

typedef struct {
  char *method;
  char *path;                   /* not decoded, without the query */
  const char *query;            /* not decoded; NULL: none */
  gboolean keep_alive;          /* if the body is not read */
  gboolean persistent;          /* if the body is read */
  gboolean http_1_0;
  GPtrArray *headers;           /* name, value, name, value, … */
  gint64 body_length;           /* -1: not known beforehand */
  const char *body;             /* what was read of it; NULL: nothing */
} MeshHttpRequest;

typedef struct {
  guint status;                 /* 0: not answered */
  const char *type;             /* of the body; NULL = text/plain */
  GBytes *body;                 /* NULL: the status in words */
  GString *headers;             /* lines that end in CR LF */
} MeshHttpResponse;

typedef enum {
  MESH_HTTP_EXPECTS_NOTHING,
  MESH_HTTP_EXPECTS_CONTINUE,
  MESH_HTTP_EXPECTS_UNKNOWN,
} MeshHttpExpectation;

gssize mesh_http_head_length (const guint8 *data, gsize length);
MeshHttpRequest *mesh_http_request_parse (const guint8 *data, gsize length,
    guint *status);
void mesh_http_request_free (MeshHttpRequest *request);
const char *mesh_http_request_header (const MeshHttpRequest *request,
    const char *name);
gboolean mesh_http_request_has_token (const MeshHttpRequest *request,
    const char *name, const char *token);
MeshHttpExpectation mesh_http_request_expectation (const MeshHttpRequest *
    request);

void mesh_http_response_clear (MeshHttpResponse *response);
void mesh_http_response_add (MeshHttpResponse *response, const char *name,
    const char *value);
void mesh_http_response_add_general (MeshHttpResponse *response);
void mesh_http_append_response (GByteArray *out,
    const MeshHttpResponse *response, gboolean with_body, gboolean keep_alive);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshHttpRequest, mesh_http_request_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MeshHttpResponse, mesh_http_response_clear)

G_END_DECLS
