# Installs the build into a scratch folder, then builds and runs the project that README.md shows against it, and the
# program of docs/own-op.md. That project has headers of its own, lib/ and ops/ beside this file, by names that Duel's
# have, and functions, own_stb.cpp, by names that Duel's dependencies have.
file(REMOVE_RECURSE "${scratch}")
set(checked COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)

# write_block(PAGE LANGUAGE NUMBER FILE TEXT...) writes a page's block in a language, number 1 being the first, to a
# file, and TEXT behind it.
function(write_block page language number file)
  file(READ "${CMAKE_CURRENT_LIST_DIR}/../../${page}" text)
  foreach(i RANGE 1 ${number})
    if(NOT text MATCHES "\n```${language}\n([^`]*)```\n(.*)")
      message(FATAL_ERROR "${page} has no block ${i} of ${language}")
    endif()
    set(block "${CMAKE_MATCH_1}")
    set(text "\n${CMAKE_MATCH_2}")
  endforeach()
  file(WRITE "${scratch}/${file}" "${block}" ${ARGN})
endfunction()

write_block(docs/own-op.md cpp 1 own_op.cpp)
write_block(docs/own-op.md cpp 2 graph.cpp)
write_block(README.md cpp 1 xor.cpp)
write_block(README.md cpp 2 matrix.cpp)
write_block(README.md cmake 1 CMakeLists.txt
            "target_include_directories(xor BEFORE PRIVATE \"${CMAKE_CURRENT_LIST_DIR}\")\n"
            "target_include_directories(xor SYSTEM PRIVATE \"${stb}\")\n"
            "target_sources(xor PRIVATE \"${CMAKE_CURRENT_LIST_DIR}/own_stb.cpp\")\n"
            "foreach(program own_op graph matrix)\n"
            "  add_executable(\${program} \${program}.cpp)\n"
            "  target_link_libraries(\${program} PRIVATE duel::duel)\n"
            "endforeach()\n")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${scratch}/prefix" ${checked})
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${scratch}" -B "${scratch}/build"
                        "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_EXE_LINKER_FLAGS=${linker_flags}"
                        "-DCMAKE_PREFIX_PATH=${scratch}/prefix;${prefix_path}" ${checked})
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${scratch}/build" ${checked})
# run(PROGRAM PATTERN ELSE) runs a program that was built and says what is wrong where it prints something else.
function(run program pattern else)
  execute_process(COMMAND "${scratch}/build/${program}" OUTPUT_VARIABLE printed ${checked})
  message("${printed}")
  if(NOT printed MATCHES "${pattern}")
    message(FATAL_ERROR "${else}")
  endif()
endfunction()
run(xor "step 200: loss 0\\.00" "The network has not learned XOR")
run(own_op "^passed, all 12 elements" "The gradient of the own op has not been checked")
run(graph "^sum\n  add\n    mul\n      leaf\n      leaf\n    leaf\nda = 5 6 7\n"
    "The graph is not the one that docs/own-op.md shows")
run(matrix "^  1  2  4  5\n  2  3  5  6\n  4  5  7  8\n  5  6  8  9\n$" "The matrix is not the one that README.md shows")
execute_process(COMMAND "${scratch}/prefix/bin/dcgan" --help ${checked})
