# The `quern` tool: a client of the public C API, nothing else.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Threads REQUIRED)
file(GLOB cli_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp ${CMAKE_CURRENT_LIST_DIR}/check/*.cpp)
add_executable(quern_tool ${cli_sources})
set_target_properties(quern_tool PROPERTIES OUTPUT_NAME quern INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
target_include_directories(quern_tool PRIVATE ${PROJECT_SOURCE_DIR})
# GCC 12 warns of overlapping copies inside its own std::string.
# The tool waits for libquern or a child process: optimising it only costs build time.
target_compile_options(quern_tool PRIVATE -O1 $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_link_libraries(quern_tool PRIVATE quern CLI11::CLI11 nlohmann_json::nlohmann_json Threads::Threads ${CMAKE_DL_LIBS})
install(TARGETS quern_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
