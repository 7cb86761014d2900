# Installs the build into a scratch folder, then builds and runs the project beside this file against it.
file(REMOVE_RECURSE "${scratch}")
set(checked COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${scratch}/prefix" ${checked})
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${scratch}/build"
                        "-DCMAKE_CXX_COMPILER=${compiler}" "-DCMAKE_EXE_LINKER_FLAGS=${linker_flags}"
                        "-DCMAKE_PREFIX_PATH=${scratch}/prefix;${prefix_path}" ${checked})
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${scratch}/build" ${checked})
execute_process(COMMAND "${scratch}/build/outside" ${checked})
execute_process(COMMAND "${scratch}/prefix/bin/dcgan" --help ${checked})
