#!/bin/sh
# Compares Duel with PyTorch: peers.py, run by the interpreter that PYTHON names, or else by one in .venv with the
# newest PyTorch, made here at the first call. On Linux pip's own choice of PyTorch brings its GPU libraries along, some
# gigabytes; pip's environment variables choose another source.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${PYTHON:-}" ]; then
  PYTHON=.venv/bin/python
  if ! [ -x "$PYTHON" ]; then
    python3 -m venv .venv || { echo "peers.sh: no virtual environment can be made; Debian: python3-venv" >&2; exit 1; }
  fi
  if ! "$PYTHON" -c 'import torch, numpy, safetensors' 2>/dev/null; then
    echo "Installing PyTorch into .venv"
    "$PYTHON" -m pip install --quiet --upgrade torch numpy safetensors
  fi
fi
exec "$PYTHON" benchmarks/peers.py "$@"
