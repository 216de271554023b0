/* native_library.c: shapes with a shared library: calls through stubs, and one that comes and goes.
 *
 * See native.h.  Compiled into the program and, with N_INSIDE, into the libraries themselves, whose
 * frames are so many bytes that the tables of one do not fit another.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "native.h"

int n_linked(int n);

#ifdef N_INSIDE

KEEP int n_linked(int n)
{
	__asm__ volatile("");
	return n + 1;
}

void n_visit(void (*visit)(void));

#if N_INSIDE > 100
/* So that the other library's addresses are other ones. */
KEEP int n_filling(int n)
{
	return n * 3 + n_linked(n);
}
#endif

KEEP void n_visit(void (*visit)(void))
{
	volatile char room[N_INSIDE];

	room[0] = room[N_INSIDE - 1] = 1;
	visit();
	room[0] = room[N_INSIDE - 1];
}

#else

/* Samples fall into the stub, too. */
static void n_shape_stub(void)
{
	int n = 0;

	while (n_burning())
		for (int i = 0; i < 64; i++)
			n = n_linked(n);
	n_sink = n;
}

/* One library after the other, likely at the same address. */
static void n_shape_opened(void)
{
	static int turn;
	const char *path = n_libraries[turn++ % 2];
	void *library = path ? dlopen(path, RTLD_NOW) : NULL;
	void (*visit)(void (*)(void)) = NULL;

	if (library)
		*(void **)&visit = dlsym(library, "n_visit");
	if (!visit) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	visit(n_rest);
	dlclose(library);
}

static bool has_libraries(void)
{
	return n_libraries[1];
}

const struct shape shapes_library[] = {
	{ "stub", n_shape_stub, "?n_burning ?n_linked ~ n_shape_stub", "cpu" },
	{ "opened", n_shape_opened, "n_rest n_visit n_shape_opened", NULL, NULL, has_libraries },
	{ "reopened", n_shape_opened, "n_rest n_visit n_shape_opened", NULL, NULL, has_libraries },
	{ NULL },
};

#endif
