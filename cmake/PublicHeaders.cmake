# The headers that other projects use: <duel/lib/tensor.h>, in the build folder's include/ for a project that adds this
# one as a subdirectory, and installed from there. Duel's own sources include them from the root, "lib/shape.h" say. A
# project that uses them may have a file of that name, so in these copies it is "duel/lib/shape.h".

if(CMAKE_SCRIPT_MODE_FILE)  # the build runs this file with -D source=, target=, headers= when a header has changed
  file(GLOB_RECURSE gone RELATIVE "${target}" "${target}/*")
  list(REMOVE_ITEM gone ${headers})
  foreach(header IN LISTS gone)
    file(REMOVE "${target}/${header}")
  endforeach()
  foreach(header IN LISTS headers)
    file(READ "${source}/${header}" text)
    string(REGEX REPLACE "#include \"(lib|ops)/" "#include \"duel/\\1/" text "${text}")
    set(there "")
    if(EXISTS "${target}/${header}")
      file(READ "${target}/${header}" there)
    endif()
    if(NOT text STREQUAL there)  # what includes it is compiled anew only if it differs
      file(WRITE "${target}/${header}" "${text}")
    endif()
  endforeach()
  return()
endif()

set(duel_include "${PROJECT_BINARY_DIR}/include")
file(GLOB_RECURSE headers RELATIVE "${PROJECT_SOURCE_DIR}" CONFIGURE_DEPENDS "lib/*.h" "ops/*.h")
list(FILTER headers EXCLUDE REGEX "^ops/(cpu/|check/(op_cases|gradcheck_table))")
list(TRANSFORM headers PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE header_paths)
add_custom_command(
  OUTPUT "${PROJECT_BINARY_DIR}/public_headers.stamp"
  COMMAND "${CMAKE_COMMAND}" -D "source=${PROJECT_SOURCE_DIR}" -D "target=${duel_include}/duel" -D "headers=${headers}"
          -P "${CMAKE_CURRENT_LIST_FILE}"
  COMMAND "${CMAKE_COMMAND}" -E touch "${PROJECT_BINARY_DIR}/public_headers.stamp"
  DEPENDS ${header_paths} "${CMAKE_CURRENT_LIST_FILE}"
  COMMENT "Writing the headers for other projects"
  VERBATIM)
add_custom_target(duel_headers DEPENDS "${PROJECT_BINARY_DIR}/public_headers.stamp")
add_dependencies(duel duel_headers)
target_include_directories(duel INTERFACE $<BUILD_INTERFACE:${duel_include}>
                                          $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
