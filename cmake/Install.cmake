# The program, the library and a package that another project finds with find_package(duel).
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/duel")
if(TARGET dcgan)
  install(TARGETS dcgan RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(TARGETS duel EXPORT duelTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${duel_include}/duel" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT duelTargets NAMESPACE duel:: DESTINATION "${package_dir}")

configure_package_config_file(cmake/duelConfig.cmake.in "${PROJECT_BINARY_DIR}/duelConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}" PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/duelConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/duelConfig.cmake" "${PROJECT_BINARY_DIR}/duelConfigVersion.cmake"
              cmake/FindOpenBLAS.cmake
        DESTINATION "${package_dir}")
