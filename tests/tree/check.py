#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What holds for the tree as it lies there: licences, names in prose, sizes, and
what may include what.

check.py [DIRECTORY]   reports in TAP
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.').resolve()
SKIPPED = re.compile(r'(^|/)(\.git|node_modules|__pycache__|build[^/]*)(/|$)')
# What can hold a comment names its licence in it. For all else, .reuse/dep5.
SOURCE = re.compile(r'\.(c|h|js|mjs|py|sh|html|css|svg|xml|pml|supp)$'
                    r'|(^|/)meson(\.build|_options\.txt)$')
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)
# Ours begin so, or with what somebody has taken for ours.
OURS = re.compile(r'\b(?:mesh_|Mesh[A-Z]|GstMesh|MESH_|image_switch_'
                  r'|ImageSwitch)\w*')
# A file's name in prose: with a folder, or by itself.
FILE = re.compile(r'[\w./-]*\w\.(?:c|h|m?js|py|sh|json|md|png|pml|build|webm)')

# docs/protocol.md, "Joining" and "Leaving"
SECTION = re.compile(r'(docs/\w[\w-]*\.md)(?:, |\), )'
                     r'((?:(?:and |to |, )?"[^"]{3,60}"(?:,? )?)+)')
INCLUDE = re.compile(r'^#\s*include "(.+)"', re.M)
IMPORT = re.compile(r"\bfrom '\./(.+)'")
# What ends a function's first line; what begins so is none.
JS_FUNCTION = re.compile(r'^(?! *(?:if|for|while|switch|\}|\|\||&&)).*'
                         r'(?:\)|=>) \{$')


def tree():
    paths = (path.relative_to(ROOT) for path in ROOT.rglob('*')
             if path.is_file() and not path.is_symlink())
    return sorted(path for path in paths if not SKIPPED.search(str(path)))


def text(path):
    return (ROOT / path).read_text(encoding='utf-8')


def is_source(path):
    if SOURCE.search(str(path)):
        return True
    with open(ROOT / path, 'rb') as file:
        return file.read(2) == b'#!'


def licences(paths):
    used = set()
    for path in paths:
        if not is_source(path):
            continue
        obs = path.parts[:2] == ('plugins', 'obs')
        wanted = 'GPL-2.0-or-later' if obs else 'LGPL-2.1-or-later'
        head = '\n'.join(text(path).split('\n')[:4])
        named = re.findall(r'SPDX-License-' r'Identifier: (\S+)', head)
        used.update(named)
        if named != [wanted]:
            yield f'{path}: its first lines name {named}, not {wanted}'
    for path in paths:
        if path.parts[0] == 'LICENSES' and path.stem not in used:
            yield f'{path}: nothing is under it'
    for name in used:
        if not (ROOT / 'LICENSES' / f'{name}.txt').is_file():
            yield f'LICENSES/{name}.txt is missing'


def names(paths):
    """Comments and documents name functions, types and macros that are
    there."""
    code, said = set(), [(path, 1, text(path)) for path in documents(paths)]
    for path in paths:
        if path.parts[0] in ('gst', 'plugins') and path.suffix in ('.c', '.h'):
            source = text(path)
            code.update(re.findall(r'\w+', COMMENT.sub(' ', source)))
            said += [(path, source.count('\n', 0, match.start()) + 1, match[0])
                     for match in COMMENT.finditer(source)]
    for path, start, prose in said:
        for match in OURS.finditer(prose):
            # In a document that is a variable of the environment.
            if path.suffix == '.md' and match[0].startswith('MESH_'):
                continue
            if match[0] not in code:
                line = start + prose.count('\n', 0, match.start())
                yield f'{path}:{line}: there is no {match[0]}'


def documents(paths):
    return [path for path in paths if path.suffix == '.md']


def files(paths):
    """Documents name files that are there, from the root or from the
    document's folder, or by a name that some file has. Where the first folder
    is none of ours, it is where something is installed."""
    names = {path.name for path in paths}
    for path in documents(paths):
        for quoted in re.findall(r'`([^`\n]+)`|\]\(([^)#\s]+)', text(path)):
            for word in ''.join(quoted).split():
                if not FILE.fullmatch(word):
                    continue
                folder, slash, _ = word.partition('/')
                if slash and not (ROOT / folder).exists():
                    continue
                if word not in names and not any(
                        (ROOT / base / word).exists()
                        for base in ('', path.parent)):
                    yield f'{path}: there is no {word}'


def sections(paths):
    """Whoever is sent to a document's section finds one of that title."""
    titles = {str(path): set(re.findall(r'^#+ (?:\d+\. )?(.*)$', text(path),
                                        re.M)) for path in documents(paths)}
    for path in filter(is_source, paths):
        # A comment goes on at its next line's mark.
        flat = re.sub(r'\s+(?:\*|//|#)?\s*', ' ', text(path))
        for document, quoted in SECTION.findall(flat):
            for title in re.findall(r'"([^"]+)"', quoted):
                if title not in titles.get(document, ()):
                    yield f'{path}: {document} has no "{title}"'


