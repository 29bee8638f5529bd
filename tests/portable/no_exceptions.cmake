# Compiles no_exceptions.cpp and throw_hook.cpp without exceptions and run-time type information, and runs them: one
# learns, each error is printed before the program ends, and nothing that either feature needs is left in the object.
# cmake -DCOMPILER=… -DOPTIONS=… -DNM=… -DOUTPUT=… -P no_exceptions.cmake
function(must_pass)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0 OR text MATCHES "warning")
    message(FATAL_ERROR "expected success of ${ARGN}, found ${status}\n${text}")
  endif()
endfunction()
function(must_end_with expected_status expected)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE text)
  if(NOT status MATCHES "${expected_status}" OR NOT text STREQUAL "${expected}\n")
    message(FATAL_ERROR "expected ${ARGN} to end with ${expected_status} and\n${expected}\nfound ${status}\n${text}")
  endif()
endfunction()

set(options ${OPTIONS} -fno-exceptions -fno-rtti -Wall -Wextra -pthread)
foreach(program no_exceptions throw_hook)
  must_pass(${COMPILER} -O1 ${options} -c ${CMAKE_CURRENT_LIST_DIR}/${program}.cpp -o ${OUTPUT}_${program}.o)
  must_pass(${COMPILER} -pthread ${OUTPUT}_${program}.o -o ${OUTPUT}_${program})
endforeach()
execute_process(COMMAND ${NM} ${OUTPUT}_no_exceptions.o OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
string(REGEX MATCHALL "__cxa_throw|__cxa_begin_catch|__cxa_rethrow|__gxx_personality|__dynamic_cast|_ZT[IS][^\n]*"
  needs "${symbols}")
if(NOT status EQUAL 0 OR needs)
  message(FATAL_ERROR "expected an object without exceptions and type information, found ${status} ${needs}")
endif()

must_pass(${OUTPUT}_no_exceptions)
must_end_with("[Aa]bort" "sinter: index of axis 0: expected -3 … 2, found 3" ${OUTPUT}_no_exceptions index)
must_end_with("[Aa]bort" "sinter: point 7: expected two numbers, found none" ${OUTPUT}_no_exceptions thread)
set(reason "No such file or directory; check the path and its permissions")
must_end_with("[Aa]bort" "sinter: no_such_file.csv: cannot be opened: ${reason}" ${OUTPUT}_no_exceptions file)
must_end_with("^3$" "here: index of axis 0: expected -3 … 2, found 4" ${OUTPUT}_throw_hook)
