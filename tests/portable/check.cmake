# Compiles a program for another instruction set or with other options and runs it, under an emulator where one is
# named. cmake -DPROGRAM=program.cpp -DCOMPILER=… -DOPTIONS=… -DEMULATOR=… -DOUTPUT=… -P check.cmake
execute_process(COMMAND ${COMPILER} -O1 ${OPTIONS} -Wall -Wextra ${CMAKE_CURRENT_LIST_DIR}/${PROGRAM} -o ${OUTPUT}
  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT status EQUAL 0 OR text MATCHES "warning")
  message(FATAL_ERROR "compiling with ${OPTIONS} said\n${text}")
endif()
if(RUN)
  execute_process(COMMAND ${EMULATOR} ${OUTPUT} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the program found wrong numbers")
  endif()
else()
  message(STATUS "compiled; nothing here runs it")
endif()
