# No header formats or parses floating-point numbers by functions of C's locale: tensor/decimal.hpp and std::from_chars
# do. (A tensor is written to a stream as text.) cmake -DINCLUDE=… -P locale.cmake
file(GLOB_RECURSE files ${INCLUDE}/sinter/*.hpp)
set(wrong "")
foreach(file IN LISTS files)
  file(STRINGS ${file} lines
    REGEX "\"[^\"]*%[-+#0-9.*]*L?[aefgAEFG][^a-zA-Z]|(strto[fd]|strtold|atof|sto[fd]|setlocale) *\\(|stringstream|[^_]ostream")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^ *//|// in the classic locale$")
      string(APPEND wrong "  ${file}: ${line}\n")
    endif()
  endforeach()
endforeach()
if(wrong)
  message(FATAL_ERROR "these lines depend on C's locale; see tensor/decimal.hpp:\n${wrong}")
endif()
