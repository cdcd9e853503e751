# unit_test(NAME LIBRARY...): builds tests/unit/test_NAME.c against just the
# floor that it tests, which proves that the floor needs nothing above it.
if(BUILD_TESTING)
  pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check>=0.15)
  add_library(unit_mark OBJECT ${PROJECT_SOURCE_DIR}/tests/unit/mark.c)
  # so that a test of the C library's own memory can do without sanitisers
  target_compile_options(unit_mark PRIVATE -fno-sanitize=all)
endif()

# Of these the release build's are run by valgrind, too: what reads bytes that
# others wrote, and is cheap there (a second each, most of it valgrind's start).
# TLS and inflating are not: they take minutes, in others' code.
set(valgrind_tests base64 capability command date frame index keywords login
  maildir_change maildir_name mailboxes name response session
  settings_refusals state_chunk state_pack token utf7 window)
# Of these some tests end their process, or change what cannot be changed back.
set(forking_tests buf child dial dial_proxy log runner sandbox secret)
set(MAILMIRROR_RELEASE_BUILD "${PROJECT_SOURCE_DIR}/build/release" CACHE PATH
  "Optimised build whose unit tests valgrind runs")

function(unit_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  add_executable(test_${name} ${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c)
  target_compile_definitions(test_${name} PRIVATE
    TESTS_DIR="${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(test_${name} PRIVATE ${ARGN} unit_mark
    PkgConfig::CHECK)
  target_link_options(test_${name} PRIVATE -Wl,--wrap=_mark_point)
  # check.h's own macros trip over these two
  target_compile_options(test_${name} PRIVATE -Wno-conversion
    -Wno-missing-prototypes)
  if(MAILMIRROR_ANALYZE)
    target_compile_options(test_${name} PRIVATE -fno-analyzer)
  endif()
  add_test(NAME unit_${name} COMMAND test_${name})
  set_tests_properties(unit_${name} PROPERTIES TIMEOUT 120 PROCESSORS 2)
  if(NOT name IN_LIST forking_tests)
    # a fork of a sanitised process costs more than most tests
    set_tests_properties(unit_${name} PROPERTIES ENVIRONMENT CK_FORK=no)
  endif()
  if(MAILMIRROR_SANITIZE AND name IN_LIST valgrind_tests)
    file(RELATIVE_PATH room ${PROJECT_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR})
    add_test(NAME valgrind_${name} COMMAND valgrind --quiet --leak-check=full
      --error-exitcode=99 --show-leak-kinds=definite
      --errors-for-leak-kinds=definite
      ${MAILMIRROR_RELEASE_BUILD}/${room}/test_${name})
    # in one process: each fork would start it anew
    set_tests_properties(valgrind_${name} PROPERTIES TIMEOUT 120 PROCESSORS 3
      ENVIRONMENT "CK_FORK=no;TEST_PACE=500")
  endif()
endfunction()
