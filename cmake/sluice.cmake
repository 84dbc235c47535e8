# How every module is built: one static library per folder of src/, and one test program of its *_test.cpp files.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(GTest REQUIRED)
find_program(SLUICE_CCACHE ccache)
if(SLUICE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SLUICE_CCACHE})
endif()

set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread")
option(SLUICE_FUZZ "Build the *_fuzz.cpp targets instead of the tests (clang only)" OFF)
set(SLUICE_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND SLUICE_WARNINGS -Wthread-safety -Wextra-semi -Wno-missing-field-initializers)
else()
  # g++ 12 reports false positives of these in coroutine frames and in inlined code of std::string and std::expected.
  list(APPEND SLUICE_WARNINGS -Wno-maybe-uninitialized -Wno-restrict -Wno-free-nonheap-object -Wno-missing-field-initializers)
endif()
add_compile_options(${SLUICE_WARNINGS} -fno-omit-frame-pointer)
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
endif()
if(SLUICE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()
add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
add_compile_options($<$<CONFIG:Release>:-fstack-protector-strong>)
include_directories(${CMAKE_SOURCE_DIR}/src)

# Headers that cost more to read than most files that include them: the standard library's, once for all modules; with
# gtest, once for all tests; CLI11. -fno-pch-timestamp lets ccache keep what was compiled with them. Not for g++ 12, which
# takes what it reads from such a file for our own code and warns of faults in the standard library; its build is also
# what shows that each file includes what it uses.
#
# A precompiled file holds the path of its build folder. So that all clones share what ccache keeps, files name it from
# there, and ccache looks at the digest of its headers' text beside it (CCACHE_PCH_EXTSUM in tools/dev/setup.sh).
set(SLUICE_PRECOMPILE OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND NOT SLUICE_FUZZ)
  set(SLUICE_PRECOMPILE ON)
  set(SLUICE_STANDARD_HEADERS <algorithm> <chrono> <coroutine> <expected> <filesystem> <functional> <map> <memory> <optional>
      <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp "// Made by cmake/sluice.cmake: stands for the headers.\n")
endif()

# sluice_precompiled_headers(NAME header... [LIBS library...]): what sluice_precompiled(TARGET NAME) makes use of.
function(sluice_precompiled_headers NAME)
  if(NOT SLUICE_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(P "" "" "LIBS" ${ARGN})
  add_library(sluice_${NAME} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(sluice_${NAME} PRIVATE ${P_LIBS})
  target_compile_options(sluice_${NAME} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(sluice_${NAME} PRIVATE ${P_UNPARSED_ARGUMENTS})
  file(RELATIVE_PATH folder ${CMAKE_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/sluice_${NAME}.dir)
  set(pch ${folder}/cmake_pch.hxx.pch)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/${pch}.sum DEPENDS ${CMAKE_BINARY_DIR}/${pch} sluice_${NAME}
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR} VERBATIM
    COMMAND sh -c "\"$0\" -std=c++23 -w -E -P -x c++ \"$1\" | sha256sum >\"$2\"" ${CMAKE_CXX_COMPILER} ${folder}/cmake_pch.hxx ${pch}.sum)
  add_custom_target(sluice_${NAME}_sum DEPENDS ${CMAKE_BINARY_DIR}/${pch}.sum)
  set_property(GLOBAL PROPERTY SLUICE_PCH_${NAME} ${pch})
endfunction()

# sluice_precompiled(TARGET NAME): the target's files begin with those headers.
function(sluice_precompiled TARGET NAME)
  get_property(pch GLOBAL PROPERTY SLUICE_PCH_${NAME})
  if(pch)
    add_dependencies(${TARGET} sluice_${NAME}_sum)
    target_compile_options(${TARGET} PRIVATE "SHELL:-Xclang -fno-pch-timestamp -Xclang -include-pch -Xclang ${pch}")
    get_target_property(sources ${TARGET} SOURCES)
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/${pch}.sum)
  endif()
endfunction()

sluice_precompiled_headers(headers ${SLUICE_STANDARD_HEADERS})
sluice_precompiled_headers(test_headers ${SLUICE_STANDARD_HEADERS} <gtest/gtest.h> LIBS GTest::gtest)

# sluice_module(NAME DIR [DEPS module...] [LIBS library...] [PRECOMPILE header...])
#   NAME  library sluice_NAME of DIR's own *.cpp (not of its subfolders); tests become NAME_test
#   DEPS  modules whose headers this one may include: tools/layers.py holds the sources to this list
#   LIBS  libraries from outside
#   PRECOMPILE  a library's header that most files of the module include
# Files called X_fuzz.cpp become the fuzz target X_fuzz when SLUICE_FUZZ is on.
function(sluice_module NAME DIR)
  cmake_parse_arguments(M "" "" "DEPS;LIBS;PRECOMPILE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(TRANSFORM M_DEPS PREPEND sluice_ OUTPUT_VARIABLE deps)
  if(sources)
    add_library(sluice_${NAME} STATIC ${sources})
    target_link_libraries(sluice_${NAME} PUBLIC ${deps} ${M_LIBS})
    if(M_PRECOMPILE)
      sluice_precompiled_headers(${NAME}_headers ${SLUICE_STANDARD_HEADERS} ${M_PRECOMPILE})
      sluice_precompiled(sluice_${NAME} ${NAME}_headers)
    else()
      sluice_precompiled(sluice_${NAME} headers)
    endif()
  else()
    add_library(sluice_${NAME} INTERFACE)
    target_link_libraries(sluice_${NAME} INTERFACE ${deps} ${M_LIBS})
  endif()
  if(SLUICE_FUZZ)
    file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${DIR}/*_fuzz.cpp)
    foreach(fuzzer IN LISTS fuzzers)
      cmake_path(GET fuzzer STEM target)
      add_executable(${target} ${fuzzer})
      target_link_libraries(${target} PRIVATE sluice_${NAME})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      set_property(GLOBAL APPEND PROPERTY SLUICE_FUZZERS ${target})
    endforeach()
  elseif(tests)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE sluice_${NAME} GTest::gtest GTest::gtest_main)
    sluice_precompiled(${NAME}_test test_headers)
    set_property(GLOBAL APPEND PROPERTY SLUICE_TESTS ${NAME}_test)
  endif()
endfunction()

# Writes one name a line of what the modules have declared, for ./dev to run.
function(sluice_write_list PROPERTY FILE)
  get_property(names GLOBAL PROPERTY ${PROPERTY})
  list(JOIN names "\n" lines)
  if(names)
    string(APPEND lines "\n")
  endif()
  file(WRITE ${CMAKE_BINARY_DIR}/${FILE} "${lines}")
endfunction()
