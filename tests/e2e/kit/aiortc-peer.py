# SPDX-License-Identifier: LGPL-2.1-or-later
"""aiortc for stack.js: connections in lines of JSON.

    aiortc-peer.py '{"rgb": [R, G, B], "hz": F}'

What all connections send is a picture of that colour, and that tone. In come
{"peer": N, "open": {"initiator": BOOL}}, {"peer": N, "signal": S} and
{"peer": N, "close": true}; out go {"peer": N, "signal": S},
{"peer": N, "connected": true}, {"peer": N, "rgb": [R, G, B]} and
{"peer": N, "hz": F}. S is what simple-peer says.
"""

import asyncio
import fractions
import json
import sys

import av
import numpy
from aiortc import (RTCConfiguration, RTCPeerConnection,
                    RTCSessionDescription, VideoStreamTrack)
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from aiortc.sdp import candidate_from_sdp

RATE = 48000
BLOCK = RATE // 50


def write(peer, **fields):
    print(json.dumps({'peer': peer, **fields}), flush=True)


class Picture(VideoStreamTrack):
    def __init__(self, rgb):
        super().__init__()
        pixels = numpy.full((240, 320, 3), rgb, dtype=numpy.uint8)
        self.picture = av.VideoFrame.from_ndarray(pixels, format='rgb24') \
            .reformat(format='yuv420p').to_ndarray()

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(self.picture, format='yuv420p')
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    def __init__(self, hz):
        super().__init__()
        self.hz = hz
        self.at = 0
        self.started = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.started is None:
            self.started = loop.time()
        await asyncio.sleep(self.started + self.at / RATE - loop.time())
        times = (self.at + numpy.arange(BLOCK)) / RATE
        samples = 12000 * numpy.sin(2 * numpy.pi * self.hz * times)
        frame = av.AudioFrame.from_ndarray(
            samples.astype(numpy.int16).reshape(1, -1), layout='mono')
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self.at, fractions.Fraction(1, RATE)
        self.at += BLOCK
        return frame


async def look(peer, track):
    while True:
        frame = await track.recv()
        middle = frame.to_ndarray(format='rgb24')[
            frame.height // 4:-frame.height // 4,
            frame.width // 4:-frame.width // 4]
        write(peer, rgb=[round(c) for c in middle.mean(axis=(0, 1))])


async def hear(peer, track):
    heard = numpy.zeros(0)
    while True:
        frame = await track.recv()
        channels = len(frame.layout.channels)
        heard = numpy.append(heard, frame.to_ndarray().reshape(-1)[::channels])
        if heard.size < RATE // 5:
            continue
        power = numpy.abs(numpy.fft.rfft(heard))
        if power.max() / heard.size > 100:
            write(peer, hz=int(power.argmax() * frame.sample_rate / heard.size))
        heard = numpy.zeros(0)


async def until_it_ends(watch):
    try:
        await watch
    except MediaStreamError:
        pass


class Peer:
    def __init__(self, number, look):
        self.number = number
        self.mine = [Tone(look['hz']), Picture(look['rgb'])]
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.early = []
        self.pc.on('track', self.watch)
        self.pc.on('connectionstatechange', self.tell_state)

    def watch(self, track):
        see = look if track.kind == 'video' else hear
        asyncio.ensure_future(until_it_ends(see(self.number, track)))

    def tell_state(self):
        if self.pc.connectionState == 'connected':
            write(self.number, connected=True)

    async def describe(self, description):
        await self.pc.setLocalDescription(description)
        mine = self.pc.localDescription
        write(self.number, signal={'type': mine.type, 'sdp': mine.sdp})

    async def offer(self):
        for track in self.mine:
            self.pc.addTransceiver(track)
        await self.describe(await self.pc.createOffer())

    async def signal(self, said):
        if 'sdp' in said:
            await self.pc.setRemoteDescription(
                RTCSessionDescription(said['sdp'], said['type']))
            if said['type'] == 'offer':
                for track in self.mine:
                    self.pc.addTrack(track)
                await self.describe(await self.pc.createAnswer())
            for candidate in self.early:
                await self.candidate(candidate)
        elif 'candidate' in said:
            if self.pc.remoteDescription:
                await self.candidate(said['candidate'])
            else:
                self.early.append(said['candidate'])

    async def candidate(self, said):
        if not said['candidate']:
            return
        candidate = candidate_from_sdp(said['candidate'].split(':', 1)[1])
        candidate.sdpMid = said.get('sdpMid')
        candidate.sdpMLineIndex = said.get('sdpMLineIndex')
        await self.pc.addIceCandidate(candidate)


async def main(look):
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    peers = {}
    async for line in reader:
        said = json.loads(line)
        number = said['peer']
        if 'open' in said:
            peers[number] = Peer(number, look)
            if said['open']['initiator']:
                await peers[number].offer()
        elif 'signal' in said:
            await peers[number].signal(said['signal'])
        else:
            await peers[number].pc.close()

asyncio.run(main(json.loads(sys.argv[1])))
