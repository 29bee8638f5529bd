# An overlay port: it takes the clone in which it stands. vcpkg install sinter --overlay-ports=CLONE/packaging/vcpkg
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(VCPKG_BUILD_TYPE release) # headers only

vcpkg_check_features(OUT_FEATURE_OPTIONS feature_options
    FEATURES
        gzip SINTER_GZIP
        safetensors SINTER_SAFETENSORS
)
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${feature_options}
        -DSINTER_BUILD_TESTS=OFF
        -DSINTER_BUILD_EXAMPLES=OFF
        -DSINTER_FETCH=OFF
        -DSINTER_THRUST=OFF
        -DSINTER_INSTALL_CMAKEDIR=share/sinter
        -DSINTER_INSTALL_PKGCONFIGDIR=share/pkgconfig
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME sinter CONFIG_PATH share/sinter)
vcpkg_fixup_pkgconfig()

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
