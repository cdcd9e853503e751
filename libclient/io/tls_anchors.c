/*
 * The system's trust anchors. Reading them all takes 28 ms and 850 KiB, so
 * contexts share them, and where the system keeps each in a file named by its
 * hash, only those that a chain needs are read.
 */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "libclient/io/tls_private.h"

#define HASH_LENGTH 8

/* Read anew when the last context that used it is gone. Contexts belong to
 * the loop's thread. */
static struct {
	X509_STORE *store;
	unsigned users;
} shared;

/* "5ed36f99.0": what c_rehash makes. */
static bool
is_hashed_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == HASH_LENGTH &&
	    name[HASH_LENGTH] == '.' && name[HASH_LENGTH + 1] >= '0' &&
	    name[HASH_LENGTH + 1] <= '9';
}

static bool
has_hashed_names(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool has_some = false;

	if (directory == NULL)
		return false;
	while (!has_some && (entry = readdir(directory)) != NULL)
		has_some = is_hashed_name(entry->d_name);
	(void)closedir(directory);
	return has_some;
}

bool
tls_anchors_are_hashed(const char *file, const char *directory)
{
	char real_file[PATH_MAX];
	char real_directory[PATH_MAX];
	const char *slash;

	if (realpath(directory, real_directory) == NULL)
		return false;
	if (realpath(file, real_file) != NULL) {
		slash = strrchr(real_file, '/');
		if (strlen(real_directory) != (size_t)(slash - real_file) ||
		    memcmp(real_file, real_directory, strlen(real_directory)) !=
			0)
			return false;
	}
	return has_hashed_names(real_directory);
}

void
tls_anchors_load(X509_STORE *store)
{
	const char *directory = X509_get_default_cert_dir();

	/* None at all is no error here: no chain will verify. */
	if (secure_getenv(X509_get_default_cert_file_env()) == NULL &&
	    secure_getenv(X509_get_default_cert_dir_env()) == NULL &&
	    tls_anchors_are_hashed(X509_get_default_cert_file(), directory))
		(void)X509_STORE_load_path(store, directory);
	else
		(void)X509_STORE_set_default_paths(store);
	ERR_clear_error();
}

bool
tls_anchors_share(SSL_CTX *ssl)
{
	if (shared.users == 0) {
		shared.store = X509_STORE_new();
		if (shared.store == NULL)
			return false;
		tls_anchors_load(shared.store);
	}
	shared.users++;
	SSL_CTX_set1_cert_store(ssl, shared.store);
	return true;
}

void
tls_anchors_unshare(void)
{
	if (--shared.users > 0)
		return;
	X509_STORE_free(shared.store);
	shared.store = NULL;
}
