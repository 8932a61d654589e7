# Our own products for the matrix unit of x86-64 CPUs (AMX); nothing of it runs where there is none.
include(CheckCXXCompilerFlag)
set(amx_options -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mamx-tile -mamx-bf16
  -mprefer-vector-width=512
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized>)  # inside GCC 12's own intrinsics
check_cxx_compiler_flag("-mavx512bf16 -mamx-bf16" QUERN_HAS_AMX)
if(QUERN_HAS_AMX AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  quern_plugin(amx)
  set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/tiles.cpp ${CMAKE_CURRENT_LIST_DIR}/conv_tiles.cpp
    ${CMAKE_CURRENT_LIST_DIR}/conv_weights_tiles.cpp
    ${CMAKE_CURRENT_LIST_DIR}/attention_tiles.cpp PROPERTIES COMPILE_OPTIONS "${amx_options}")
else()
  message(STATUS "plugin amx: not for this compiler or processor, skipped")
endif()
