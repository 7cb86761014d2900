# Installs the build into a scratch folder, then builds and runs the project that README.md shows against it, and the
# program of docs/own-op.md. That project has headers of its own, lib/ and ops/ beside this file, by names that Duel's
# have, and functions, own_stb.cpp, by names that Duel's dependencies have.
file(REMOVE_RECURSE "${scratch}")
set(checked COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)

# write_block(PAGE LANGUAGE FILE TEXT...) writes the page's only block in a language to a file, and TEXT behind it.
function(write_block page language file)
  file(READ "${CMAKE_CURRENT_LIST_DIR}/../../${page}" text)
  if(NOT text MATCHES "\n```${language}\n([^`]*)```\n")
    message(FATAL_ERROR "${page} has no block of ${language}")
  endif()
  file(WRITE "${scratch}/${file}" "${CMAKE_MATCH_1}" ${ARGN})
endfunction()

write_block(docs/own-op.md cpp own_op.cpp)
write_block(README.md cpp xor.cpp)
write_block(README.md cmake CMakeLists.txt
            "target_include_directories(xor BEFORE PRIVATE \"${CMAKE_CURRENT_LIST_DIR}\")\n"
            "target_include_directories(xor SYSTEM PRIVATE \"${stb}\")\n"
            "target_sources(xor PRIVATE \"${CMAKE_CURRENT_LIST_DIR}/own_stb.cpp\")\n"
            "add_executable(own_op own_op.cpp)\n"
            "target_link_libraries(own_op PRIVATE duel::duel)\n")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${scratch}/prefix" ${checked})
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${scratch}" -B "${scratch}/build"
                        "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_EXE_LINKER_FLAGS=${linker_flags}"
                        "-DCMAKE_PREFIX_PATH=${scratch}/prefix;${prefix_path}" ${checked})
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${scratch}/build" ${checked})
execute_process(COMMAND "${scratch}/build/xor" OUTPUT_VARIABLE printed ${checked})
message("${printed}")
if(NOT printed MATCHES "step 200: loss 0\\.00")
  message(FATAL_ERROR "The network has not learned XOR")
endif()
execute_process(COMMAND "${scratch}/build/own_op" OUTPUT_VARIABLE printed ${checked})
message("${printed}")
if(NOT printed MATCHES "^passed, all 12 elements")
  message(FATAL_ERROR "The gradient of the own op has not been checked")
endif()
execute_process(COMMAND "${scratch}/prefix/bin/dcgan" --help ${checked})
