# Needs Highway (Debian: libhwy-dev). A static libhwy is preferred, so that the plugin stands alone.
find_path(QUERN_HWY_INCLUDE hwy/highway.h)
find_library(QUERN_HWY_LIBRARY NAMES libhwy.a hwy)
if(QUERN_HWY_INCLUDE AND QUERN_HWY_LIBRARY)
  quern_plugin(simd LIBRARIES ${QUERN_HWY_LIBRARY})
  target_include_directories(plugin_simd SYSTEM PRIVATE ${QUERN_HWY_INCLUDE})
else()
  message(STATUS "plugin simd: Highway not found, skipped")
endif()
