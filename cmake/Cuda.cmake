# The CUDA backend: a shared library that the program loads at run time, so that one build of the program also starts
# on a machine without CUDA. Sets DUEL_HAS_CUDA.

set(DUEL_HAS_CUDA OFF)
if(NOT DUEL_CUDA MATCHES "^(ON|OFF|AUTO)$")
  message(FATAL_ERROR "DUEL_CUDA=${DUEL_CUDA}: it takes ON, OFF or AUTO")
endif()
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS "cuda/*.cu" "cuda/*.cpp")
if(NOT DUEL_CUDA STREQUAL "OFF" AND cuda_sources)
  include(CheckLanguage)
  if(NOT CMAKE_CUDA_COMPILER)
    # What an earlier check did not find, or did not find to work, may do so now.
    unset(CMAKE_CUDA_COMPILER CACHE)
    unset(DUEL_NVCC CACHE)
  endif()
  if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(DUEL_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
    mark_as_advanced(DUEL_NVCC)
    if(DUEL_NVCC)
      set(ENV{CUDACXX} "${DUEL_NVCC}")  # as a variable check_language() would take it for one that works
    endif()
  endif()
  # By itself nvcc takes whatever g++ is the default; and check_language() knows the environment alone.
  set(host_compiler "${CMAKE_CUDA_HOST_COMPILER}")
  if(host_compiler)
    set(ENV{CUDAHOSTCXX} "${host_compiler}")
  elseif(NOT DEFINED ENV{CUDAHOSTCXX})
    set(ENV{CUDAHOSTCXX} "${CMAKE_CXX_COMPILER}")
  endif()
  check_language(CUDA)
  if(host_compiler)
    set(CMAKE_CUDA_HOST_COMPILER "${host_compiler}")
  endif()
  set(remedy "name its compiler with -DCMAKE_CUDA_COMPILER=... or the C++ compiler for it with "
             "-DCMAKE_CUDA_HOST_COMPILER=..., or build without it (make CUDA=0)")
  if(CMAKE_CUDA_COMPILER)
    set(DUEL_HAS_CUDA ON)
  elseif(DUEL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "DUEL_CUDA=ON, but no nvcc was found that works with $ENV{CUDAHOSTCXX}: install the CUDA "
                        "toolkit (12 or newer), " ${remedy})
  elseif(DUEL_NVCC)
    message(WARNING "The CUDA backend is left out: ${DUEL_NVCC} does not work with $ENV{CUDAHOSTCXX}. Install a newer "
                    "CUDA toolkit (12 at least), " ${remedy})
  endif()
endif()
message(STATUS "CUDA backend: ${DUEL_HAS_CUDA}")
if(NOT DUEL_HAS_CUDA)
  file(REMOVE "${PROJECT_BINARY_DIR}/libduel_cuda.so")  # the program would load one from an earlier build with CUDA
  return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  # Turing to Hopper, and PTX that the driver compiles for what comes later; 8.6 and 8.9 run the code of 8.0.
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90)
endif()
enable_language(CUDA)
if(CMAKE_CUDA_ARCHITECTURES STREQUAL "native" AND CMAKE_CUDA_ARCHITECTURES_NATIVE)
  set(CMAKE_CUDA_ARCHITECTURES ${CMAKE_CUDA_ARCHITECTURES_NATIVE})
endif()
find_package(CUDAToolkit 12 REQUIRED)

target_compile_options(duel_options INTERFACE
  # Not by CUDA_STANDARD: CMake before 3.26 does not know that nvcc has C++20.
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Xcompiler=-Wall,-Wextra,-Wshadow>
  # As on the CPU: a kernel that wants a fused multiply-add says so. Where memory is the limit it costs nothing.
  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${DUEL_WERROR}>>:-Werror=all-warnings;-Xcompiler=-Werror>)

# duel_unite_small(LIST UNIT LARGE...): of the .cu files in LIST all but those named LARGE become one source, UNIT. nvcc
# reads the same large headers for each source and architecture, which for a few small kernels takes longer than they do.
# As with duel_compile_together(), which CMake has for CUDA from 3.31 on, a file's own names must differ from all others.
function(duel_unite_small list unit)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  set(small ${${list}})
  list(JOIN ARGN "|" large)
  list(FILTER small INCLUDE REGEX "\\.cu$")
  list(FILTER small EXCLUDE REGEX "/(${large})\\.cu$")
  set(rest ${${list}})
  list(REMOVE_ITEM rest ${small})
  set(source "${PROJECT_BINARY_DIR}/generated/cuda/${unit}.cu")
  list(TRANSFORM small REPLACE "(.+)" "#include \"\\1\"\n")
  list(JOIN small "" includes)
  file(CONFIGURE OUTPUT "${source}" CONTENT "@includes@" @ONLY)
  set(${list} "${source}" ${rest} PARENT_SCOPE)
endfunction()

# What 9.0 has for products and no later card knows, those of warpgroups, asks for an architecture of its own. It gives
# the other kernels the same code as 9.0 itself, whose PTX is compiled in any case.
set(cuda_products ${cuda_sources})
list(FILTER cuda_products INCLUDE REGEX "/conv2d_implicit[^/]*\\.cu$")
list(REMOVE_ITEM cuda_sources ${cuda_products})
set(product_architectures ${CMAKE_CUDA_ARCHITECTURES})
list(TRANSFORM product_architectures REPLACE "^90$" "90a-real;90-virtual")
list(TRANSFORM product_architectures REPLACE "^90-real$" "90a-real")

duel_unite_small(cuda_products products conv2d_implicit_dgrad conv2d_implicit_wgrad)
duel_unite_small(cuda_sources kernels batch_norm)
add_library(duel_cuda_products OBJECT ${cuda_products})
set_target_properties(duel_cuda_products PROPERTIES CUDA_ARCHITECTURES "${product_architectures}")

# What the backend uses of the static library it finds in the program, which exports its symbols; a second copy would
# have static objects of its own. See ops/backends.cpp.
add_library(duel_cuda SHARED ${cuda_sources} $<TARGET_OBJECTS:duel_cuda_products>)
target_link_libraries(duel_cuda PRIVATE CUDA::cublas)
foreach(target duel_cuda duel_cuda_products)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_link_libraries(${target} PRIVATE duel_options)
  # The host only starts kernels here.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-O1>)
  if(product_architectures MATCHES "90a")
    target_compile_definitions(${target} PRIVATE DUEL_WARPGROUPS)
  endif()
endforeach()
target_link_options(duel INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:LINKER:--export-dynamic>)
if(DUEL_INSTALL)
  install(TARGETS duel_cuda LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()
