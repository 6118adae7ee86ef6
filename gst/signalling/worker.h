/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/client.h"
#include "core/link.h"
#include "signalling/connection.h"
#include "signalling/fallback.h"
#include "signalling/network.h"

/* The part of a connection that runs on its thread. */

typedef struct {
  MeshConnectionMessageFunc message;
  MeshConnectionErrorFunc error;
  gpointer user_data;
  GDestroyNotify destroy;
} MeshReceiver;

typedef struct {
  GWeakRef owner;
  MeshLink *link;
  MeshTransportFunc make_transport;
  gpointer transport_data;
  GDestroyNotify transport_destroy;
  GMainContext *context;
  GMainLoop *loop;
  GSource *source;              /* dispatched when there is work, or at the
                                 * client's deadline */

  GMutex lock;                  /* guards what follows, taken last of all */
  MeshClient *client;
  GQueue inbox;                 /* MeshClientAction for the receiver */
  MeshReceiver *receiver;       /* atomic rc box */
  gint64 stop_at;               /* 0: it goes on */

  MeshRoute *route;             /* worker thread only */
  MeshNetwork *network;         /* worker thread only */
  MeshTransport *transport;     /* worker thread only */
  gboolean carrying;            /* worker thread only */
} MeshWorker;

MeshWorker *mesh_worker_new (MeshConnection *owner, MeshLink *link,
    const char *peer_id);
void mesh_worker_unref (MeshWorker *self);
gpointer mesh_worker_run (gpointer self);
void mesh_worker_wake_locked (MeshWorker *self);
void mesh_receiver_unref (MeshReceiver *receiver);
