/*
 * Memory: one policy. A program that mirrors mail and has no memory left can
 * do nothing useful, so running out of it ends the process; every crash is
 * repaired by the next start.
 */
#include "libclient/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* More than OpenSSL, libgsasl and an event handler need together. */
#define STACK_WIPED 65536

/* Longer copies use no further registers. */
#define COPIED_MAX 1024

void *
mem_alloc(size_t size)
{
	void *memory = calloc(1, size == 0 ? 1 : size);

	if (memory == NULL)
		abort();
	return memory;
}

void *
mem_resize(void *array, size_t count, size_t size)
{
	size_t total = 0;
	void *resized;

	if (__builtin_mul_overflow(count, size, &total))
		abort();
	resized = realloc(array, total == 0 ? 1 : total);
	if (resized == NULL)
		abort();
	return resized;
}

char *
mem_copy_string(const char *string)
{
	char *copy;
	size_t size;

	if (string == NULL)
		return NULL;
	size = strlen(string) + 1;
	copy = mem_alloc(size);
	memcpy(copy, string, size);
	return copy;
}

char *
mem_format(const char *format, ...)
{
	char *string = NULL;
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vasprintf(&string, format, arguments);
	va_end(arguments);
	if (len < 0)
		abort();
	return string;
}

void *
mem_free(void *memory)
{
	free(memory);
	return NULL;
}

void
mem_trim(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

void
mem_wipe(void *memory, size_t size)
{
	if (size > 0)
		explicit_bzero(memory, size);
}

/* Not inlined, or these would be the caller's own bytes. */
__attribute__((noinline)) void
mem_wipe_stack(void)
{
	static const char nothing[COPIED_MAX];
	char stack[STACK_WIPED];

	mem_wipe(stack, sizeof(stack));
	/* a copy uses more registers the longer it is */
	for (size_t size = 1; size <= COPIED_MAX; size *= 2) {
		memcpy(stack, nothing, size);
		__asm__ volatile("" : : "r"(stack) : "memory");
	}
}

void *
mem_free_secret(char *string)
{
	if (string != NULL)
		mem_wipe(string, strlen(string));
	return mem_free(string);
}
