# What a wheel holds beside the extension: quern/lib/libquern.so.1, quern/lib/quern/*.so (the plugins), and in quern/lib
# the libraries they need that a bare machine lacks, with the licences of what is not ours. Linked libraries are those
# of this machine: a wheel for others to install is built on the oldest system it is to run on, and named by auditwheel.
get_property(plugins DIRECTORY ${PROJECT_SOURCE_DIR}/plugins PROPERTY BUILDSYSTEM_TARGETS)
list(FILTER plugins INCLUDE REGEX "^plugin_")
install(TARGETS quern LIBRARY DESTINATION quern/lib COMPONENT python NAMELINK_SKIP)
install(TARGETS ${plugins} LIBRARY DESTINATION quern/lib/quern COMPONENT python)
set_target_properties(quern PROPERTIES INSTALL_RPATH "$ORIGIN" VERSION ${PROJECT_VERSION_MAJOR})  # one file, no links
set_target_properties(${plugins} PROPERTIES INSTALL_RPATH "$ORIGIN/..")
foreach(target quern ${plugins})
  # DT_RPATH, unlike DT_RUNPATH, also holds for the libraries that a library needs.
  target_link_options(${target} PRIVATE -Wl,--disable-new-dtags)
endforeach()

set(linked)
foreach(target quern ${plugins})
  string(APPEND linked "\"$<TARGET_FILE:${target}>\" ")
endforeach()
set(archives "${QUERN_OPENBLAS_ARCHIVE} ${QUERN_HWY_LIBRARY} ${QUERN_HWY_CONTRIB_LIBRARY}")
install(CODE "set(linked ${linked})\nset(archives ${archives})" COMPONENT python)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/wheel_libraries.cmake COMPONENT python)
