#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Renders picture.svg to picture.png, which is what the plugin carries, so that
# showing it takes no SVG library. Run by hand after the drawing has changed.
set -e
cd "$(dirname "$0")"
gst-launch-1.0 -q filesrc location=picture.svg ! rsvgdec ! videoconvert \
  ! video/x-raw,format=RGB ! pngenc compression-level=9 snapshot=true \
  ! filesink location=picture.png