def widths(paths):
    """Prose is wrapped at 100 columns; code and tables are not, nor is what
    cannot be broken."""
    for path in documents(paths):
        inside = False
        for number, line in enumerate(text(path).split('\n'), 1):
            start = line.lstrip(' -*0123456789.')
            if start.startswith('```'):
                inside = not inside
            elif len(line) > 100 and not inside and not start.startswith('|'):
                # A span of code stays whole.
                whole = re.sub(r'`[^`]+`', lambda m: '`' * len(m[0]), start)
                if max(map(len, whole.split())) < 90:
                    yield f'{path}:{number}: {len(line)} columns'


def headers(paths):
    """Who has an installed header has all that it includes."""
    installed = set()
    for path in paths:
        if path.name == 'meson.build' and path.parts[0] == 'gst':
            for lists in re.findall(r'install_headers\(([^)]*)', text(path)):
                installed.update(path.parent / name for name
                                 in re.findall(r"'([\w-]+\.h)'", lists))
    for path in sorted(installed):
        for name in re.findall(r'#include "(.+)"', text(path)):
            if pathlib.Path('gst', name) not in installed:
                yield f'{path}: {name} is not installed'


def code(paths):
    return [path for path in paths if path.parts[0] in ('gst', 'plugins')
            and path.suffix in ('.c', '.h', '.js')]


def lengths(paths):
    tests = [path for path in paths if path.parts[0] == 'tests'
             and path.suffix in ('.c', '.h')]
    for path in code(paths) + tests:
        lines = text(path).count('\n')
        if lines > 600:
            yield f'{path}: {lines} lines'


def functions(path):
    """The first and the last line of each, counted from 0. All code is
    indented in the one way, so a function ends where a line begins as its
    first one does, and goes on with a brace."""
    lines = text(path).split('\n')
    for number, line in enumerate(lines):
        first = number
        if path.suffix == '.js':
            if not JS_FUNCTION.search(line):
                continue
            indent = re.match(' *', line)[0]
            # The parameters may go on for more than a line.
            while line.count('(') < line.count(')') and first > 0:
                first -= 1
                line = lines[first] + line
                indent = re.match(' *', line)[0]
        elif line == '{':
            indent = ''
            while re.match(r'(\w|   ).*[^;]$', lines[first - 1]):
                first -= 1
        else:
            continue
        last = next(i for i in range(number + 1, len(lines))
                    if lines[i].startswith(indent + '}'))
        yield first, last


def long_functions(paths):
    for path in code(paths):
        for first, last in functions(path):
            if last - first >= 60:
                yield f'{path}:{first + 1}: {last - first + 1} lines'


def includes(paths):
    """Pairs of a file and another one that it includes or imports."""
    there = set(paths)
    for path in code(paths):
        pattern = IMPORT if path.suffix == '.js' else INCLUDE
        for name in pattern.findall(text(path)):
            for base in (path.parent, path.parent.parent, pathlib.Path('gst'),
                         pathlib.Path('plugins')):
                if base / name in there:
                    yield path, base / name
                    break


def reach(edges, start):
    """All that start leads to; itself only by way of another one."""
    reached, todo = set(), [start]
    while todo:
        node = todo.pop()
        for other in edges.get(node, set()) - {node} - reached:
            reached.add(other)
            todo.append(other)
    return reached


def circles(edges):
    """The sets of what leads to each other."""
    seen = set()
    for start in sorted(edges):
        circle = {other for other in reach(edges, start)
                  if start in reach(edges, other)}
        if circle and start not in seen:
            seen |= circle
            yield sorted(circle)


def folder_circles(paths):
    """No folder includes what includes it, be it by way of others."""
    edges = {}
    for path, other in includes(paths):
        edges.setdefault(path.parent, set()).add(other.parent)
    for circle in circles(edges):
        yield ' and '.join(map(str, circle)) + ' include each other'


def file_circles(paths):
    """Of the files of a folder no more than two include each other; x.c and
    x.h count as one."""
    edges = {}
    for path, other in includes(paths):
        if path.parent == other.parent:
            edges.setdefault(path.with_suffix(''), set()).add(
                other.with_suffix(''))
    for circle in circles(edges):
        if len(circle) > 2:
            yield ', '.join(map(str, circle)) + ' include each other'


CHECKS = {
    'a source names the licence of its folder': licences,
    'comments and documents name what there is': names,
    'installed headers include what is installed': headers,
    'documents name files that there are': files,
    'documents have the sections that sources name': sections,
    'documents are wrapped at 100 columns': widths,
    'files have at most 600 lines': lengths,
    'functions have at most 60 lines': long_functions,
    'folders do not include each other in a circle': folder_circles,
    'no more than two files of a folder do': file_circles,
}


def main():
    paths = tree()
    print(f'1..{len(CHECKS)}')
    failed = 0
    for number, (what, check) in enumerate(CHECKS.items(), 1):
        wrong = list(check(paths))
        failed += bool(wrong)
        for each in wrong:
            print(f'# {each}')
        print(f'{"not " if wrong else ""}ok {number} - {what}')
    sys.exit(failed > 0)


main()
