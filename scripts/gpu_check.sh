#!/usr/bin/env bash
# All that needs a GPU, in one go: builds for this card, tests the CUDA backend on it, measures, and runs the
# tests again under the sanitizers. Prints a short table last; exits with 0 only if everything passed. Takes
# under ten minutes and fetches nothing.
#
#   scripts/gpu_check.sh
#   DEPS_PREFIX=folder scripts/gpu_check.sh    dependencies from a folder of unpacked Debian packages
#   BUILD=folder, JOBS=n                       where to build (build/gpu), with how many processes
set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=${BUILD:-build/gpu}
jobs=${JOBS:-$(nproc)}
budget=570  # seconds for everything
logs=$build/gpu_check
table=""
failed=0
mkdir -p "$logs"

row() { table+=$(printf '%-22s %-8s %5ss  %s' "$1" "$2" "$3" "$4")$'\n'; }

finish() {
  printf '\n%s\n%s' "${card:-no card}" "$table"
  echo "The logs are in $logs."
  exit "$failed"
}

# step NAME COMMAND...: one row of the table; the command's output goes to its log.
step() {
  local name=$1 log=$logs/${1// /-}.log start=$SECONDS result=passed status=0 left=$((budget - SECONDS)) detail
  shift
  echo "$name ..."
  timeout $((left > 1 ? left : 1)) "$@" >"$log" 2>&1 || status=$?
  [ $status = 0 ] || { result=failed; failed=1; }
  # Of a test run, how many passed and were skipped; of a sanitizer, its verdict; of a failure, its last line.
  detail=$(sed -nE 's/^\[  (PASSED|SKIPPED|FAILED) +\] ([0-9]+) tests?.*/\2 \L\1/p; s/^=+ (ERROR SUMMARY|RACECHECK SUMMARY): //p' \
    "$log" | sort -u | paste -sd, | sed 's/,/, /g')
  [ $status = 124 ] && detail="out of time"
  [ $status = 0 ] || [ -n "$detail" ] || detail=$(tail -n 1 "$log")
  row "$name" $result $((SECONDS - start)) "$detail"
  return $status
}

capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
if [ -z "$capability" ]; then
  failed=1
  row "card" failed 0 "nvidia-smi names no GPU"
  finish
fi
card=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -n 1)

if [ -n "${DEPS_PREFIX:-}" ]; then
  # What a dependency itself depends on is found neither by the linker's paths nor by the program's.
  libraries=$(find "$(cd "$DEPS_PREFIX" && pwd)/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

step "configure" cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDUEL_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES="$capability" \
  ${DEPS_PREFIX:+-DDUEL_DEPS_PREFIX="$DEPS_PREFIX"} || finish
step "build" cmake --build "$build" --parallel "$jobs" || finish

tests=$build/duel_tests
if "$tests" --gtest_filter=CudaDevice.FillsEveryType 2>/dev/null | grep -q 'SKIPPED'; then
  failed=1
  row "device" failed 0 "$("$tests" --gtest_filter=CudaDevice.FillsEveryType 2>/dev/null | grep -m 1 '^\[device\]')"
  finish
fi
step "tests" "$tests" --gtest_brief=1 --gtest_filter='*Cuda*'

if [ -x "$build/duel_measure" ]; then
  for batch in 64 256 1024; do
    if step "iteration, batch $batch" "$build/duel_measure" iteration --device cuda --batch-size $batch --seconds 2; then
      table=${table%$'\n'}$(tail -n 1 "$logs/iteration,-batch-$batch.log")$'\n'
    fi
  done
fi

# One case of each kind is enough here: the sanitizers slow everything down a hundredfold. The failed request
# for memory is part of a test.
cases='CudaKernelsTest.*:CudaStepGraph.*:CudaDownload.*:CudaDevice.*:*CudaOps.Float32*'
if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck initcheck; do
    step "$tool" compute-sanitizer --tool $tool --report-api-errors no --error-exitcode 1 \
      "$tests" --gtest_brief=1 --gtest_filter="$cases"
  done
else
  failed=1
  row "sanitizers" failed 0 "compute-sanitizer is not on the PATH"
fi
finish
