#!/bin/sh
# Prints the path of a Python 3.13 that really runs. A name on PATH proves nothing: a version manager may answer for it.
set -u

runs() {
    [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

offer() {
    if runs "$1"; then
        "$1" -c 'import sys; print(sys.executable)'
        exit 0
    fi
}

for name in python3.13 python3 python; do
    offer "$(command -v "$name" 2>/dev/null)"
done
for path in "$HOME"/.pyenv/versions/3.13*/bin/python; do
    offer "$path"
done
if command -v uv >/dev/null 2>&1; then
    offer "$(uv python find 3.13 2>/dev/null)"
fi
for path in /usr/local/bin/python3.13 /opt/homebrew/bin/python3.13 /opt/*/bin/python3.13; do
    offer "$path"
done

echo "error: no working Python 3.13 found: install it, or put it on PATH as python3.13" >&2
exit 1
