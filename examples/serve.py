#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that is both server and guest: it embeds the signalling server with
its page, makes a room there, prints the room's link, and is in the call itself.

    meson devenv -C build ../examples/serve.py [ADDR:PORT]
"""

import signal
import sys

import gi
gi.require_version('Gst', '1.0')
gi.require_version('Meshroom', '1.0')
from gi.repository import GLib, Gst, Meshroom

CALL = '''
  meshroom name=room
  videotestsrc is-live=true pattern=ball
    ! video/x-raw,width=640,height=360 ! room.video_sink
  audiotestsrc is-live=true volume=0.05 ! room.audio_sink
  room. : meshview name=view
  view.video ! fakesink sync=true  view.audio ! fakesink sync=true
'''


class App:
    def __init__(self, address):
        self.loop = GLib.MainLoop()
        # It works in this thread's main loop, as all of this program does.
        self.server = Meshroom.Server()
        self.server.listen(address, None)
        self.pipeline = Gst.parse_launch(CALL)
        room = self.pipeline.get_by_name('room')
        room.props.link = self.server.make_link()
        print(room.props.link, flush=True)

        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect('message::element', self.on_element)
        bus.connect('message::error', self.on_error)
        # Members bring streams into a pipeline that plays: its sinks are told
        # anew how long to wait for them.
        bus.connect('message::latency',
                    lambda *_: self.pipeline.recalculate_latency())
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT,
                             self.loop.quit)

    def on_element(self, _bus, message):
        news = message.get_structure()
        if news.has_name('meshroom-peer-added'):
            print(news['peer-id'], 'is here', flush=True)
        elif news.has_name('meshroom-peer-removed'):
            print(news['peer-id'], 'is gone:', news['reason'], flush=True)

    def on_error(self, _bus, message):
        print('error:', message.parse_error()[0].message, file=sys.stderr)
        self.loop.quit()

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        self.server.stop()


Gst.init(None)
try:
    App(sys.argv[1] if len(sys.argv) > 1 else '127.0.0.1:8080').run()
except GLib.Error as error:
    sys.exit(f'error: {error.message}')
