# The hostile plugins of fixtures/, one shared object a fault, in FIXTURE_DIR; and the template's.
set(FIXTURE_DIR ${PROJECT_BINARY_DIR}/fixtures)
set(hostile_faults NONE WRONG_MAJOR MISSING_EXPORT EXTRA_EXPORT SHORT_STRUCT LONG_STRUCT NEEDS_NEWER
  NULL_ENTRY NULL_FUNCTION BAD_ID TAKEN_ID OPEN_FAILS FTZ_ON_LOAD SIGNAL_ON_LOAD NEEDS_MISSING
  LEAVES_THREAD SHARED_SELF CLAIMS_ALL LIES_LAYOUT OVERLAPPING_LAYOUT SHORT_CANDIDATE BAD_ESTIMATE
  BAD_INPLACE HUGE_WORKSPACE BAD_EPILOGUE SAME_NAME_TWICE SILENT_ERROR NO_PLAN LIES_WORKSPACE
  USES_WORKSPACE READS_WORKSPACE OVERRUNS WRITES_INPUT ERROR_CODE NAN_OUTPUT WRONG_RESULT HALF_WRITTEN
  SLOW CHANGES_ROUNDING CHANGES_FTZ ABORTS SEGFAULTS EXITS HANGS ALLOCATES PRINTS CARELESS CARELESS_LIBRARY)

function(fixture name source definition)
  add_library(fixture_${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/plugins/fixtures/${source})
  set_target_properties(fixture_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${FIXTURE_DIR} C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden)
  target_compile_definitions(fixture_${name} PRIVATE ${definition})
  target_include_directories(fixture_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(fixture_${name} PRIVATE -w)  # what is left out on purpose leaves things unused
  add_dependencies(fixtures fixture_${name})
endfunction()

add_custom_target(fixtures)
foreach(fault ${hostile_faults})
  string(TOLOWER ${fault} name)
  fixture(${name} hostile.c FAULT_${fault})
endforeach()
fixture(template ../../../plugins/template/plugin.c FAULT_NONE)
fixture(throws throws.cpp FAULT_THROWS)
fixture(throws_in_plan throws.cpp FAULT_THROWS_IN_PLAN)
# What one of them needs is there when it is linked and nowhere when it is loaded.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/absent.c "int quern_fixture_absent(void); int quern_fixture_absent(void) { return 0; }\n")
add_library(quern_fixture_absent SHARED ${CMAKE_CURRENT_BINARY_DIR}/absent.c)
set_target_properties(quern_fixture_absent PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/absent)
target_link_libraries(fixture_needs_missing PRIVATE quern_fixture_absent)
set_target_properties(fixture_needs_missing PROPERTIES SKIP_BUILD_RPATH ON)

# What another needs crashes when malloc gives it nothing.
add_library(quern_fixture_careless SHARED ${CMAKE_CURRENT_SOURCE_DIR}/plugins/fixtures/careless.c)
set_target_properties(quern_fixture_careless PROPERTIES OUTPUT_NAME fixture_careless LIBRARY_OUTPUT_DIRECTORY ${FIXTURE_DIR} C_VISIBILITY_PRESET default)
target_link_libraries(fixture_careless_library PRIVATE quern_fixture_careless)
target_sources(fixture_careless PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/plugins/fixtures/careless.c)

# Bundled plugins pass `quern check`, and the commands of the template's page work.
foreach(plugin naive openblas onednn tbb simd amx)
  if(TARGET plugin_${plugin} AND NOT QUERN_SANITIZE)
    add_test(NAME check_${plugin} COMMAND quern_tool check $<TARGET_FILE:plugin_${plugin}>)
    set_tests_properties(check_${plugin} PROPERTIES TIMEOUT 900)
  endif()
endforeach()
if(NOT QUERN_SANITIZE)
  add_test(NAME plugin_tutorial COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/plugins/tutorial.sh
    plugins/template/README.md WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(plugin_tutorial PROPERTIES ENVIRONMENT build=${PROJECT_BINARY_DIR} TIMEOUT 300)
endif()
