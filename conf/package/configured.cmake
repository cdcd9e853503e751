# Installs FILE.in as NAME, with the paths of installed programs in it. They
# follow the prefix that `cmake --install` and cpack are given; the copy in the
# build directory has the prefix that was configured.
function(install_configured file name destination)
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}.in")
  configure_file("${source}" "${CMAKE_CURRENT_BINARY_DIR}/${name}" @ONLY)
  install(CODE "
    set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
    set(CMAKE_INSTALL_FULL_BINDIR \"\${prefix}/${CMAKE_INSTALL_BINDIR}\")
    set(CMAKE_INSTALL_FULL_LIBEXECDIR
      \"\${prefix}/${CMAKE_INSTALL_LIBEXECDIR}\")
    set(installed \"\${prefix}/${destination}/${name}\")
    message(STATUS \"Installing: \$ENV{DESTDIR}\${installed}\")
    configure_file(\"${source}\" \"\$ENV{DESTDIR}\${installed}\" @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${installed}\")")
endfunction()
