#!/bin/sh
# Installs what building Duel takes.
set -eu
apt-get install -y --no-install-recommends g++ make cmake libopenblas-dev zlib1g-dev libstb-dev \
  nlohmann-json3-dev libcli11-dev libgtest-dev libbenchmark-dev
