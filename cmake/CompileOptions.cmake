# How Duel's own code is compiled: target duel_options and the instruction sets of single files.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Duel needs g++ 12 or newer, and this is ${CMAKE_CXX_COMPILER_VERSION}: install one (Ubuntu 22.04: "
                      "apt install g++-12) and name it from the beginning: make clean && CXX=g++-12 make")
endif()

add_library(duel_options INTERFACE)
# Not of the library's own: other projects that use it have folders by such names themselves (PublicHeaders.cmake).
target_include_directories(duel_options INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
target_compile_options(duel_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow>
  # Neither changes a result; both let loops with sqrt and selections be vectorised.
  $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno;-fno-trapping-math>
  # The same bits whether the machine has fused multiply-add or not; a kernel that wants it says so.
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)

# Where a project around this one names no build type, that is of its own code.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  target_compile_options(duel_options INTERFACE -O3 -DNDEBUG)
endif()

# g++ 12 takes ordinary std::string code for overlapping copies (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(duel_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()

# Clang warns of loops that `omp simd` asks to be vectorised and that call std::exp, which g++ passes over as well, and
# of embedded texts that are longer than every compiler must take.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(duel_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-pass-failed;-Wno-overlength-strings>)
endif()

if(DUEL_WERROR)
  target_compile_options(duel_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()

if(DUEL_SANITIZE)
  # Without the three checks of what the address sanitizer and the machine find themselves, which take a fifth of the
  # time to compile. With its own checks woven in, g++ takes some initialised variables of the standard library for
  # uninitialised, and some copies for endless.
  add_compile_options(-fsanitize=${DUEL_SANITIZE} -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -Wno-maybe-uninitialized -Wno-stringop-overflow)
  add_link_options(-fsanitize=${DUEL_SANITIZE})
endif()

# Kernels for newer processors stand in files of their own, chosen at run time, so that the program as a whole
# runs on any x86-64. Elsewhere these files are left out, and the portable ones are all there is; every 64-bit ARM
# multiplies and adds in one instruction.
function(duel_choose_instruction_sets list)
  set(avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512)
  set(avx2_flags -mavx2 -mfma -ffp-contract=fast)
  set(avx512_flags ${avx512} -ffp-contract=fast)
  set(avx512bf16_flags ${avx512} -mavx512bf16 -ffp-contract=fast)
  set(avx512amx_flags ${avx512bf16_flags} -mamx-tile -mamx-bf16)
  set(sources ${${list}})
  # Red zones around the arrays on the stack, the sums of a tile, keep these out of registers: three times the time to
  # compile and to run. Their bounds are still checked, by the sanitizer of undefined behaviour.
  set(sanitized "")
  if(DUEL_SANITIZE MATCHES "address.*undefined|undefined.*address" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(sanitized --param=asan-stack=0)
  endif()
  foreach(set avx2 avx512 avx512bf16 avx512amx)
    set(files ${sources})
    list(FILTER files INCLUDE REGEX "_${set}\\.cpp$")
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
      # What was precompiled with other flags does not fit them.
      set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "${${set}_flags};${sanitized}"
                                  SKIP_PRECOMPILE_HEADERS ON)
    else()
      list(FILTER sources EXCLUDE REGEX "_${set}\\.cpp$")
    endif()
  endforeach()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(files ${sources})
    list(FILTER files INCLUDE REGEX "_portable\\.cpp$")
    set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -ffp-contract=fast SKIP_PRECOMPILE_HEADERS ON)
  endif()
  set(${list} ${sources} PARENT_SCOPE)
endfunction()

# duel_precompile(TARGET HEADER...) compiles large headers once for all of a target's sources. These
# must still include what they use: the debug preset builds without.
function(duel_precompile target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # without it ccache passes by what uses them
  endif()
endfunction()

# duel_compile_together(TARGET COUNT) compiles COUNT files as one unit, where inline functions and templates of large
# headers, made once for each unit, take most of the time. Names of a file's own must therefore differ from those of the
# others, in unnamed namespaces, too. The debug preset, which precompiles nothing, compiles each file by itself.
function(duel_compile_together target count)
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${count})
  endif()
endfunction()

# For code that takes longer to compile than it ever runs: a command line, tests.
function(duel_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1> $<$<CONFIG:Debug>:-O0>)
endfunction()
