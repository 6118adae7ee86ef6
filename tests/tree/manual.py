#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages say what there is: no option and no property is missing,
and none is made up.

manual.py DIRECTORY [MESHROOM-SERVER]   reports in TAP
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
# Only what an element takes: in an array, a name is that of its items.
PROPERTY = re.compile(r'(?:properties\[\w+\]\s*=|klass, PROP_\w+,)\s*'
                      r'gs?t?_param_spec_\w+\s*\(\s*"([\w-]+)"')


def page(name):
    return (ROOT / 'docs/man' / name).read_text(encoding='utf-8')


def options_in_help(program):
    text = subprocess.run([program, '--help'], check=True, text=True,
                          capture_output=True).stdout
    return set(re.findall(r'^  (?:-\w, )?--([\w-]+)(?:=(\S+))?', text, re.M))


def options_in_page():
    items = re.findall(r'^\.It .*?Fl -([\w-]+)(?: Ar (\S+))?$',
                       page('meshroom-server.1'), re.M)
    return set(items)


def properties_in_source():
    return {name for folder in ('meshroom', 'meshview', 'imageswitch', 'signal')
            for path in (ROOT / 'plugins' / folder).rglob('*.c')
            for name in PROPERTY.findall(path.read_text(encoding='utf-8'))}


def properties_in_page():
    items = re.findall(r'^\.It Cm (.+)$', page('meshroom.7'), re.M)
    return {name for item in items for name in item.split(' , ')}


def compare(what, there, said):
    for name in sorted(there ^ said):
        print(f'# {name}:', 'made up' if name in said else 'not in the page')
    good = there and there == said
    print(f'{"ok" if good else "not ok"} - {what}')
    return good


def main():
    good = compare('meshroom(7) has every property', properties_in_source(),
                   properties_in_page())
    if len(sys.argv) > 2:
        good &= compare('meshroom-server(1) has every option',
                        options_in_help(sys.argv[2]), options_in_page())
    print(f'1..{len(sys.argv) - 1}')
    sys.exit(not good)


main()
