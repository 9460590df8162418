# shellcheck shell=bash disable=SC2034
# What the scripts share: where the package is, how they speak, and how they get what is missing.
# Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lowest_swift=6.2
# What linking against C needs; the names are Debian's.
build_libraries=(libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libisal-dev libre2-dev)
# What the toolchain itself is linked with, and a minimal machine lacks.
toolchain_libraries=(libcurl4 libncurses6 libsqlite3-0 libxml2)

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$(basename "$0"): $*"
    exit 1
}

# Prints the comment at the head of the calling script, which is its manual.
usage() {
    sed -n '2,/^[^#]\|^$/{/^#/{s/^# \{0,1\}//;p}}' "$0"
}

# have COMMAND: whether it can be run.
have() { command -v "$1" >/dev/null 2>&1; }

# Nothing if swift does not run.
swift_version() {
    { swift --version 2>/dev/null || true; } | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1
}

require_swift() {
    local advice="Get Swift $lowest_swift or newer from https://www.swift.org/install/linux and put its usr/bin on PATH."
    have swift || fail "swift is not installed. $advice"
    local version
    version=$(swift_version)
    if [ -z "$version" ]; then
        require_packages "${toolchain_libraries[@]}"
        version=$(swift_version)
    fi
    [ -n "$version" ] || fail "$(command -v swift) does not run: $(swift --version 2>&1 | head -n 1)"
    if [ "$(printf '%s\n%s\n' "$lowest_swift" "$version" | sort -V | head -n 1)" != "$lowest_swift" ]; then
        fail "swift is $version, too old. $advice"
    fi
}

# is_installed PACKAGE: whether Debian's package is there.
is_installed() {
    # The format is dpkg-query's own, not the shell's.
    # shellcheck disable=SC2016
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# require_packages PACKAGE...: installs what is missing, and touches apt only then.
require_packages() {
    local missing=() package
    if ! have dpkg-query; then
        say "This is not Debian; if the build fails, install the equivalents of: $*"
        return
    fi
    for package in "$@"; do is_installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} -eq 0 ] && return

    local as_root=() log
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || fail "missing packages: ${missing[*]}. Install them as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing ${missing[*]} …"
    log=$(mktemp)
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install ${missing[*]}; its last lines are above."
    fi
    rm -f "$log"
}

# Everything a build needs but the toolchain, which only its user can choose.
require_build_needs() {
    require_swift
    local packages=("${build_libraries[@]}")
    # A compiler from elsewhere is as good as Debian's.
    have g++ || packages+=(g++)
    have git || packages+=(git ca-certificates)
    require_packages "${packages[@]}"
}

# Prints the Python of a virtual environment under .build that holds the clients to test with, and makes it first
# if it is missing or its requirements have changed.
test_python() {
    local requirements=$root/Tests/Clients/requirements.txt venv=$root/.build/venv log=$root/.build/venv.log
    mkdir -p "$root/.build"
    if ! have python3 || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        require_packages python3 python3-venv
    fi
    if ! cmp -s "$requirements" "$venv/requirements.txt"; then
        say "Installing the clients to test with under .build/venv …"
        rm -rf "$venv"
        if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet -r "$requirements"; } >"$log" 2>&1; then
            tail -n 10 "$log" >&2
            fail "the Python clients could not be installed; all of it is in $log"
        fi
        # Last, so that an interrupted installation is made again.
        cp "$requirements" "$venv/requirements.txt"
    fi
    echo "$venv/bin/python"
}
