# Run by cpack on what was installed for the .deb, before it is packed: what
# Debian wants otherwise than a plain `cmake --install` has it.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
set(root "${CPACK_TEMPORARY_INSTALL_DIRECTORY}")
set(usr "${root}/usr")
set(doc "${usr}/share/doc/mailmirror")

file(COPY "${CPACK_MAILMIRROR_PACKAGE}/copyright" DESTINATION "${doc}"
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
configure_file("${CPACK_MAILMIRROR_PACKAGE}/changelog"
  "${doc}/changelog.Debian" @ONLY
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

file(GLOB pages "${usr}/share/man/man?/*.[1-9]")
execute_process(COMMAND gzip -9n ${pages} "${doc}/changelog.Debian"
  COMMAND_ERROR_IS_FATAL ANY)

file(MAKE_DIRECTORY "${root}/lib/systemd")
file(RENAME "${usr}/lib/systemd/system" "${root}/lib/systemd/system")
file(RENAME "${usr}/share/zsh/site-functions"
  "${usr}/share/zsh/vendor-completions")

# whatever the umask of who packs
file(CHMOD_RECURSE "${root}/lib" "${usr}" DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
