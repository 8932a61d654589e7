# Serial OpenBLAS as a static archive, LAPACK in it; absent, the plugin is left out.
find_library(QUERN_OPENBLAS_ARCHIVE NAMES libopenblas.a
  PATH_SUFFIXES openblas-serial ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial)
find_path(QUERN_OPENBLAS_INCLUDE NAMES cblas.h
  PATHS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial
  PATH_SUFFIXES openblas-serial ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial NO_DEFAULT_PATH)
if(QUERN_OPENBLAS_ARCHIVE AND QUERN_OPENBLAS_INCLUDE)
  quern_plugin(openblas LIBRARIES ${QUERN_OPENBLAS_ARCHIVE} m)
  foreach(symbol malloc free blas_memory_alloc blas_memory_free xerbla_)  # see inside.h
    target_link_options(plugin_openblas PRIVATE -Wl,--wrap=${symbol})
  endforeach()
  target_include_directories(plugin_openblas SYSTEM PRIVATE ${QUERN_OPENBLAS_INCLUDE})
else()
  message(STATUS "quern: openblas plugin left out (needs a static serial OpenBLAS)")
endif()
