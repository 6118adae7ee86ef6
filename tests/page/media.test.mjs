// SPDX-License-Identifier: LGPL-2.1-or-later

// The choice of codecs, corrected session descriptions, the division of the
// uplink, and the detection of speech.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {chooseAudio, chooseVideo, noneInCommon}
  from '../../gst/server/web/codecs.js';
import {Speech} from '../../gst/server/web/speech.js';
import {divideUplink} from '../../gst/server/web/uplink.js';
import {beginFaster, readVideo, tidySdp} from '../../gst/server/web/sdp.js';

const codec = (mimeType, sdpFmtpLine) => ({mimeType, sdpFmtpLine});
const h264 = (profile, mode) => codec('video/H264',
  `level-asymmetry-allowed=1;packetization-mode=${mode};`
    + `profile-level-id=${profile}`);
const chromium = [codec('video/VP8'), codec('video/rtx'),
  h264('42001f', 1), h264('42001f', 0), h264('42e01f', 1), h264('640c1f', 1),
  codec('video/AV1'), codec('video/VP9', 'profile-id=0'), codec('video/red'),
  codec('video/ulpfec')];

test('codecs: one, with its retransmission', () => {
  const chosen = chooseVideo(['VP8', 'H264'], chromium);
  assert.deepEqual(chosen.map(({mimeType}) => mimeType),
    ['video/VP8', 'video/rtx']);
});

test('codecs: the first that the caller named and we have', () => {
  const chosen = chooseVideo(['H265', 'h264', 'VP8'], chromium);
  assert.equal(chosen.length, 2);
  assert.equal(chosen[0], chromium[2]);
});

test('codecs: H.264 is constrained baseline in mode 1, or not at all', () => {
  for (const [wanted, first] of [[h264('640c1f', 1), 'video/VP8'],
    [h264('42e01f', 0), 'video/VP8'], [h264('42E01F', 1), 'video/H264']]) {
    assert.equal(chooseVideo(['H264'], [codec('video/VP8'), wanted])[0]
      .mimeType, first);
  }
});

test('codecs: VP9 of 8 bits in 4:2:0, or not at all', () => {
  const plain = codec('video/VP9', 'profile-id=0');
  assert.equal(chooseVideo(['VP9'], [codec('video/VP9', 'profile-id=2'),
    codec('video/VP8'), plain])[0], plain);
  assert.equal(chooseVideo(['VP9'], [codec('video/VP8'),
    codec('video/VP9', 'max-fs=12288;max-fr=60')])[0].mimeType, 'video/VP9');
  assert.equal(chooseVideo(['VP9'], [codec('video/VP8'),
    codec('video/VP9', 'profile-id=1')])[0].mimeType, 'video/VP8');
});

test('codecs: AV1 of 4:2:0, or not at all', () => {
  const plain = codec('video/AV1', 'level-idx=5;profile=0;tier=0');
  assert.equal(chooseVideo(['AV1'], [codec('video/VP8'),
    codec('video/AV1', 'level-idx=5;profile=1;tier=0'), plain])[0], plain);
  assert.equal(chooseVideo(['AV1'], chromium)[0].mimeType, 'video/AV1');
});

test('codecs: VP8 where nothing that was named is there', () => {
  assert.equal(chooseVideo(['AV2'], chromium)[0].mimeType, 'video/VP8');
  assert.deepEqual(chooseVideo(['AV2'], [codec('video/VP9')]), []);
});

test('codecs: none in common', () => {
  const vp8 = [codec('video/VP8'), codec('video/rtx')];
  assert.equal(noneInCommon(['H264'], vp8), true);
  assert.equal(noneInCommon(['AV1', 'H264'], [...vp8, h264('640c1f', 1)]), true);
  assert.equal(noneInCommon(['H264'], chromium), false);
  assert.equal(noneInCommon(['H264', 'vp8'], vp8), false);
  assert.equal(noneInCommon([], vp8), false);
  assert.equal(noneInCommon(['H264'], []), false);
});

test('codecs: nothing but Opus for sound', () => {
  const chosen = chooseAudio([codec('audio/opus'), codec('audio/red'),
    codec('audio/G722'), codec('audio/telephone-event')]);
  assert.deepEqual(chosen.map(({mimeType}) => mimeType), ['audio/opus']);
});

