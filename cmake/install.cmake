# What `cmake --install` writes: headers, targets for find_package (one file for the core, and one for each component), and
# files for pkg-config. Everything may be moved afterwards, and none of it depends on this machine's compiler.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(SINTER_INSTALL_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/sinter CACHE STRING "Folder of sinterConfig.cmake")
set(SINTER_INSTALL_PKGCONFIGDIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig CACHE STRING "Folder of sinter.pc")

install(DIRECTORY include/sinter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY src/compiled DESTINATION ${CMAKE_INSTALL_DATADIR}/sinter)
install(FILES cmake/compiled.cmake DESTINATION ${SINTER_INSTALL_CMAKEDIR})
install(TARGETS sinter EXPORT sinter)
install(EXPORT sinter NAMESPACE sinter:: DESTINATION ${SINTER_INSTALL_CMAKEDIR} FILE sinterTargets.cmake)

set(sinter_components "")
foreach(component safetensors gzip thrust)
  if(TARGET sinter_${component})
    list(APPEND sinter_components ${component})
    install(TARGETS sinter_${component} EXPORT sinter-${component})
    install(EXPORT sinter-${component} NAMESPACE sinter:: DESTINATION ${SINTER_INSTALL_CMAKEDIR}
      FILE sinter-${component}.cmake)
  endif()
endforeach()
set(sinter_compiled_sources ${CMAKE_INSTALL_DATADIR}/sinter/compiled)
configure_package_config_file(cmake/sinterConfig.cmake.in sinterConfig.cmake
  INSTALL_DESTINATION ${SINTER_INSTALL_CMAKEDIR} PATH_VARS sinter_compiled_sources)
write_basic_package_version_file(sinterConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/sinterConfig.cmake ${PROJECT_BINARY_DIR}/sinterConfigVersion.cmake
  DESTINATION ${SINTER_INSTALL_CMAKEDIR})

# pkg-config knows neither the compiler nor the language level of its caller: the limits are variables, one for each
# compiler, and -std stays with the caller, where a second one would win or lose by its position.
file(RELATIVE_PATH prefix /prefix/${SINTER_INSTALL_PKGCONFIGDIR} /prefix)
string(REGEX REPLACE "/$" "" prefix "${prefix}")
list(JOIN sinter_gnu_limits " " gnu_limits)
list(JOIN sinter_clang_limits " " clang_limits)
function(sinter_pkg_config name description requires)
  configure_file(cmake/sinter.pc.in ${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${SINTER_INSTALL_PKGCONFIGDIR})
endfunction()
sinter_pkg_config(sinter "${PROJECT_DESCRIPTION}" "xsimd >= 8.1")
if(TARGET sinter_safetensors)
  sinter_pkg_config(sinter-safetensors "Checkpoints of sinter in the safetensors format"
    "sinter = ${PROJECT_VERSION}, nlohmann_json >= 3.11")
endif()
if(TARGET sinter_gzip)
  sinter_pkg_config(sinter-gzip "Compressed data and MNIST for sinter" "sinter = ${PROJECT_VERSION}, zlib")
endif()
