#!/usr/bin/env bash
# All that needs a GPU, in one go: builds for this card, tests the CUDA backend on it, runs tests again under the
# sanitizers, trains, and measures beside PyTorch. Prints a short table last; exits with 0 only if all of it passed.
# Takes under ten minutes and fetches nothing. What counts most comes first: where time runs out, the last rows say so.
#
#   scripts/gpu_check.sh
#   DEPS_PREFIX=folder scripts/gpu_check.sh    dependencies from a folder of unpacked Debian packages
#   PYTHON=program                             the Python whose PyTorch is measured (python3)
#   BUILD=folder, JOBS=n                       where to build (build/gpu), with how many processes
#   SECONDS_EACH=n                             how long one whole iteration is measured (2)
#   BATCH=n                                    pictures of an iteration in the table (256)
#   CMAKE_ARGS=words                           handed to cmake, where it does not find cuBLAS by itself, say
#   ONLY=pattern                               only the steps whose name fits this regular expression, "tests|^Duel" say
set -uo pipefail
cd "$(dirname "$0")/.." || exit

build=${BUILD:-build/gpu}
jobs=${JOBS:-$(nproc)}
python=${PYTHON:-python3}
each=${SECONDS_EACH:-2}
batch=${BATCH:-256}
only=${ONLY:-.}
[[ "" =~ $only ]] || [ $? = 1 ] || { echo "ONLY=$only is no regular expression" >&2; exit 1; }
budget=570  # seconds for everything
logs=$build/gpu_check
table=""
speeds=""
failed=0
chosen=0  # whether ONLY has asked for any step
mkdir -p "$logs"

row() { table+=$(printf '%-28s %-8s %5ss  %s' "$1" "$2" "$3" "$4")$'\n'; }

finish() {
  printf '\n%s\n\n%s' "${card:-no card}" "$table"
  if [ -n "$speeds" ]; then
    printf '\nAn iteration on %s pictures of 32 x 32:\n%-40s %10s %10s %9s %16s\n%s' "$batch" "" "images/s" "ms" \
      "TFLOP/s" "40 x 100,000, s" "$speeds"
  fi
  echo "The last column is computed from the rate. The logs are in $logs, what one operation takes in operations-*.log."
  exit "$failed"
}

# wanted NAME: whether ONLY asks for it; what all others need always is.
wanted() { [[ $1 =~ ^(configure|build)$ || $1 =~ $only ]]; }

