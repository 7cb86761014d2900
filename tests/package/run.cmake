# Installs the build into a scratch folder, then builds and runs the project beside this file against it.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${scratch}")
run("${CMAKE_COMMAND}" --install "${build}" --prefix "${scratch}/prefix")
run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${scratch}/build"
    "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_PREFIX_PATH=${scratch}/prefix;${prefix_path}")
run("${CMAKE_COMMAND}" --build "${scratch}/build")
run("${scratch}/build/outside")
if(EXISTS "${scratch}/prefix/bin/dcgan")
  run("${scratch}/prefix/bin/dcgan" --help)
endif()
