# What the program does, and below it its command line: all but main, so that the tests reach it.
file(GLOB_RECURSE app_sources CONFIGURE_DEPENDS "apps/*/*.cpp")
set(command_sources ${app_sources})
list(FILTER app_sources EXCLUDE REGEX "/apps/commands/")
list(FILTER command_sources INCLUDE REGEX "/apps/commands/")
add_library(duel_app STATIC ${app_sources})
target_link_libraries(duel_app PUBLIC duel nlohmann_json::nlohmann_json PRIVATE duel_options Stb::Stb ZLIB::ZLIB)
duel_precompile(duel_app ${standard_headers} <nlohmann/json.hpp>)
duel_compile_together(duel_app 8)
add_library(duel_commands STATIC ${command_sources})
target_link_libraries(duel_commands PUBLIC duel_app CLI11::CLI11 PRIVATE duel_options)
target_compile_definitions(duel_commands PRIVATE DUEL_VERSION="${PROJECT_VERSION}")
duel_compile_quickly(duel_commands)
duel_compile_together(duel_commands 14)  # CLI11's inline functions take the longest of all
foreach(recipe celeba32 anime64 dcgan64)
  duel_embed(duel_app apps/recipes/${recipe}.json ${recipe}_json)
endforeach()
duel_embed(duel_app apps/recipes/recipe.schema.json recipe_schema_json)
if(DUEL_HAS_CUDA)
  add_dependencies(duel_app duel_cuda)
endif()
duel_embed(duel_app apps/report/report.template.html report_template)
duel_embed(duel_app apps/report/report.css report_css)
duel_embed(duel_app apps/report/report.js report_js)
duel_embed(duel_app apps/report/charts.js charts_js)
duel_embed(duel_app "${Dygraphs_SCRIPT}" dygraph_js apps/report)
duel_embed(duel_app "${Dygraphs_STYLE}" dygraph_css apps/report)
duel_embed(duel_app "${Dygraphs_SYNCHRONIZER}" synchronizer_js apps/report)

add_executable(dcgan apps/dcgan.cpp)
target_link_libraries(dcgan PRIVATE duel_commands duel_options)
# The program loads the CUDA backend at run time, from the build folder here and from the library folder once installed.
file(RELATIVE_PATH program_to_build "${DUEL_PROGRAM_DIR}" "${PROJECT_BINARY_DIR}")
file(RELATIVE_PATH program_to_lib "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
set_target_properties(dcgan PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY "${DUEL_PROGRAM_DIR}"
  BUILD_RPATH "$ORIGIN/${program_to_build}"
  INSTALL_RPATH "$ORIGIN/${program_to_lib}")
