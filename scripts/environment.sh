# Sourced by scripts/run and scripts/test: a virtual environment in .venv that fits a requirements
# file. Sets PYTHON_IN_VENV. Installs only when the file, or what it includes, changed since.
# Override the interpreter with PYTHON=/path/to/python3.12.

say() { printf '%s\n' "$*" >&2; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python python3.13 python3.12 python3.14 python3.11; do
        if fits "$candidate"; then
            command -v "$candidate"
            return
        fi
        if [ -n "${PYTHON:-}" ]; then break; fi
    done
    say "Python 3.11 to 3.14 is needed and was not found${PYTHON:+ at PYTHON=$PYTHON}."
    say "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13;"
    say "or python.org), or name one: PYTHON=/path/to/python3.12 $0"
    return 1
}

venv_python() {
    local path
    for path in .venv/bin/python .venv/Scripts/python.exe; do
        if [ -x "$path" ] && fits "$path"; then
            printf '%s\n' "$path"
            return
        fi
    done
    return 1
}

# prepare REQUIREMENTS: make .venv and install what the file lists, unless that is done already.
prepare() {
    local requirements=$1 stamp wanted python
    if ! venv_python >/dev/null; then
        python=$(find_python)
        say "Making .venv with $("$python" --version) ..."
        if ! "$python" -m venv --clear .venv; then
            say "The virtual environment could not be made. Debian, Ubuntu: apt install python3-venv."
            return 1
        fi
    fi
    PYTHON_IN_VENV=$(venv_python)
    stamp=.venv/installed-$requirements.sha256
    wanted=$("$PYTHON_IN_VENV" -c 'import hashlib, pathlib, sys
print(hashlib.sha256(b"".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])).hexdigest())' \
        requirements.txt "$requirements")
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "Installing $requirements (the first time takes some minutes) ..."
    "$PYTHON_IN_VENV" -m pip --version >/dev/null 2>&1 || "$PYTHON_IN_VENV" -m ensurepip >/dev/null
    "$PYTHON_IN_VENV" -m pip install -qq --no-input --disable-pip-version-check --upgrade 'pip>=24.1'
    "$PYTHON_IN_VENV" -m pip install -qq --no-input --disable-pip-version-check -r "$requirements"
    printf '%s\n' "$wanted" >"$stamp"
}
