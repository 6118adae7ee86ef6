#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is installed is what is public, and it is all that others need.

installed.py BUILD-DIRECTORY INTROSPECTION COMPILER…   reports in TAP;
                 INTROSPECTION: "true" where it was built
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGE = 'gstmeshserver-1.0'
ELEMENTS = 'meshroom', 'meshview', 'imageswitch', 'signalsrc', 'signalsink'
LINK = r'http://127\.0\.0\.1:\d+/room/[0-9a-f-]{36}#[\w-]{22}\n'
PROGRAM = '''
#include <server/server.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshServer) server = mesh_server_new ();
  g_autofree char *link = NULL;

  if (mesh_server_listen (server, "127.0.0.1:0", NULL, &error))
    link = mesh_server_make_link (server);
  g_print ("%s\\n", link ? link : error->message);
  mesh_server_stop (server);
  return 0;
}
'''
SCRIPT = '''
import gi
gi.require_version("Meshroom", "1.0")
from gi.repository import Meshroom
server = Meshroom.Server()
server.listen("127.0.0.1:0", None)
print(server.make_link())
server.stop()
'''


def output(*command, **more):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE, **more).stdout


class Installed:
    def __init__(self, build, folder):
        subprocess.run(['meson', 'install', '--no-rebuild', '-C', build],
                       check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, 'DESTDIR': str(folder)})
        self.folder = folder
        package = next(folder.rglob(f'{PACKAGE}.pc'))
        # The package as it would be, were it installed where it lies now.
        text = package.read_text()
        prefix = re.search('^prefix=(.*)', text)[1]
        package.write_text(text.replace(prefix, f'{folder}{prefix}', 1))
        self.libdir = package.parent.parent
        self.typelibs = self.libdir / 'girepository-1.0'
        self.env = {**os.environ,
                    'PKG_CONFIG_PATH': str(package.parent),
                    'LD_LIBRARY_PATH': str(self.libdir),
                    'GI_TYPELIB_PATH': str(self.typelibs),
                    'GST_PLUGIN_SYSTEM_PATH_1_0': '',
                    'GST_PLUGIN_PATH_1_0': str(self.libdir / 'gstreamer-1.0'),
                    'GST_REGISTRY_1_0': str(folder / 'registry.bin')}
        self.env.pop('GST_REGISTRY', None)


def symbols(library):
    names = output('nm', '-D', '--defined-only', library).splitlines()
    return {name for _, kind, name in map(str.split, names) if kind != 'A'}


def exports(installed, _compiler):
    """Functions of the headers, each with the version that brought it."""
    declared = set()
    for header in installed.folder.rglob('*.h'):
        text = re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.S)
        declared.update(re.findall(r'\b(mesh_\w+) \(', text))
        declared.update(f'{name}_get_type' for name in
                        re.findall(r'G_DECLARE_\w+ \(\w+, (\w+)', text))
    shown = set()
    for library in installed.libdir.glob('*.so'):
        for symbol in symbols(library):
            name, _, version = symbol.partition('@@')
            shown.add(name)
            if not version.startswith('MESHROOM_'):
                yield f'{library.name}: {symbol} has no version'
    for name in sorted(declared ^ shown):
        yield f'{name} is {"hidden" if name in declared else "undeclared"}'


def plugins(installed, _compiler):
    for plugin in (installed.libdir / 'gstreamer-1.0').iterdir():
        for name in symbols(plugin):
            if not re.fullmatch(r'gst_plugin_\w+_(get_desc|register)', name):
                yield f'{plugin.name} shows {name}'


def elements(installed, _compiler):
    """They find what they share, which lies where nobody else looks."""
    for name in ELEMENTS:
        if subprocess.run(['gst-inspect-1.0', name], env=installed.env,
                          stdout=subprocess.DEVNULL).returncode:
            yield f'there is no {name}'


def program(installed, compiler):
    flags = output('pkg-config', '--cflags', '--libs', PACKAGE,
                   env=installed.env).split()
    source, binary = installed.folder / 'program.c', installed.folder / 'program'
    source.write_text(PROGRAM)
    output(*compiler, '-Wall', '-Werror', source, '-o', binary, *flags)
    printed = output(binary, env=installed.env)
    if not re.fullmatch(LINK, printed):
        yield f'it prints {printed}'


def script(installed, _compiler):
    printed = output('/usr/bin/python3', '-c', SCRIPT, env=installed.env)
    if not re.fullmatch(LINK, printed):
        yield f'it prints {printed}'


CHECKS = {
    'the public library shows what its header declares': exports,
    'a plugin shows nothing but itself': plugins,
    'the elements are found': elements,
    'a program in C embeds the server': program,
}
INTROSPECTION = {'a program in Python embeds the server': script}


def run(check, *arguments):
    try:
        return list(check(*arguments))
    except subprocess.CalledProcessError as error:
        return [str(error)]


def main(build, introspection, *compiler):
    checks = CHECKS | (INTROSPECTION if introspection == 'true' else {})
    failed = 0
    print(f'1..{len(checks)}')
    with tempfile.TemporaryDirectory(prefix='mesh-installed-') as folder:
        installed = Installed(build, pathlib.Path(folder))
        for number, (what, check) in enumerate(checks.items(), 1):
            wrong = run(check, installed, compiler)
            failed += bool(wrong)
            for each in wrong:
                print(f'# {each}')
            print(f'{"not " if wrong else ""}ok {number} - {what}')
    sys.exit(failed > 0)


main(*sys.argv[1:])
