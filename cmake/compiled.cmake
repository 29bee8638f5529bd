# sinter::compiled: the kernels that do not depend on a model, compiled once instead of in every file that includes
# them. target_link_libraries(app PRIVATE sinter::compiled) takes the place of sinter::sinter.
#
# The library has to be built for the same instructions as the files that use it, else it does not link; so the target
# sinter::compiled is built with CMAKE_CXX_FLAGS and the list SINTER_COMPILED_OPTIONS, set before sinter is found, and
# files with other options get a library of their own, and its options:
#
#   sinter_compiled(sinter_avx2 OPTIONS -mavx2 -mfma)
#
# Kernels are optimised in debug builds too.
function(sinter_compiled name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "OPTIONS")
  get_property(sources GLOBAL PROPERTY SINTER_COMPILED_SOURCES)  # whichever folder calls this
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(${name} PUBLIC sinter::sinter)
  target_compile_definitions(${name} INTERFACE SINTER_COMPILED)
  target_compile_options(${name} PUBLIC ${arg_OPTIONS} PRIVATE "$<$<NOT:$<CXX_COMPILER_ID:MSVC>>:-O3>")
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
endfunction()

if(NOT SINTER_COMPILED_SOURCE_DIR)  # beside this file, as in Conan's package
  set(SINTER_COMPILED_SOURCE_DIR "${CMAKE_CURRENT_LIST_DIR}/compiled")
endif()
set(sinter_sources attention.cpp contractions.cpp recurrence.cpp winograd.cpp)
list(TRANSFORM sinter_sources PREPEND "${SINTER_COMPILED_SOURCE_DIR}/")
set_property(GLOBAL PROPERTY SINTER_COMPILED_SOURCES ${sinter_sources})
if(NOT TARGET sinter::compiled)
  sinter_compiled(sinter_compiled OPTIONS ${SINTER_COMPILED_OPTIONS})
  add_library(sinter::compiled ALIAS sinter_compiled)
endif()
