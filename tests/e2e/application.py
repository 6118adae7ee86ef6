#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Actions of applications in Python around a room, which the room must endure.

    application.py end|pads|removal [ROUNDS]

end      ends the call in every callback: in the room's signals, in a bus' sync
         handler, and in a probe behind a pad
pads     links and removes a branch for each pad, and pauses, while four others
         hang up at once
removal  removes the room from a running pipeline, and adds another one

Each mode runs ROUNDS times (3; 200 with MESH_LONG). Nothing may hang, raise, or
be criticised by GLib, and no thread or descriptor may be left behind.
"""

import faulthandler
import gc
import os
import signal
import sys
import threading
import traceback
import uuid

os.environ['G_DEBUG'] = 'fatal-criticals'       # GLib reads it when it is loaded
import gi
gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst

PATIENCE = 120                  # seconds: what waits for longer hangs
N_OTHERS = 4
MEDIA = ('videotestsrc is-live=true'
         ' ! video/x-raw,width=64,height=48,framerate=20/1 ! room.video_sink'
         ' audiotestsrc is-live=true ! room.audio_sink')
# What goes on when the room does not.
BESIDE = 'audiotestsrc is-live=true ! fakesink'
SIGNALS = ('peer-added', 'peer-removed', 'message-received', 'pad-added',
           'pad-removed', 'link-ready')
MESSAGES = ('peer-added', 'peer-removed', 'message-received', 'link-ready')

context = GLib.MainContext.default()


def tell():
    """Wakes the main loop, which checks the awaited condition again."""
    context.wakeup()


def wait(condition):
    """Runs the main loop. The watchdog ends a wait that takes too long."""
    while not condition():
        context.iteration(True)


def watch():
    """Prints each thread's stack and exits if not called again in time."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)


def fail(kind, error, trace):
    """Ends the test; Python itself only prints an exception in a handler."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


def fail_elsewhere(args):
    fail(args.exc_type, args.exc_value, args.exc_traceback)


class Party:
    """An application around one room, with a branch for each of its pads."""

    def __init__(self, properties, media=BESIDE):
        self.pipeline = Gst.parse_launch(
            f'meshroom name=room {properties} {media}')
        self.enter(self.pipeline.get_by_name('room'))
        # Messages that stay on the bus would keep their senders alive.
        self.bus = self.pipeline.get_bus()
        self.bus.add_signal_watch()
        self.bus.connect('message::error', self.on_error)

    def enter(self, room):
        """@room: a room that is in the pipeline, or will be added to it"""
        self.room = room
        self.link = None
        self.branches = {}
        self.flowing = []       # threads of their own append to it
        self.added = self.removed = 0
        room.connect('pad-added', self.plug)
        room.connect('pad-removed', self.unplug)
        room.connect('peer-added', self.count_added)
        room.connect('peer-removed', self.count_removed)
        room.connect('link-ready', self.keep_link)

    def plug(self, _room, pad):
        branch = Gst.parse_bin_from_description('queue ! fakesink', True)
        self.branches[pad.get_name()] = branch
        self.pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.add_probe(Gst.PadProbeType.BUFFER, self.count_flowing)
        result = pad.link(branch.get_static_pad('sink'))
        assert result == Gst.PadLinkReturn.OK, result

    def unplug(self, _room, pad):
        if pad.direction == Gst.PadDirection.SINK:
            return              # one of those that the room takes media by
        branch = self.branches.pop(pad.get_name())
        # A pipeline that starts meanwhile must not start the branch again.
        branch.set_locked_state(True)
        branch.set_state(Gst.State.NULL)
        self.pipeline.remove(branch)
        tell()

    def count_flowing(self, pad, _info):
        self.flowing.append(pad.get_name())
        tell()
        return Gst.PadProbeReturn.REMOVE

    def count_added(self, _room, _peer):
        self.added += 1
        tell()

    def count_removed(self, _room, _peer, _why):
        self.removed += 1
        tell()

    def keep_link(self, _room, link):
        self.link = link
        tell()

    def on_error(self, _bus, message):
        error, details = message.parse_error()
        raise AssertionError(f'{error.message}: {details}')

    def set_state(self, state):
        result = self.pipeline.set_state(state)
        assert result != Gst.StateChangeReturn.FAILURE

    def start(self):
        self.set_state(Gst.State.PLAYING)

    def stop(self):
        """Stops the pipeline, and drops the references to it: Python does not
        free a cycle through GStreamer, such as a pipeline whose room calls a
        method of the object that holds the pipeline."""
        self.set_state(Gst.State.NULL)
        assert not self.branches
        self.bus.remove_signal_watch()
        self.pipeline = self.room = self.bus = None

    def take_room_out(self):
        self.room.set_locked_state(True)
        self.room.set_state(Gst.State.NULL)
        self.pipeline.remove(self.room)
        assert not self.branches

    def put_room_in(self, properties):
        room = Gst.parse_launch(f'meshroom name=room {properties}')
        self.enter(room)
        self.pipeline.add(room)
        room.sync_state_with_parent()


class Server:
    """A member that serves rooms, and is alone in its own."""

    def __init__(self):
        self.party = Party('serve=127.0.0.1:0')
        self.party.start()
        wait(lambda: self.party.link)

    def new_room(self):
        """Makes up a link; the first member that opens it hosts the room."""
        place, _, rest = self.party.link.partition('/room/')
        return f"link={place}/room/{uuid.uuid4()}#{rest.partition('#')[2]}"

    def stop(self):
        self.party.stop()


# --- end ---

class Act:
    """Ends a member's call in the first callback of a kind."""

    def __init__(self, party, place, state):
        self.party = party
        self.state = state
        self.lock = threading.Lock()
        self.done = False
        kind, _, name = place.partition(' ')
        if kind == 'signal':
            party.room.connect(name, self.on_signal)
        elif kind == 'message':
            party.bus.set_sync_handler(self.on_message, f'meshroom-{name}')
        else:
            party.room.connect('pad-added', self.on_pad_added)

    def on_signal(self, *_):
        self.act()

    def on_message(self, _bus, message, name):
        if message.type == Gst.MessageType.ELEMENT and message.has_name(name):
            self.act()
        return Gst.BusSyncReply.PASS

    def on_pad_added(self, _room, pad):
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_buffer)

    def on_buffer(self, _pad, _info):
        self.act()
        return Gst.PadProbeReturn.OK

    def act(self):
        if not self.lock.acquire(blocking=False):
            return
        self.party.set_state(self.state)
        assert not self.party.room.srcpads
        self.done = True
        tell()


