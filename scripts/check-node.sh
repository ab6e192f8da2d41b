#!/bin/sh
# Fails with one line unless Node 20 or newer, with npm, is on PATH.
set -u

major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || major=0
if [ "$major" -lt 20 ] || ! command -v npm >/dev/null 2>&1; then
    echo "error: Node 20 or newer with npm is needed for the storage emulator: install it and put it on PATH" >&2
    exit 1
fi
