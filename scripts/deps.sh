#!/bin/sh
# Installs what building and testing Duel takes, on Debian and Ubuntu; elsewhere names the packages.
# Packages given as arguments are installed as well. Needs nothing but a shell; does nothing where all is present.
set -eu

packages="g++ make cmake libopenblas-openmp-dev zlib1g-dev libstb-dev nlohmann-json3-dev libcli11-dev libgtest-dev
          libbenchmark-dev libjs-dygraphs $*"

if ! command -v apt-get >/dev/null; then
  cat >&2 <<'NAMES'
This script installs packages on Debian and Ubuntu only. Elsewhere, install:
  Fedora:   sudo dnf install gcc-c++ make cmake openblas-devel zlib-devel stb-devel json-devel cli11-devel gtest-devel google-benchmark-devel
  Arch:     sudo pacman -S --needed gcc make cmake openblas zlib stb nlohmann-json cli11 gtest benchmark
  macOS:    brew install gcc make cmake openblas zlib stb nlohmann-json cli11 googletest google-benchmark
            (and build with CXX=g++-14, say: Apple's compiler lacks OpenMP)
The charts of the reports: npm install dygraphs, and make CMAKE_ARGS=-DDygraphs_FOLDER=$PWD/node_modules/dygraphs/dist
NAMES
  exit 1
fi

missing=""
for package in $packages; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
  [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "All packages are installed."
  exit 0
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Run this as root; it would install:$missing" >&2; exit 1; }
  as_root=sudo
fi
echo "Installing:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086  # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
