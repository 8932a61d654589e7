# What `cmake --install` adds to the plugins and the tool: library, headers, find_package and pkg-config files.
include(CMakePackageConfigHelpers)

install(TARGETS quern EXPORT quern-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/quern DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES plugins/sdk/quern_plugin.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/quern)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/quern)
set(QUERN_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/quern)
install(EXPORT quern-targets NAMESPACE quern:: DESTINATION ${package_dir})
configure_package_config_file(cmake/quern-config.cmake.in ${PROJECT_BINARY_DIR}/quern-config.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS QUERN_PLUGIN_DIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/quern-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/quern-config.cmake ${PROJECT_BINARY_DIR}/quern-config-version.cmake
  DESTINATION ${package_dir})

# The .pc file finds its prefix from where it lies, so that an installed tree can be moved.
file(RELATIVE_PATH QUERN_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/quern.pc.in ${PROJECT_BINARY_DIR}/quern.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/quern.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
