#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws clip.webm: the cat of picture.svg, asleep, as a loop.

It breathes once and the Zs rise once in six seconds, so that the last frame
leads to the first one. Each frame is picture.svg with a few things moved. Run
by hand after the drawing has changed; needs gst-launch-1.0 with rsvgdec and
vp8enc.
"""
import math
import os
import re
import subprocess
import tempfile

SECONDS, RATE = 6, 15
HERE = os.path.dirname(os.path.abspath(__file__))


def section(svg, name):
    """The text from the comment `name` up to the next comment."""
    start = svg.index(f'<!-- {name} -->')
    end = svg.index('<!--', start + 4)
    return svg[start:end]


def wrap(part, transform):
    comment, rest = part.split('-->', 1)
    return f'{comment}--><g transform="{transform}">{rest.rstrip()}</g>\n'


def letters(t):
    """Three Zs, one after the other, that rise, grow and fade."""
    out = ['<!-- asleep -->', '<g stroke="#fbf0d4" stroke-linecap="round" '
           'stroke-linejoin="round" fill="none" stroke-width="5">']
    for i in range(3):
        age = (t + i / 3) % 1
        size = 14 + 18 * age
        x = 552 + 74 * age + 9 * math.sin(2 * math.pi * age)
        y = 372 - 120 * age
        alpha = math.sin(math.pi * age) ** 0.7
        out.append(f'<path opacity="{alpha:.3f}" d="M{x:.2f} {y:.2f} '
                   f'h{size:.2f} l{-size:.2f} {size:.2f} h{size:.2f}"/>')
    return '\n'.join(out + ['</g>\n\n'])


def stars(svg, t):
    """Each star has its own moment to be faint."""
    n = 0

    def twinkle(match):
        nonlocal n
        n += 1
        alpha = 0.72 + 0.28 * math.cos(2 * math.pi * (t * (1 + n % 2) + n / 6))
        return f'{match.group(0)} opacity="{alpha:.3f}"'

    part = re.search(r'<g fill="#fbf0d4">.*?</g>', svg, re.S).group(0)
    return svg.replace(part, re.sub(r'<circle', twinkle, part))


def frame(svg, t):
    breath = (1 - math.cos(2 * math.pi * 2 * t)) / 2
    cat = section(svg, 'the cat')
    tail, head = section(svg, 'tail'), section(svg, 'head')
    body = cat.split('<g>', 1)[1]
    # the body grows from the sill upwards, the head goes along a little
    body_moved = (f'<g transform="translate(0 522) scale(1 '
                  f'{1 + 0.022 * breath:.5f}) translate(0 -522)">'
                  f'{body.rstrip()}</g>\n')
    head_open = head.rstrip()
    assert head_open.endswith('</g>')   # ends the cat
    head_inner = head_open[:-len('</g>')]
    head_moved = wrap(head_inner, f'translate(0 {-1.6 * breath:.3f})') + '</g>\n\n'
    swing = 4 * math.sin(2 * math.pi * t)
    svg = svg.replace(body, body_moved)
    svg = svg.replace(tail, wrap(tail, f'rotate({swing * 0.25:.3f} 752 500)'))
    svg = svg.replace(head, head_moved)
    svg = svg.replace(section(svg, 'asleep'), letters(t))
    return stars(svg, t)


def main():
    with open(os.path.join(HERE, 'picture.svg'), encoding='utf-8') as file:
        svg = file.read()
    with tempfile.TemporaryDirectory() as folder:
        for i in range(SECONDS * RATE):
            with open(f'{folder}/{i:03}.svg', 'w', encoding='utf-8') as file:
                file.write(frame(svg, i / (SECONDS * RATE)))
        subprocess.run([
            'gst-launch-1.0', '-q', 'multifilesrc',
            f'location={folder}/%03d.svg',
            f'caps=image/svg+xml,framerate={RATE}/1', '!', 'rsvgdec', '!',
            'videoconvertscale', '!',
            'video/x-raw,format=I420,width=960,height=540', '!', 'vp8enc',
            'deadline=0', 'end-usage=cq', 'cq-level=24', 'min-quantizer=8',
            'max-quantizer=40', 'target-bitrate=220000',
            'keyframe-max-dist=200', 'auto-alt-ref=true',
            'lag-in-frames=20', '!', 'webmmux', 'writing-app=draw-clip', '!',
            'filesink', f'location={HERE}/clip.webm'], check=True)


if __name__ == '__main__':
    main()
