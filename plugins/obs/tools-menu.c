/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The dialog is OBS' own properties window, for a private source that is in no
 * scene and shows nothing. */

#include "tools-menu.h"

#include <obs-frontend-api.h>

#include "guest.h"
#include "infos.h"
#include "output.h"
#include "output-control.h"
#include "worker.h"

#define ROOM "room"             /* field with the link, for the user to copy */
#define WITH_OBS "start_with_obs"
#define SETTINGS_FILE "programme.json"
#define LOOK_EVERY 500          /* ms */

static GMutex lock;             /* guards: */
static obs_source_t *source;
static MeshObsHandle *handle;   /* the source's */
static char *shown_link;
static GSource *look;           /* timer that renews the status */

/* OBS' UI thread only */
static char *folder;            /* where the settings are kept */
static obs_data_t *opened_with; /* the settings at the time when the dialog was
                                 * last opened */

/* --- the programme --- */

/* @link, nullable: the link of the room that we are in */
static void
set_status (const char *text, gboolean bad, const char *link)
{
  g_autoptr (MeshObsHandle) current = NULL;
  gboolean changed;

  g_mutex_lock (&lock);
  current = handle ? mesh_obs_handle_ref (handle) : NULL;
  changed = g_strcmp0 (shown_link, link) != 0;
  if (changed) {
    g_free (shown_link);
    shown_link = g_strdup (link);
  }
  g_mutex_unlock (&lock);
  if (!current)
    return;
  mesh_obs_handle_set_status (current, text, bad);
  if (changed) {
    mesh_obs_handle_show_setting (current, ROOM, link ? link : "");
    mesh_obs_handle_refresh_dialog (current);
  }
}

static gboolean
on_look (gpointer user_data)
{
  obs_output_t *output = mesh_obs_output_control_get ();
  g_autofree char *text = NULL;
  g_autofree char *link = NULL;
  gboolean bad;

  if (!output)
    return G_SOURCE_REMOVE;
  text = mesh_obs_output_dup_status (output, &bad);
  link = mesh_obs_output_dup_link (output);
  set_status (text, bad, link);
  obs_output_release (output);
  return G_SOURCE_CONTINUE;
}

/* Returns a reference for obs_data_release(). */
static obs_data_t *
get_settings (void)
{
  obs_data_t *settings;

  g_mutex_lock (&lock);
  settings = source ? obs_source_get_settings (source) : obs_data_create ();
  g_mutex_unlock (&lock);
  return settings;
}

/* Returns all settings for a start: those of @changes, and else the dialog's. A
 * request that names a link or a server's address replaces both: it must not
 * be sent to the room of the dialog. */
