# Run when a wheel is put together: copies the libraries that the files in `linked` need, and what they need in turn,
# into quern/lib, and the licences of those and of the static `archives` into quern/lib/licenses.
set(lib "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/quern/lib")

# On every machine that manylinux speaks of.
set(everywhere "^(ld-linux.*|lib(c|m|dl|rt|pthread|util|stdc\\+\\+|gcc_s|z))\\.so")
file(GET_RUNTIME_DEPENDENCIES LIBRARIES ${linked} RESOLVED_DEPENDENCIES_VAR found
  UNRESOLVED_DEPENDENCIES_VAR missing PRE_EXCLUDE_REGEXES ${everywhere})
if(missing)
  message(FATAL_ERROR "the libraries of this build are not found: ${missing}")
endif()
foreach(path ${found})
  # A wheel has no links: the file itself under the name that it is asked for by.
  cmake_path(GET path FILENAME name)
  file(REAL_PATH ${path} real)
  message(STATUS "Carrying ${name} (${real})")
  file(COPY_FILE ${real} ${lib}/${name} ONLY_IF_DIFFERENT)
endforeach()

# Where Debian's packages are known, the texts that their licences want to go along.
find_program(dpkg_query dpkg-query)
foreach(path ${found} ${archives})
  set(owner)
  if(dpkg_query AND path)
    file(REAL_PATH ${path} real)
    foreach(known ${path} ${real})  # /lib may be a link to /usr/lib
      if(NOT owner)
        execute_process(COMMAND ${dpkg_query} -S ${known} OUTPUT_VARIABLE owner ERROR_QUIET)
      endif()
    endforeach()
    string(REGEX REPLACE ":.*" "" owner "${owner}")
  endif()
  if(owner AND EXISTS /usr/share/doc/${owner}/copyright)
    file(MAKE_DIRECTORY ${lib}/licenses)
    file(COPY_FILE /usr/share/doc/${owner}/copyright ${lib}/licenses/${owner}.txt ONLY_IF_DIFFERENT)
  endif()
endforeach()
