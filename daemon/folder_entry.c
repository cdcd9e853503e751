/*
 * A message in the index and in a file's name.
 */
#include "daemon/folder_entry.h"

struct maildir_message
folder_message(const struct index_entry *entry)
{
	return (struct maildir_message){
	    .uid = entry->uid,
	    .size = entry->size == INDEX_SIZE_LARGE ? MAILDIR_SIZE_UNKNOWN
						    : entry->size,
	    .date = entry->date == INDEX_DATE_ODD ? MAILDIR_DATE_UNKNOWN
						  : entry->date,
	    .flags = entry->flags,
	};
}

struct index_entry
folder_entry(const struct maildir_message *message)
{
	return (struct index_entry){
	    .uid = message->uid,
	    .size = message->size >= INDEX_SIZE_LARGE ? INDEX_SIZE_LARGE
						      : (uint32_t)message->size,
	    .date = message->date < 0 || message->date >= INDEX_DATE_ODD
		? INDEX_DATE_ODD
		: (uint32_t)message->date,
	    .flags = message->flags,
	};
}