def end_one_call(server, place, state):
    if 'link-ready' in place:
        party = Party('serve=127.0.0.1:0')
        act = Act(party, place, state)
        party.start()
        wait(lambda: act.done)
        party.stop()
        return
    room = server.new_room()
    party, other = Party(room, MEDIA), Party(room, MEDIA)
    act = Act(party, place, state)
    party.start()
    other.start()
    if 'removed' in place:
        wait(lambda: len(party.flowing) == 2)
        other.set_state(Gst.State.NULL)
    elif 'message-received' in place:
        wait(lambda: other.added)
        other.room.emit('send-message', 'hello')
    wait(lambda: act.done)
    party.stop()
    other.stop()


def end(server, rounds):
    places = ([f'signal {name}' for name in SIGNALS]
              + [f'message {name}' for name in MESSAGES] + ['probe'])
    for _ in range(rounds):
        for place in places:
            for state in (Gst.State.NULL, Gst.State.READY):
                end_one_call(server, place, state)
                watch()
        yield


# --- pads ---

def hang_up_at_once(others):
    barrier = threading.Barrier(len(others))

    def hang_up(other):
        barrier.wait()
        other.stop()

    threads = [threading.Thread(target=hang_up, args=[other])
               for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pads(server, rounds):
    room = server.new_room()
    app = Party(room)
    app.start()
    for i in range(rounds):
        # Each of the others connects with the application alone. Two that have
        # not been called yet would call each other.
        others = [Party(f'{room} max-peers=1', MEDIA) for _ in range(N_OTHERS)]
        app.flowing.clear()
        for n, other in enumerate(others, 1):
            other.start()
            wait(lambda: app.added == i * N_OTHERS + n)
        wait(lambda: len(app.flowing) == 2 * N_OTHERS)
        if i % 3 == 1:
            app.set_state(Gst.State.PAUSED)
            app.set_state(Gst.State.PLAYING)
        elif i % 3 == 2:
            app.set_state(Gst.State.PAUSED)
        hang_up_at_once(others)
        wait(lambda: app.removed == (i + 1) * N_OTHERS)
        app.start()
        wait(lambda: not app.branches)
        del others
        yield
    app.stop()


# --- removal ---

def removal(server, rounds):
    room = server.new_room()
    app, other = Party(room), Party(room, MEDIA)
    other.start()
    app.start()
    for i in range(rounds):
        wait(lambda: len(app.flowing) == 2)
        if i % 3 == 1:
            app.set_state(Gst.State.PAUSED)
        app.take_room_out()
        app.start()
        yield
        app.put_room_in(room)
    app.stop()
    other.stop()


# --- what is left behind ---

def traces():
    """Returns the numbers of threads and descriptors."""
    gc.collect()
    return [len(os.listdir(f'/proc/self/{kind}')) for kind in ('task', 'fd')]


def wait_settled():
    """Returns the traces once they are stable, as threads end with a delay."""
    seen = []
    ticks = GLib.timeout_add(100, lambda: seen.append(traces()) or True)
    wait(lambda: len(seen) > 20 and all(one == seen[-1] for one in seen[-20:]))
    GLib.source_remove(ticks)
    return seen[-1]


def wait_until_gone(before):
    wait(lambda: all(now <= then for now, then in zip(traces(), before)))


def start_clock():
    """Starts the system clock's thread, which stays once it was needed."""
    fired = threading.Event()
    clock = Gst.SystemClock.obtain()
    Gst.Clock.id_wait_async(clock.new_single_shot_id(clock.get_time()),
                            lambda *_: fired.set() or True)
    fired.wait()


def main(mode, rounds):
    sys.excepthook = fail
    threading.excepthook = sys.unraisablehook = fail_elsewhere
    faulthandler.enable()
    faulthandler.register(signal.SIGTRAP, chain=True)   # of a critical
    watch()
    Gst.init(None)
    GLib.ThreadPool.set_max_unused_threads(0)
    start_clock()
    GLib.timeout_add(100, lambda: True)         # looks again at what is waited for
    server = Server()
    before = None
    for i, _ in enumerate(modes[mode](server, rounds)):
        before = before or wait_settled()
        wait_until_gone(before)
        watch()
        print(f'round {i + 1} of {mode}: threads and descriptors are {before}',
              flush=True)
    server.stop()


# Each mode yields after a round, when all that it made must be gone.
modes = {'end': end, 'pads': pads, 'removal': removal}
main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2
     else 200 if 'MESH_LONG' in os.environ else 3)