static obs_data_t *
make_settings (obs_data_t *changes)
{
  obs_data_t *own = get_settings ();
  obs_data_t *settings = obs_data_create ();
  const char *const texts[] = { OUTPUT_LINK, OUTPUT_SERVE, OUTPUT_NAME };
  const char *const numbers[] = { OUTPUT_WIDTH, OUTPUT_HEIGHT, OUTPUT_FPS,
    OUTPUT_BITRATE, OUTPUT_TRACK };
  gboolean elsewhere = changes && (obs_data_has_user_value (changes,
          OUTPUT_LINK) || obs_data_has_user_value (changes, OUTPUT_SERVE));

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    gboolean changed = (elsewhere && i < 2)
        || (changes && obs_data_has_user_value (changes, texts[i]));

    obs_data_set_string (settings, texts[i],
        obs_data_get_string (changed ? changes : own, texts[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    gboolean changed = changes && obs_data_has_user_value (changes, numbers[i]);

    obs_data_set_int (settings, numbers[i],
        obs_data_get_int (changed ? changes : own, numbers[i]));
  }
  obs_data_release (own);
  return settings;
}

/* Keeps a copy of the dialog's settings in the output, for OBS' own
 * StartOutput. */
static void
update_output (void)
{
  obs_data_t *settings = make_settings (NULL);

  mesh_obs_output_control_update (settings);
  obs_data_release (settings);
}

/**
 * mesh_obs_tools_menu_start:
 * @changes: (nullable): settings that differ from the dialog's for this start
 * @why: (out) (transfer full): why the start failed
 *
 * Returns: whether the programme is being sent
 */
gboolean
mesh_obs_tools_menu_start (obs_data_t *changes, char **why)
{
  obs_data_t *settings = make_settings (changes);
  gboolean started = mesh_obs_output_control_start (settings, why);

  obs_data_release (settings);
  if (changes)
    update_output ();
  if (!started)
    set_status (*why, TRUE, NULL);
  return started;
}

/* --- the dialog's source --- */

static const char *
dialog_get_name (void *type_data)
{
  return "Meshroom programme";
}

static void *
dialog_create (obs_data_t *settings, obs_source_t *self)
{
  return self;
}

static void
dialog_destroy (void *data)
{
}

typedef struct {
  char *folder;
  char *text;
} Saving;

static void
saving_free (gpointer data)
{
  Saving *saving = data;

  g_free (saving->folder);
  g_free (saving->text);
  g_free (saving);
}

/* The file's mode keeps other users out, since the link in it opens the
 * room. */
static gboolean
save (gpointer user_data)
{
  Saving *saving = user_data;
  g_autofree char *file = g_build_filename (saving->folder, SETTINGS_FILE,
      NULL);
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (saving->folder, 0700);
  if (!g_file_set_contents_full (file, saving->text, -1,
          G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    blog (LOG_WARNING, "[meshroom] %s", error->message);
  return G_SOURCE_REMOVE;
}

static void
dialog_update (void *data, obs_data_t *settings)
{
  Saving *saving = g_new0 (Saving, 1);
  obs_data_t *copy = obs_data_create ();

  obs_data_apply (copy, settings);
  obs_data_erase (copy, GUEST_STATUS);
  obs_data_erase (copy, ROOM);
  saving->folder = g_strdup (folder);
  saving->text = g_strdup (obs_data_get_json (copy));
  obs_data_release (copy);
  mesh_obs_worker_invoke (save, saving, saving_free);
  update_output ();
}

static bool
on_start (obs_properties_t *properties, obs_property_t *property, void *data)
{
  g_autofree char *why = NULL;

  mesh_obs_tools_menu_start (NULL, &why);
  return false;
}

static bool
on_stop (obs_properties_t *properties, obs_property_t *property, void *data)
{
  mesh_obs_output_control_stop ();
  return false;
}

static void
add_room (obs_properties_t *properties)
{
  obs_property_t *p;

  p = obs_properties_add_text (properties, OUTPUT_LINK, "Link of the room",
      OBS_TEXT_DEFAULT);
  obs_property_set_long_description (p, "The same link that guests open in "
      "their browsers. With guests of that room as sources, we are one "
      "participant");
  p = obs_properties_add_text (properties, OUTPUT_SERVE, "Or serve a room at",
      OBS_TEXT_DEFAULT);
  obs_property_set_long_description (p, "ADDRESS:PORT on which others reach "
      "this machine, such as 192.168.1.5:8080");
  obs_properties_add_text (properties, ROOM, "Link to send to guests",
      OBS_TEXT_DEFAULT);
  obs_properties_add_text (properties, OUTPUT_NAME, "Our name in the call",
      OBS_TEXT_DEFAULT);
}

static void
add_media (obs_properties_t *properties)
{
  obs_property_t *p;

  p = obs_properties_add_int (properties, OUTPUT_WIDTH, "Width", 0, 7680, 2);
  obs_property_set_long_description (p, "0: as the canvas is, at most 1280");
  p = obs_properties_add_int (properties, OUTPUT_HEIGHT, "Height", 0, 4320, 2);
  obs_property_set_long_description (p, "0: as the canvas is, at most 720");
  p = obs_properties_add_int (properties, OUTPUT_FPS, "Frames per second", 0,
      240, 1);
  obs_property_set_long_description (p, "0: as the canvas has, at most 30");
  p = obs_properties_add_int (properties, OUTPUT_BITRATE, "Picture, at most", 0,
      100000000, 100000);
  obs_property_int_set_suffix (p, " bit/s");
  obs_property_set_long_description (p, "To each guest; 0: what the size is "
      "worth");
  p = obs_properties_add_int (properties, OUTPUT_TRACK, "Audio track", 1, 6, 1);
  obs_property_set_long_description (p, "Take one without the guests' sound, "
      "which they would hear twice");
}

static obs_properties_t *
dialog_properties (void *data)
{
  obs_properties_t *properties = obs_properties_create ();

  g_mutex_lock (&lock);
  mesh_obs_dialog_add_status (properties, handle);
  g_mutex_unlock (&lock);
  obs_properties_add_button (properties, "start", "Send the programme",
      on_start);
  obs_properties_add_button (properties, "stop", "Stop", on_stop);
  add_room (properties);
  add_media (properties);
  obs_properties_add_bool (properties, WITH_OBS, "Start with OBS");
  return properties;
}

struct obs_source_info mesh_obs_output_dialog_info = {
  .id = "meshroom_programme",
  .type = OBS_SOURCE_TYPE_INPUT,
  .output_flags = OBS_SOURCE_CAP_DISABLED | OBS_SOURCE_DO_NOT_DUPLICATE,
  .get_name = dialog_get_name,
  .create = dialog_create,
  .destroy = dialog_destroy,
  .update = dialog_update,
  .get_defaults = mesh_obs_output_defaults,
  .get_properties = dialog_properties,
};

/* --- the menu --- */

static void
on_item (void *data)
{
  obs_data_t *settings;

  if (!source)
    return;
  obs_frontend_open_source_properties (source);
  settings = obs_source_get_settings (source);
  obs_data_release (opened_with);
  opened_with = obs_data_create ();
  obs_data_apply (opened_with, settings);
  obs_data_release (settings);
}

/* To be called before OBS closes all dialogs. A dialog with changes would ask
 * whether to save them, which would hold up OBS' exit, and here every change
 * has been saved when it was made. So the settings are put back to those that
 * the dialog was opened with, and it has nothing to ask. */
void
mesh_obs_tools_menu_settle (void)
{
  obs_data_t *settings;

  if (!source || !opened_with)
    return;
  settings = obs_source_get_settings (source);
  obs_data_clear (settings);
  obs_data_apply (settings, opened_with);
  obs_data_release (settings);
  g_clear_pointer (&opened_with, obs_data_release);
}

void
mesh_obs_tools_menu_add (void)
{
  obs_frontend_add_tools_menu_item ("Meshroom: send the programme…", on_item,
      NULL);
}

/* Creates the source of the dialog with the settings that are kept in
 * @config_folder, and starts the programme if they say so. */
void
mesh_obs_tools_menu_open (const char *config_folder)
{
  g_autofree char *file = g_build_filename (config_folder, SETTINGS_FILE, NULL);
  g_autofree char *why = NULL;
  obs_data_t *settings = obs_data_create_from_json_file_safe (file, "bak");
  obs_source_t *made;

  folder = g_strdup (config_folder);
  made = obs_source_create_private (mesh_obs_output_dialog_info.id,
      "Meshroom programme", settings);
  g_mutex_lock (&lock);
  source = made;
  handle = mesh_obs_handle_new (made);
  look = mesh_obs_worker_after (LOOK_EVERY, on_look, NULL, NULL);
  g_mutex_unlock (&lock);
  update_output ();
  set_status ("Not sent", FALSE, NULL);
  if (obs_data_get_bool (settings, WITH_OBS))
    mesh_obs_tools_menu_start (NULL, &why);
  obs_data_release (settings);
}

/* OBS ends. */
void
mesh_obs_tools_menu_close (void)
{
  g_autoptr (MeshObsHandle) old_handle = NULL;
  obs_source_t *old;

  g_mutex_lock (&lock);
  old = g_steal_pointer (&source);
  old_handle = g_steal_pointer (&handle);
  if (look)
    g_source_destroy (look);
  g_clear_pointer (&look, g_source_unref);
  g_clear_pointer (&shown_link, g_free);
  g_mutex_unlock (&lock);
  g_clear_pointer (&opened_with, obs_data_release);
  if (old_handle)
    mesh_obs_handle_close (old_handle);
  if (!old)
    return;
  obs_source_remove (old);
  obs_source_release (old);
  g_clear_pointer (&folder, g_free);
}
