# A file compiled for newer processors must define nothing that other files define as well (an inline function that
# was not inlined): the linker keeps one copy, and it might keep the one that an older processor cannot run.
foreach(object IN LISTS objects)
  execute_process(COMMAND "${nm}" --demangle "${object}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [uVW] [^\n]*" shared "${symbols}")
  foreach(symbol IN LISTS shared)
    message(SEND_ERROR "${object} defines ${symbol}")
  endforeach()
endforeach()
