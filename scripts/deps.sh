#!/bin/sh
# Installs what building and testing Duel takes, on Debian and Ubuntu; elsewhere names the packages.
# Packages given as arguments are installed as well. Needs nothing but a shell; does nothing where all is present.
set -eu

packages="g++ make cmake libopenblas-openmp-dev zlib1g-dev libstb-dev nlohmann-json3-dev libcli11-dev libgtest-dev
          libbenchmark-dev $*"
charts=libjs-dygraphs  # of the reports, which do without; Ubuntu 22.04 has no such package
# shellcheck disable=SC2016  # $PWD is for the reader's shell
charts_otherwise='npm install dygraphs, and make CMAKE_ARGS=-DDygraphs_FOLDER=$PWD/node_modules/dygraphs/dist'

if ! command -v apt-get >/dev/null; then
  cat >&2 <<'NAMES'
This script installs packages on Debian and Ubuntu only. Elsewhere, install:
  Fedora:   sudo dnf install gcc-c++ make cmake openblas-devel zlib-devel stb-devel json-devel cli11-devel gtest-devel google-benchmark-devel
  Arch:     sudo pacman -S --needed gcc make cmake openblas zlib stb nlohmann-json cli11 gtest benchmark
  macOS:    brew install gcc make cmake openblas zlib stb nlohmann-json cli11 googletest google-benchmark
            (and build with CXX=g++-14, say: Apple's compiler lacks OpenMP)
NAMES
  echo "The charts of the reports: $charts_otherwise" >&2
  exit 1
fi

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
offered() { apt-cache show "$1" >/dev/null 2>&1; }
without_charts() {
  echo "This system offers no $charts: the reports will have no charts. (They can be had otherwise: $charts_otherwise)"
}

missing=""
for package in $packages; do
  installed "$package" || missing="$missing $package"
done
missing_charts=""
installed "$charts" || missing_charts=" $charts"
if [ -z "$missing$missing_charts" ]; then
  echo "All packages are installed."
  exit 0
fi
# What is offered is known only where the lists have been fetched, of which g++ is in each.
if [ -z "$missing" ] && offered g++ && ! offered "$charts"; then
  without_charts
  exit 0
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Run this as root; it would install:$missing$missing_charts" >&2; exit 1; }
  as_root=sudo
fi
$as_root apt-get update -q
if [ -n "$missing_charts" ] && ! offered "$charts"; then
  without_charts
  missing_charts=""
fi
if [ -n "$missing$missing_charts" ]; then
  echo "Installing:$missing$missing_charts"
  # shellcheck disable=SC2086  # a list of words
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing$missing_charts
fi
