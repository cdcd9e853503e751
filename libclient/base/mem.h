/*
 * Memory: one policy. Running out of it ends the process; sizes that a peer
 * names are checked against a limit before they come here.
 */
#ifndef LIBCLIENT_BASE_MEM_H
#define LIBCLIENT_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for one object of the type; never NULL. */
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))

/* size zeroed bytes; aborts when there are none. Free with mem_free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/*
 * Resizes an array to count elements of size bytes each (NULL: a new one).
 * New bytes are not zeroed. Aborts on overflow.
 */
void *mem_resize(void *array, size_t count, size_t size)
    __attribute__((returns_nonnull));

/* A copy of a string; NULL gives NULL. */
char *mem_copy_string(const char *string);

/* A new formatted string. */
char *mem_format(const char *format, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull));

/* Frees; takes NULL; returns NULL, so that `p = mem_free(p)` clears p. */
void *mem_free(void *memory);

/* Gives freed memory back to the system, where the C library keeps it. Takes
 * time in proportion to it. */
void mem_trim(void);

/* Overwrites bytes in a way that the compiler does not remove. */
void mem_wipe(void *memory, size_t size);

/*
 * Overwrites what functions that have returned left on the stack and in vector
 * registers, where the dynamic linker and signals save those: to be called
 * where a secret's last user returns to.
 */
void mem_wipe_stack(void);

/* Wipes a string up to its NUL, then frees it; takes NULL; returns NULL. */
void *mem_free_secret(char *string);

#endif