# step NAME LIMIT COMMAND...: one row of the table; the command's output goes to its log. LIMIT in seconds.
step() {
  local name=$1 limit=$2 log=$logs/${1// /-}.log start=$SECONDS result=passed status=0 left=$((budget - SECONDS)) detail
  shift 2
  wanted "$name" || return 1
  [[ $name =~ $only ]] && chosen=1
  [ "$left" -gt "$limit" ] && left=$limit
  if [ "$left" -le 0 ]; then
    failed=1
    row "$name" "not run" 0 "out of time"
    return 1
  fi
  echo "$name ..."
  timeout -k 5 "$left" "$@" >"$log" 2>"$log.err" </dev/null || status=$?
  [ $status = 0 ] || { result=failed; failed=1; }
  # Of a test run, how many passed and were skipped; of a sanitizer, its verdict; of a failure, its last line.
  detail=$(sed -nE 's/^\[  (PASSED|SKIPPED|FAILED) +\] ([0-9]+) tests?.*/\2 \L\1/p; s/^=+ (ERROR SUMMARY|RACECHECK SUMMARY): //p' \
    "$log" | sort -u | paste -sd, | sed 's/,/, /g')
  [[ $status = 124 || $status = 137 ]] && detail="out of time"
  [ $status = 0 ] || [ -n "$detail" ] || detail=$(cat "$log" "$log.err" | tail -n 1)
  row "$name" $result $((SECONDS - start)) "$detail"
  return $status
}

# speed NAME LOG: a line of the table of speeds from the images_per_second in the log's last line.
speed() {
  local rate
  rate=$(sed -nE '$ s/.*"images_per_second": ?([0-9.e+]+).*/\1/p' "$2")
  [ -n "$rate" ] && speeds+=$(awk -v name="$1" -v rate="$rate" -v batch="$batch" \
    'BEGIN { printf "%-40s %10.0f %10.3f %9.2f %16.0f", name, rate, 1e3 * batch / rate, rate * 0.487e-3, 4e6 / rate }')$'\n'
}

# The card that CUDA counts first, which need not be nvidia-smi's first one.
export CUDA_DEVICE_ORDER=PCI_BUS_ID
first=${CUDA_VISIBLE_DEVICES:-0}
ask() {
  local query=(nvidia-smi --query-gpu="$1" "--format=csv,noheader") answer
  answer=$("${query[@]}" -i "${first%%,*}" 2>/dev/null) || answer=$("${query[@]}" 2>/dev/null)
  head -n 1 <<<"$answer"
}
capability=$(ask compute_cap | tr -d '. ')
if [[ ! $capability =~ ^[0-9]+$ ]]; then
  failed=1
  row "card" failed 0 "nvidia-smi names no GPU"
  finish
fi
card=$(ask name,driver_version,memory.total)
precisions="fp32 tf32 bf16"
if [ "$capability" -lt 80 ]; then
  precisions=fp32
  row "tf32, bf16" skipped 0 "they need compute capability 8.0"
fi

if [ -n "${DEPS_PREFIX:-}" ]; then
  # What a dependency itself depends on is found neither by the linker's paths nor by the program's.
  libraries=$(find "$(cd "$DEPS_PREFIX" && pwd)/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

step "configure" 60 cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDUEL_CUDA=ON \
  -DCMAKE_CUDA_ARCHITECTURES="$capability" ${DEPS_PREFIX:+-DDUEL_DEPS_PREFIX="$DEPS_PREFIX"} \
  ${CMAKE_ARGS:-} || finish
step "build" 300 cmake --build "$build" --parallel "$jobs" || finish

tests=$build/duel_tests
device=$(timeout 60 "$tests" --gtest_filter=CudaDevice.FillsEveryType 2>&1 || true)
if [[ $device != *"[  PASSED  ] 1 test"* ]]; then
  failed=1
  row "device" failed 0 "$(grep -m 1 -E '^\[(device|cuda)\]' <<<"$device" || tail -n 1 <<<"$device")"
  finish
fi
step "tests" 120 "$tests" --gtest_brief=1 --gtest_filter='*Cuda*'

# One case of each kind is enough here: the sanitizers slow everything down a hundredfold. The failed request
# for memory is part of a test. racecheck, the slowest, sees the kernels that use shared memory, in small networks: with
# large convolutions it does not end in two minutes. initcheck sees none that read what cuBLAS wrote by the bulk copies
# of 9.0, which it does not know.
kernels='CudaKernelsTest.Sums*:CudaKernelsTest.Reductions*:CudaKernelsTest.BatchNorm*:CudaKernelsTest.DataGradients*'
kernels="$kernels:CudaTraining.AStep*"
steps='CudaStepGraph.*:CudaDownload.*:CudaDevice.*:CudaTraining.Batches*:CudaTraining.AStep*:CudaTraining.Gradients*'
if command -v compute-sanitizer >/dev/null; then
  while read -r tool cases; do
    step "$tool" 90 compute-sanitizer --tool "$tool" --report-api-errors no --error-exitcode 1 \
      "$tests" --gtest_brief=1 --gtest_filter="$cases"
  done <<CASES
memcheck CudaKernelsTest.*:$steps:*CudaOps.Float32*
racecheck $kernels
initcheck CudaKernelsTest.*:$steps:-CudaKernelsTest.*StoredAsBf16:CudaKernelsTest.Products*
CASES
elif wanted memcheck || wanted racecheck || wanted initcheck; then
  failed=1
  row "sanitizers" failed 0 "compute-sanitizer is not on the PATH"
fi

rm -rf "$logs/run"
step "train" 60 "$build/dcgan" train --device cuda --epochs 5 --output "$logs/run" --no-report --on-failure ignore

for precision in $precisions; do
  for conv in im2col implicit; do
    name="Duel $precision $conv"
    step "$name" 30 "$build/duel_measure" iteration --device cuda --precision $precision --conv $conv \
      --batch-size "$batch" --seconds "$each" && speed "$name" "$logs/${name// /-}.log"
  done
done

if "$python" -c 'import torch, safetensors' 2>/dev/null; then
  for way in "as-written fp32" "as-written tf32" "best tf32" "best bf16"; do
    read -r kind precision <<<"$way"
    [[ " $precisions " == *" $precision "* ]] || continue
    name="PyTorch $kind $precision"
    step "$name" 90 "$python" benchmarks/torch_on_card.py "$kind" --precision "$precision" --batch-size "$batch" \
      --seconds "$each" && speed "$name" "$logs/${name// /-}.log"
  done
elif wanted PyTorch; then
  row "PyTorch" skipped 0 "$python has no torch and safetensors"
fi

for precision in $precisions; do
  step "iterations $precision" 60 "$build/duel_bench" --device cuda --precision $precision --benchmark_filter=iteration/
done
for precision in $precisions; do
  operations=-iteration/
  [ $precision = tf32 ] && operations='conv2d|linear'  # the others are those of fp32
  step "operations $precision" 60 "$build/duel_bench" --device cuda --precision $precision \
    --benchmark_filter="$operations"
done

if [ $chosen = 0 ]; then
  failed=1
  row "ONLY" failed 0 "no step is called like $only"
fi
finish
