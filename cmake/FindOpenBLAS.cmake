# OpenBLAS::OpenBLAS, with OpenBLAS's own cblas.h (it lies beside openblas_config.h).
# Debian keeps it in a folder named after the kind of threads, reached otherwise only through /etc/alternatives.
# The one with OpenMP comes first: it works with the threads that Duel's own kernels have. Threads of its own would spin,
# as they begin and after each product, on cores that those are using.
set(suffixes openblas-openmp openblas-pthread openblas)
set(homebrew /opt/homebrew/opt/openblas /usr/local/opt/openblas)

find_path(OpenBLAS_INCLUDE_DIR openblas_config.h HINTS ${homebrew} PATH_SUFFIXES include ${suffixes})
find_library(OpenBLAS_LIBRARY openblas HINTS ${homebrew} PATH_SUFFIXES lib ${suffixes})
mark_as_advanced(OpenBLAS_INCLUDE_DIR OpenBLAS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenBLAS REQUIRED_VARS OpenBLAS_LIBRARY OpenBLAS_INCLUDE_DIR)

if(OpenBLAS_FOUND AND NOT TARGET OpenBLAS::OpenBLAS)
  add_library(OpenBLAS::OpenBLAS UNKNOWN IMPORTED)
  set_target_properties(OpenBLAS::OpenBLAS PROPERTIES
    IMPORTED_LOCATION "${OpenBLAS_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${OpenBLAS_INCLUDE_DIR}")
endif()
