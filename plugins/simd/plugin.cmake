# Needs Highway (Debian: libhwy-dev). A static libhwy is preferred, so that the plugin stands alone.
find_path(QUERN_HWY_INCLUDE hwy/highway.h)
find_library(QUERN_HWY_LIBRARY NAMES libhwy.a hwy)
find_library(QUERN_HWY_CONTRIB_LIBRARY NAMES libhwy_contrib.a hwy_contrib)  # its sort; optional
if(QUERN_HWY_INCLUDE AND QUERN_HWY_LIBRARY)
  set(hwy_libraries ${QUERN_HWY_LIBRARY})
  if(QUERN_HWY_CONTRIB_LIBRARY)
    set(hwy_libraries ${QUERN_HWY_CONTRIB_LIBRARY} ${QUERN_HWY_LIBRARY})
  endif()
  quern_plugin(simd LIBRARIES ${hwy_libraries})
  if(QUERN_HWY_CONTRIB_LIBRARY)
    target_compile_definitions(plugin_simd PRIVATE QUERN_SIMD_VQSORT=1)
  endif()
  # Two steps in one loop are each rounded: the compiler must not join them to a multiply-add.
  set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/map_ops.cpp ${CMAKE_CURRENT_LIST_DIR}/map_complex.cpp
    ${CMAKE_CURRENT_LIST_DIR}/map_divide.cpp ${CMAKE_CURRENT_LIST_DIR}/arange.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
  target_include_directories(plugin_simd SYSTEM PRIVATE ${QUERN_HWY_INCLUDE})
else()
  message(STATUS "plugin simd: Highway not found, skipped")
endif()
