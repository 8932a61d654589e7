# oneDNN 2.x built for OpenMP (or sequential); absent, the plugin is left out.
find_package(dnnl 2 CONFIG QUIET)
find_package(OpenMP QUIET COMPONENTS CXX)
if(dnnl_FOUND AND OpenMP_CXX_FOUND)
  quern_plugin(onednn LIBRARIES DNNL::dnnl OpenMP::OpenMP_CXX OPTIONS -O3)
else()
  message(STATUS "quern: onednn plugin left out (needs oneDNN 2.x and OpenMP)")
endif()
