#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lines for gst-launch-1.0 in documents and manual pages name elements,
properties and pads that there are.

lines.py DIRECTORY   reports in TAP
"""
import pathlib
import re
import shlex
import sys

import gi
gi.require_version('Gst', '1.0')
from gi.repository import GLib, Gst

ROOT = pathlib.Path(sys.argv[1])
DOCUMENTS = ['README.md', *sorted(ROOT.glob('docs/*.md')),
             *sorted(ROOT.glob('docs/man/*.[17]'))]
# A line ends where no backslash continues it; in a manual page that is "\e".
LINE = re.compile(r'^gst-launch-1\.0 ((?:.*\\e?\n)*.*)', re.M)
# What is installed only where there is a sound server.
OPTIONAL = {'pulsesrc'}
LINK = 'http://127.0.0.1/room/8e0a3a3c-2f0e-4a9b-9c53-1f6b8a1d7c11'


def lines():
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding='utf-8')
        for match in LINE.finditer(text):
            number = text.count('\n', 0, match.start()) + 1
            yield (f'{pathlib.Path(name).name}:{number}',
                   re.sub(r'\\e?\n', ' ', match[1]).replace('$LINK', LINK))


def fault(line):
    """What is wrong with it; None if it can be built."""
    context = Gst.ParseContext()
    try:
        Gst.parse_launchv_full(shlex.split(line), context, Gst.ParseFlags.NONE)
    except GLib.Error as error:
        missing = context.get_missing_elements()
        return None if missing and OPTIONAL.issuperset(missing) \
            else error.message
    return None


def main():
    Gst.init(None)
    found = list(lines())
    print(f'1..{len(found)}')
    failed = 0
    for number, (where, line) in enumerate(found, 1):
        wrong = fault(line)
        failed += wrong is not None
        print(f'{"ok" if wrong is None else "not ok"} {number} - {where}')
        if wrong:
            print(f'# {wrong}')
    sys.exit(failed > 0 or not found)


main()
