# Packages, by `cpack` in a build directory: a .deb for Debian 12, and by
# `cpack --config CPackSourceConfig.cmake` the source as an archive.
set(here "${CMAKE_CURRENT_LIST_DIR}")

# The project has neither a site nor an address of its own: whoever gives the
# package to others names theirs.
set(MAILMIRROR_MAINTAINER "the mailmirror authors <mailmirror@example.org>"
  CACHE STRING "Who answers for the package: NAME <ADDRESS>")
set(MAILMIRROR_HOMEPAGE "" CACHE STRING "The package's Homepage; empty: none")

# The newest entry of the changelog is what is packaged; its date is that of
# all files, so that the same source makes the same bytes.
file(STRINGS "${here}/changelog" entry LIMIT_COUNT 1)
file(STRINGS "${here}/changelog" date LIMIT_COUNT 1 REGEX "^ -- ")
if(NOT entry MATCHES "^mailmirror \\(${PROJECT_VERSION}-([0-9a-z]+)\\) ")
  message(FATAL_ERROR
    "conf/package/changelog does not begin with version ${PROJECT_VERSION}")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE "${CMAKE_MATCH_1}")
string(REGEX REPLACE "^ -- .*[>@]  " "" date "${date}")
execute_process(COMMAND date --utc --date=${date} +%s
  OUTPUT_VARIABLE CPACK_MAILMIRROR_DATE OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)

set(CPACK_GENERATOR DEB)
set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_PACKAGE_CONTACT "${MAILMIRROR_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "${MAILMIRROR_HOMEPAGE}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
file(READ "${here}/description" CPACK_DEBIAN_PACKAGE_DESCRIPTION)
string(STRIP "${CPACK_DEBIAN_PACKAGE_DESCRIPTION}"
  CPACK_DEBIAN_PACKAGE_DESCRIPTION)
set(CPACK_PROJECT_CONFIG_FILE "${here}/environment.cmake")
set(CPACK_PRE_BUILD_SCRIPTS "${here}/stage.cmake")
set(CPACK_POST_BUILD_SCRIPTS "${here}/archive.cmake")
set(CPACK_MAILMIRROR_PACKAGE "${here}")

# DESTDIR: what is installed knows that its prefix is /usr.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# postinst has systemd-sysusers make the user
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libpam-systemd, pass")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${here}/postinst;${here}/prerm;${here}/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_SOURCE_PACKAGE_FILE_NAME "${PROJECT_NAME}-${PROJECT_VERSION}")
# only what is in this tree, wherever it stands
string(REGEX REPLACE "([][+.*()^$?|\\])" "[\\1]" top "${PROJECT_SOURCE_DIR}")
set(CPACK_SOURCE_IGNORE_FILES "^${top}/[.](git|ci)(/|$)"
  "^${top}/build[^/]*(/|$)" "^${top}/.*/__pycache__/" "^${top}/.*~$"
  "^${top}/.*[.]sw.$")
include(CPack)
