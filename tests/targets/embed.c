/* embed.c: a C program with a Python inside, the way application servers have one.
 *
 *	embed MS LIBRARY SCRIPT [ARGUMENT...]
 *
 * LIBRARY is opened MS milliseconds after the start; "-": the program was linked with it.  The main
 * thread starts the interpreter, lets go of it and waits; a thread made by C runs the script.  Uses
 * no header of Python, so that one source serves every version.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *library;
static char **arguments;

static void *need(const char *name)
{
	void *found = dlsym(library, name);

	if (!found) {
		fprintf(stderr, "embed: no %s\n", name);
		exit(2);
	}
	return found;
}

/* The script's arguments go in as text: those of the tests hold no quotes. */
static void *serve(void *unused)
{
	int (*ensure)(void) = need("PyGILState_Ensure");
	void (*release)(int) = need("PyGILState_Release");
	int (*run)(const char *) = need("PyRun_SimpleString");
	static char text[8192];
	size_t used = 0;
	int state, i;

	used += (size_t)snprintf(text, sizeof(text), "import runpy, sys\nsys.argv = [");
	for (i = 0; arguments[i] && used < sizeof(text) / 2; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "'%s', ", arguments[i]);
	snprintf(text + used, sizeof(text) - used,
		 "]\nsys.path.insert(0, sys.argv[0].rpartition('/')[0])\n"
		 "runpy.run_path(sys.argv[0], run_name='__main__')\n");
	state = ensure();
	if (run(text) != 0)
		exit(3);
	release(state);
	return unused;
}

int main(int argc, char **argv)
{
	void (*start)(int);
	void *(*let_go)(void);
	pthread_t thread;

	if (argc < 4)
		return 2;
	usleep((useconds_t)atoi(argv[1]) * 1000);
	library = dlopen(argv[2][0] == '-' ? NULL : argv[2], RTLD_NOW | RTLD_GLOBAL);
	if (!library) {
		fprintf(stderr, "embed: %s\n", dlerror());
		return 2;
	}
	arguments = argv + 3;
	start = need("Py_InitializeEx");
	let_go = need("PyEval_SaveThread");
	start(0);
	let_go();
	if (pthread_create(&thread, NULL, serve, NULL) != 0)
		return 2;
	pthread_join(thread, NULL);
	return 0;
}
