# Finds what Duel builds on. Whatever is missing is named in one message, with the Debian package that holds it.

if(DUEL_DEPS_PREFIX)
  list(PREPEND CMAKE_PREFIX_PATH "${DUEL_DEPS_PREFIX}/usr")
  # An RPATH, unlike the usual RUNPATH, also holds for what OpenBLAS itself loads (libgfortran).
  foreach(kind EXE SHARED)
    string(APPEND CMAKE_${kind}_LINKER_FLAGS
           " -Wl,--disable-new-dtags,-rpath,${DUEL_DEPS_PREFIX}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
  endforeach()
endif()

set(duel_missing "")
macro(duel_find name debian_package)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    string(APPEND duel_missing "\n  ${name} (Debian: ${debian_package})")
  endif()
endmacro()

duel_find(OpenMP g++ COMPONENTS CXX)
duel_find(OpenBLAS libopenblas-openmp-dev)
duel_find(ZLIB zlib1g-dev)
duel_find(Stb libstb-dev)
duel_find(nlohmann_json nlohmann-json3-dev)
duel_find(CLI11 libcli11-dev)
if(DUEL_BUILD_TESTS)
  duel_find(GTest libgtest-dev)
endif()
if(DUEL_BUILD_BENCHMARKS)
  duel_find(benchmark libbenchmark-dev)
endif()

find_package(Dygraphs QUIET)
if(NOT Dygraphs_FOUND)
  message(WARNING "dygraphs (Debian: libjs-dygraphs) was not found: reports will have no charts.")
  foreach(part SCRIPT STYLE SYNCHRONIZER)
    set(Dygraphs_${part} apps/report/no_dygraphs.js)
  endforeach()
endif()

if(duel_missing)
  message(FATAL_ERROR "Duel needs what was not found here:${duel_missing}\n"
                      "`make deps` (or `sh scripts/deps.sh`) installs it.")
endif()