test('sdp: what is said of payload types that are not listed goes', () => {
  const sdp = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 109', 'a=rtpmap:109 opus',
    'a=rtcp-fb:120 nack', 'm=video 9 UDP/TLS/RTP/SAVPF 120 124',
    'a=fmtp:120 max-fs=12288', 'a=fmtp:124 apt=120', 'a=fmtp:121 x=1',
    'a=rtcp-fb:120 nack', 'a=rtcp-fb:121 nack', 'a=rtcp-fb:* nack pli',
    'a=rtpmap:120 VP8/90000', 'a=rtpmap:126 H264/90000', 'a=sendrecv', ''];
  const gone = ['a=rtcp-fb:120 nack', 'a=fmtp:121 x=1', 'a=rtcp-fb:121 nack',
    'a=rtpmap:126 H264/90000'];
  const lines = tidySdp(sdp.join('\r\n')).split('\r\n');
  assert.deepEqual(lines, sdp.filter((line, i) =>
    !gone.includes(line) || (line === gone[0] && i === 8)));
});

test('speech: a word is one, gaps and all', () => {
  const heard = [];
  const speech = new Speech((...what) => heard.push(what.join(' ')));
  for (const [peer, level, at] of [['a', 0.01, 0], ['a', 0.5, 100],
    ['b', 0.02, 100], ['a', 0, 350], ['a', 0.1, 600], ['a', 0, 1300],
    ['a', 0, 1301], ['a', 0, 1500], ['b', 0.3, 1500]])
    speech.hear(peer, level, at);
  assert.deepEqual(heard, ['a true', 'a false', 'b true']);
  speech.forget('b');
  speech.hear('b', 0, 9000);
  speech.hear('b', 0.3, 9100);
  assert.deepEqual(heard.slice(3), ['b true']);
});

test('uplink: less for each of many, and never too little', () => {
  assert.deepEqual([0, 1, 2, 3, 5, 20, 31].map(divideUplink), [
    [1000000, 720], [1000000, 720], [1000000, 360], [1000000, 360],
    [600000, 240], [150000, 240], [150000, 240]]
    .map(([bitrate, height]) => ({bitrate, height})));
});

test('sdp: a browser begins with a better rate', () => {
  const sdp = `v=0\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
a=rtpmap:111 opus/48000/2\r
a=fmtp:111 useinbandfec=1\r
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103\r
a=rtpmap:103 red/90000\r
a=rtpmap:96 VP8/90000\r
a=rtpmap:97 rtx/90000\r
a=fmtp:97 apt=96\r
a=rtpmap:102 H264/90000\r
a=fmtp:102 packetization-mode=1\r
`;
  const faster = sdp
    .replace('VP8/90000\r\n', '$&a=fmtp:96 x-google-start-bitrate=800\r\n')
    .replace('mode=1', '$&;x-google-start-bitrate=800');
  assert.equal(beginFaster(sdp, 1e6), faster);
  assert.equal(beginFaster(faster, 1e6), faster);
  assert.equal(beginFaster(sdp, 375_000), faster.replaceAll('=800', '=375'));
  const unix = sdp.replaceAll('\r', '');
  assert.match(beginFaster(unix, 1e6), /^a=fmtp:96 x-google-start-bitrate=800$/m);
  for (const odd of ['', 'v=0', 'm=video', 'm=video 9 x 96\r\na=rtpmap:96',
    'm=video 9 x 96\r\na=rtpmap:96 VP8/90000'])
    assert.equal(beginFaster(odd, 1e6), odd);
});

test('sdp: what is said of the picture', () => {
  const head = 'v=0\r\n';
  const audio = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly\r\n'
    + 'a=rtpmap:111 opus/48000/2\r\n';
  const video = (port, rest = '') => `m=video ${port} UDP/TLS/RTP/SAVPF 102 96\r
a=rtpmap:102 H264/90000\r\na=rtpmap:96 rtx/90000\r\n${rest}`;
  for (const [text, rejected, sends, codecs] of [
    [head + audio, false, false, []],
    [head + audio + video(9), false, true, ['H264']],
    [head + audio + video(0), true, true, ['H264']],
    [head + video(0, 'a=bundle-only\r\n') + audio, false, true, ['H264']],
    [head + video(9, 'a=recvonly\r\n') + audio, false, false, ['H264']],
    [`${head}a=inactive\r\n${audio}${video(9)}`, false, false, ['H264']],
    [`${head}${video(9, 'a=rtpmap:97 VP8/90000\r\na=rtpmap:98 VP8/90000')}`,
      false, true, ['H264', 'VP8']],
    ['', false, false, []]])
    assert.deepEqual(readVideo(text), {rejected, sends, codecs}, text);
});
