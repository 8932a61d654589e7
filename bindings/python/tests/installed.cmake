# The package needs only what `cmake --install` puts into a prefix: installs BUILD there, builds the extension against it
# with find_package(quern), sees that no other header of this repository was read, and runs the README's first example.
# cmake -DBUILD=.. -DSOURCE=<bindings/python> -DPYTHON=.. -DLAUNCHER=.. -DOUT=.. -P installed.cmake
function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text ERROR_VARIABLE text RESULT_VARIABLE result)
  if(result)
    message(FATAL_ERROR "${ARGN}: ${result}\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${OUT}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${OUT}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${OUT}/build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH=${OUT}/prefix
    -DPython_EXECUTABLE=${PYTHON} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} --build ${OUT}/build)

run(ninja -C ${OUT}/build -t deps)
cmake_path(GET SOURCE PARENT_PATH repository)
cmake_path(GET repository PARENT_PATH repository)
string(REGEX MATCHALL "[^ \n]+" words "${text}")
foreach(word ${words})
  cmake_path(ABSOLUTE_PATH word BASE_DIRECTORY ${OUT}/build NORMALIZE OUTPUT_VARIABLE path)
  string(FIND ${path} ${repository}/ ours)
  if(ours EQUAL 0 AND path MATCHES "[.](h|hpp|inc)$" AND NOT path MATCHES "^(${OUT}|${SOURCE}/src|${repository}/[.]venv)/")
    message(FATAL_ERROR "the extension includes ${path}, which is not part of an installed tree")
  endif()
endforeach()
if(NOT text MATCHES "quern/quern[.]h")
  message(FATAL_ERROR "no dependencies seen:\n${text}")
endif()

file(READ ${SOURCE}/README.md readme)
string(REGEX MATCH "```python\n([^`]*)```" _ "${readme}")
file(WRITE ${OUT}/first.py "${CMAKE_MATCH_1}\nlibrary = [line for line in open('/proc/self/maps') if 'libquern' in line]
assert library and all('${OUT}/prefix/' in line for line in library), library\n")
run(${CMAKE_COMMAND} -E chdir ${OUT} ${CMAKE_COMMAND} -E env PYTHONPATH=${OUT}/build/python ${PYTHON} first.py)
message(STATUS "${text}")
