# dygraphs, which draws the charts of the reports: Dygraphs_SCRIPT, Dygraphs_STYLE, Dygraphs_SYNCHRONIZER.
# Elsewhere than on Debian: npm install dygraphs, and -DDygraphs_FOLDER=.../node_modules/dygraphs/dist.
find_path(Dygraphs_FOLDER dygraph.min.js PATHS ${CMAKE_PREFIX_PATH} ${CMAKE_SYSTEM_PREFIX_PATH}
          PATH_SUFFIXES share/javascript/dygraphs)
set(Dygraphs_SCRIPT "${Dygraphs_FOLDER}/dygraph.min.js")
set(Dygraphs_STYLE "${Dygraphs_FOLDER}/dygraph.min.css")
find_file(Dygraphs_SYNCHRONIZER synchronizer.js NO_DEFAULT_PATH
          PATHS "${Dygraphs_FOLDER}/extras" "${Dygraphs_FOLDER}/../src/extras")
mark_as_advanced(Dygraphs_FOLDER Dygraphs_SYNCHRONIZER)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Dygraphs REQUIRED_VARS Dygraphs_FOLDER Dygraphs_SYNCHRONIZER)
