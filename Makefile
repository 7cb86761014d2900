# Thin over CMake: everything is built by the release preset, in build/release. `make help` lists the targets.

CUDA ?= auto
JOBS ?= $(or $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS))),$(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2))
PREFIX ?= /usr/local
CLANG_FORMAT ?= clang-format

cuda_1 := ON
cuda_0 := OFF
cuda_auto := AUTO
ifeq ($(cuda_$(CUDA)),)
$(error CUDA=$(CUDA): it takes 1, 0 or auto)
endif

MAKEFLAGS += --no-print-directory
# Not the MAKEFLAGS of make -j4, which do not go together with --parallel.
build = MAKEFLAGS=--no-print-directory cmake --build build/release --parallel $(JOBS) --target
sources = git ls-files -co --exclude-standard '*.h' '*.cpp' '*.cu' '*.cuh'

.PHONY: dcgan test bench bench-peers install deps format format-check clean help configure

dcgan: configure  ## build ./apps/dcgan (the default)
	@$(build) $@

test: configure  ## build and run the tests
	@$(build) duel_tests
	@ctest --preset release --parallel $(JOBS)

bench: configure  ## build and run the benchmarks of operations and iterations (BENCH_ARGS)
	@$(build) duel_bench
	@build/release/duel_bench $(BENCH_ARGS)

bench-peers: configure  ## compare the training iteration with PyTorch's, into benchmarks/RESULTS.md (PEERS_ARGS)
	@$(build) dcgan duel_measure
	@sh benchmarks/peers.sh $(PEERS_ARGS)

install: dcgan  ## install the program, the library and its CMake package below PREFIX (/usr/local)
	@cmake --install build/release --prefix "$(PREFIX)"

deps:  ## install what the build takes (Debian, Ubuntu), or name the packages
	@sh scripts/deps.sh

format:  ## lay out the sources as .clang-format says
	@$(sources) | xargs $(CLANG_FORMAT) -i

format-check:  ## fail where the layout differs
	@$(sources) | xargs $(CLANG_FORMAT) --dry-run --Werror

clean:  ## remove all that was built
	rm -rf build apps/dcgan

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22
	@echo "Variables: CUDA=1|0|auto, JOBS, PREFIX, DESTDIR, CMAKE_ARGS (handed to cmake), DEPS_PREFIX (a folder of"
	@echo "unpacked Debian packages to build with), CLANG_FORMAT"

configure:
	@command -v cmake >/dev/null || { echo "cmake is missing: make deps installs it" >&2; exit 1; }
	@cmake --preset release -DDUEL_CUDA=$(cuda_$(CUDA)) $(if $(DEPS_PREFIX),"-DDUEL_DEPS_PREFIX=$(DEPS_PREFIX)") \
	  $(CMAKE_ARGS) >/dev/null
