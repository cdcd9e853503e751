# Read by cpack before it does anything: the date of whatever it packs.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  set(ENV{SOURCE_DATE_EPOCH} "${CPACK_MAILMIRROR_DATE}")
endif()
