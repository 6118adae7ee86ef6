/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The dialog of the source "Meshroom guest", and the field with the status that
 * all dialogs of the plugin have. */

#include "guest.h"

#define SEATS_OFFERED 4

void
mesh_obs_guest_defaults (obs_data_t *settings)
{
  obs_data_set_default_string (settings, GUEST_GUEST, "1");
  obs_data_set_default_string (settings, GUEST_NAME, "OBS");
  obs_data_set_default_bool (settings, GUEST_RELEASE_CAMERA, true);
  obs_data_set_default_int (settings, GUEST_LATENCY, 80);
  obs_data_set_default_bool (settings, GUEST_LOW_DELAY, true);
  obs_data_set_default_bool (settings, GUEST_LEAVE_WHEN_UNUSED, true);
}

/* Offers the seats first, including some that are still free, and then the
 * members' names. */
static void
add_guests (obs_property_t *list, GPtrArray *people)
{
  guint seats = SEATS_OFFERED;

  for (guint i = 0; people && i < people->len; i++)
    seats = MAX (seats, ((MeshObsCallPerson *) g_ptr_array_index (people,
                i))->seat);
  for (guint i = 1; i <= seats; i++) {
    g_autofree char *number = g_strdup_printf ("%u", i);

    obs_property_list_add_string (list, number, number);
  }
  for (guint i = 0; people && i < people->len; i++) {
    const MeshObsCallPerson *person = g_ptr_array_index (people, i);

    if (*person->name)
      obs_property_list_add_string (list, person->name, person->name);
  }
}

static void
add_guest_list (obs_properties_t *properties, MeshObsGuest *guest)
{
  obs_property_t *list = obs_properties_add_list (properties, GUEST_GUEST,
      "Guest", OBS_COMBO_TYPE_EDITABLE, OBS_COMBO_FORMAT_STRING);
  g_autoptr (GPtrArray) people = guest ? mesh_obs_guest_dup_people (guest)
      : NULL;

  obs_property_set_long_description (list, "1, 2, … in the order in which "
      "people came; or somebody's name, whom the source then waits for");
  add_guests (list, people);
}

/**
 * mesh_obs_dialog_add_status:
 * @handle: (nullable): the source's
 *
 * Adds a text with the status of the source. OBS shows the value of the setting
 * that has the property's name.
 */
void
mesh_obs_dialog_add_status (obs_properties_t *properties, MeshObsHandle *handle)
{
  obs_property_t *status = obs_properties_add_text (properties, GUEST_STATUS,
      "Status", OBS_TEXT_INFO);
  g_autofree char *text = NULL;
  gboolean bad = FALSE;

  if (handle)
    text = mesh_obs_handle_dup_status (handle, &bad);
  obs_property_text_set_info_word_wrap (status, true);
  if (bad)
    obs_property_text_set_info_type (status, OBS_TEXT_INFO_ERROR);
}

static void
add_own_side (obs_properties_t *properties)
{
  obs_properties_t *own = obs_properties_create ();
  obs_property_t *p;

  obs_properties_add_text (own, GUEST_NAME, "Our name in the call",
      OBS_TEXT_DEFAULT);
  obs_properties_add_bool (own, GUEST_MUTED, "Mute our sound");
  obs_properties_add_bool (own, GUEST_HIDDEN, "Hide our picture");
  p = obs_properties_add_bool (own, GUEST_RELEASE_CAMERA,
      "Take no frames while hidden");
  obs_property_set_long_description (p, "What is hidden is not even taken from "
      "OBS; else it is taken, and replaced by a picture");
  obs_properties_add_group (properties, "own_side",
      "Our own side (nothing is sent unless the programme is)",
      OBS_GROUP_NORMAL, own);
}

obs_properties_t *
mesh_obs_guest_properties (void *data)
{
  MeshObsGuest *guest = data;
  obs_properties_t *properties = obs_properties_create ();
  obs_property_t *p;

  p = obs_properties_add_text (properties, GUEST_LINK, "Link of the room",
      OBS_TEXT_DEFAULT);
  obs_property_set_long_description (p, "The same link that guests open in "
      "their browsers. All sources with one link are one participant");
  add_guest_list (properties, guest);
  mesh_obs_dialog_add_status (properties, guest
      ? mesh_obs_guest_get_handle (guest) : NULL);
  add_own_side (properties);
  p = obs_properties_add_int (properties, GUEST_LATENCY, "Latency", 0, 2000,
      10);
  obs_property_int_set_suffix (p, " ms");
  obs_property_set_long_description (p, "How long sound is held to even out "
      "its arrival, and lost packets are waited for. Another one means to "
      "join anew");
  obs_properties_add_bool (properties, GUEST_LOW_DELAY,
      "Show each frame when it comes");
  obs_properties_add_bool (properties, GUEST_LEAVE_WHEN_UNUSED,
      "Leave the call when no source uses it any more");
  return properties;
}
