#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mutate.py SOURCE OUTPUT WHAT INSTEAD

Writes a copy of SOURCE that is broken on purpose: INSTEAD stands where WHAT
stood, which SOURCE must hold exactly once."""

import pathlib
import sys

source, output, what, instead = sys.argv[1:]
parts = pathlib.Path(source).read_text().split(what)
if len(parts) != 2:
    sys.exit(f'{source} has {len(parts) - 1} places with "{what}", not one')
pathlib.Path(output).write_text(instead.join(parts))
