# Stb::Stb, the headers of stb, included as <stb/stb_image.h>.
find_path(Stb_INCLUDE_DIR stb/stb_image.h)
if(NOT Stb_INCLUDE_DIR)
  # A flat install: a link gives it the folder that the includes name.
  find_path(Stb_FLAT_DIR stb_image.h)
  mark_as_advanced(Stb_FLAT_DIR)
  if(Stb_FLAT_DIR)
    file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/stb-include")
    file(CREATE_LINK "${Stb_FLAT_DIR}" "${CMAKE_CURRENT_BINARY_DIR}/stb-include/stb" SYMBOLIC)
    set(Stb_INCLUDE_DIR "${CMAKE_CURRENT_BINARY_DIR}/stb-include")
  endif()
endif()
mark_as_advanced(Stb_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Stb REQUIRED_VARS Stb_INCLUDE_DIR)

if(Stb_FOUND AND NOT TARGET Stb::Stb)
  add_library(Stb::Stb INTERFACE IMPORTED)
  set_target_properties(Stb::Stb PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Stb_INCLUDE_DIR}")
endif()
