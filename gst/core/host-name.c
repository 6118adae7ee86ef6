/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/host-name.h"

#include <string.h>

/* RFC 1035, section 2.3.4 */
#define MAX_HOST 253

/* A host that ends in a number is an address, as in browsers (the URL standard,
 * "ends in a number"), and then it has to be a whole one. */
static gboolean
is_name_or_address (const char *host)
{
  gsize length = strlen (host);
  g_autofree char *relative = g_strndup (host,
      host[length - 1] == '.' ? length - 1 : length);
  const char *last = strrchr (relative, '.');

  last = last ? last + 1 : relative;
  return strspn (last, "0123456789") < strlen (last)
      || g_hostname_is_ip_address (host);
}

/**
 * mesh_host_from_text:
 * @text: the host of a URL: a name, also an international one, or an address,
 *   one of IPv6 in brackets
 * @with_zone: whether an address of IPv6 may have a zone ("%eth0")
 *
 * Returns: (transfer full) (nullable): the host as it is looked up, in lower
 *   case and without brackets; %NULL: it is none
 */
char *
mesh_host_from_text (const char *text, gboolean with_zone)
{
  gsize length = strlen (text);
  g_autofree char *ascii = NULL;

  if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
    g_autofree char *address = g_strndup (text + 1, length - 2);
    g_autofree char *zoneless = g_strndup (address, with_zone
        ? strcspn (address, "%") : length);

    /* GLib takes a single colon for an address */
    return strchr (address, ':') != strrchr (address, ':')
        && g_hostname_is_ip_address (zoneless)
        && !strchr (zoneless, '%') ? g_ascii_strdown (address, -1) : NULL;
  }
  ascii = g_utf8_validate (text, -1, NULL) ? g_hostname_to_ascii (text) : NULL;
  if (!ascii || !*ascii || strlen (ascii) > MAX_HOST || *ascii == '.'
      || strstr (ascii, ".."))
    return NULL;
  for (const char *p = ascii; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (".-_", *p))
      return NULL;
  return is_name_or_address (ascii) ? g_ascii_strdown (ascii, -1) : NULL;
}
