/* demangler.c: see demangler.h. */
#include "target/demangler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "target/demangle.h"
#include "target/sandbox_service.h"

#define NAMES_MAX 65536 /* more are not demangled: a program has no end of hostile names */

_Static_assert(SERVICE_TEXT_ROOM >= DEMANGLE_OUTPUT_ROOM && SERVICE_TEXT_ROOM > DEMANGLE_INPUT_MAX,
	       "question and answer fit");

struct known {
	char *name;  /* key */
	char *shown; /* NULL: the name itself */
	UT_hash_handle hh;
};

struct demangler {
	struct sandbox_service *service;
	struct known *known;
};

int demangler_new(struct demangler **ret_demangler)
{
	cleanup(demangler_freep) struct demangler *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = sandbox_service_new(demangle, &d->service);
	if (r < 0)
		return r;
	*ret_demangler = steal(d);
	return 0;
}

static void free_known(struct known *k)
{
	free(k->name);
	free(k->shown);
	free(k);
}

struct demangler *demangler_free(struct demangler *d)
{
	struct known *k, *next;

	if (!d)
		return NULL;
	HASH_ITER (hh, d->known, k, next) {
		HASH_DEL(d->known, k);
		free_known(k);
	}
	sandbox_service_free(d->service);
	free(d);
	return NULL;
}

static struct known *work_out(struct demangler *d, const char *name)
{
	char answer[SERVICE_TEXT_ROOM];
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->name = strdup(name);
	if (k->name && sandbox_service_ask(d->service, name, answer) == 0 && answer[0])
		k->shown = strdup(answer);
	if (!k->name) {
		free_known(k);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, d->known, k->name, strlen(k->name), k);
	return k;
}

const char *demangler_name(struct demangler *d, const char *name)
{
	struct known *k = NULL;

	if (!d || !demangle_wanted(name) || strlen(name) > DEMANGLE_INPUT_MAX)
		return name;
	HASH_FIND_STR(d->known, name, k);
	if (!k && HASH_COUNT(d->known) < NAMES_MAX)
		k = work_out(d, name);
	return k && k->shown ? k->shown : name;
}
