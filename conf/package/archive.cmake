# Run by cpack on the source's archive, where files stand as the directory gave
# them, with the modes that they have here: packs it anew, the same bytes
# whoever does it, wherever and when.
if(NOT CPACK_GENERATOR STREQUAL "TGZ")
  return()
endif()
cmake_path(GET CPACK_TEMPORARY_DIRECTORY PARENT_PATH above)
cmake_path(GET CPACK_TEMPORARY_DIRECTORY FILENAME tree)

execute_process(
  COMMAND tar --create --format=gnu --sort=name --owner=root:0 --group=root:0
    --mtime=@$ENV{SOURCE_DATE_EPOCH} --mode=u=rwX,go=rX "${tree}"
  COMMAND gzip -9n
  WORKING_DIRECTORY "${above}"
  OUTPUT_FILE "${CPACK_PACKAGE_FILES}"
  COMMAND_ERROR_IS_FATAL ANY)
