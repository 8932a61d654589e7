# The `quern` tool: a client of the public C API, nothing else.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
file(GLOB cli_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_executable(quern_tool ${cli_sources})
set_target_properties(quern_tool PROPERTIES OUTPUT_NAME quern INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
target_include_directories(quern_tool PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(quern_tool PRIVATE quern CLI11::CLI11 nlohmann_json::nlohmann_json)
install(TARGETS quern_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
