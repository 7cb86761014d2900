# Thin over CMake: each target configures the release preset (build/release) and builds from it.

CUDA ?= auto
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

cuda_1 := ON
cuda_0 := OFF
cuda_auto := AUTO
ifeq ($(cuda_$(CUDA)),)
$(error CUDA=$(CUDA): it takes 1, 0 or auto)
endif

MAKEFLAGS += --no-print-directory

build = cmake --build build/release --parallel $(JOBS) --target

.PHONY: dcgan test bench deps clean configure

dcgan: configure
	@$(build) $@

test: configure
	@$(build) duel_tests
	@ctest --preset release --parallel $(JOBS)

bench: configure
	@$(build) duel_bench
	@build/release/duel_bench

deps:
	@sh scripts/deps.sh

clean:
	rm -rf build apps/dcgan

configure:
	@cmake --preset release -DDUEL_CUDA=$(cuda_$(CUDA)) >/dev/null
