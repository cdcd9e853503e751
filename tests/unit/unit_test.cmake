# unit_test(NAME LIBRARY...): builds tests/unit/test_NAME.c against just the
# floor that it tests, which proves that the floor needs nothing above it.
if(BUILD_TESTING)
  pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check>=0.15)
endif()

function(unit_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  add_executable(test_${name} ${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c)
  target_compile_definitions(test_${name} PRIVATE
    TESTS_DIR="${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(test_${name} PRIVATE ${ARGN} PkgConfig::CHECK)
  # check.h's own macros trip over these two
  target_compile_options(test_${name} PRIVATE -Wno-conversion
    -Wno-missing-prototypes)
  add_test(NAME unit_${name} COMMAND test_${name})
  set_tests_properties(unit_${name} PROPERTIES TIMEOUT 120)
endfunction()
