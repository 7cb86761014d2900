# duel_embed(TARGET FILE SYMBOL [FOLDER]) compiles a text file into a target. Code that includes SYMBOL.h by the path of
# FILE's folder in the project (say "ops/check/SYMBOL.h") calls duel::SYMBOL(), a std::string_view of the text. A file
# from elsewhere goes by its absolute path, and FOLDER says where in the project it would stand.
function(duel_embed target file symbol)
  cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE path)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
  file(READ "${path}" text)
  if(text MATCHES "\\)duel_text\"")
    message(FATAL_ERROR "${file} holds the mark )duel_text\" that ends it in the generated source")
  endif()

  cmake_path(GET file PARENT_PATH folder)
  if(ARGC GREATER 3)
    set(folder "${ARGV3}")
  endif()
  set(generated "${PROJECT_BINARY_DIR}/generated")  # duel_options has it among the folders of headers
  set(declaration "std::string_view ${symbol}()")
  set(header [[
// Generated from @file@.
#pragma once

#include <string_view>

namespace duel {

@declaration@;

}  // namespace duel
]])
  set(source [[
// Generated from @file@.
#include "@folder@/@symbol@.h"

namespace duel {

@declaration@ { return R"duel_text(@text@)duel_text"; }

}  // namespace duel
]])
  file(CONFIGURE OUTPUT "${generated}/${folder}/${symbol}.h" CONTENT "${header}" @ONLY)
  file(CONFIGURE OUTPUT "${generated}/${folder}/${symbol}.cpp" CONTENT "${source}" @ONLY)
  target_sources(${target} PRIVATE "${generated}/${folder}/${symbol}.cpp")
  set_source_files_properties("${generated}/${folder}/${symbol}.cpp" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
