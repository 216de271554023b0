/* mixed_extension.c: an extension of Python whose functions call back, and one that blocks.
 *
 * mixed.through(f, n) calls f through two functions of its own, the inner one by recursion n deep;
 * mixed.block(ms) sleeps without the GIL.  No frame pointers are needed, and every function is one
 * of its own that does not end in a jump, so that the names on a stack are known.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <time.h>

#define OWN __attribute__((noinline, noclone, used))

static volatile int after; /* work behind a call keeps it from becoming a jump */

OWN PyObject *mixed_inner(PyObject *callable, long depth)
{
	PyObject *result;

	if (depth > 1)
		result = mixed_inner(callable, depth - 1);
	else
		result = PyObject_CallObject(callable, NULL);
	after++;
	return result;
}

OWN PyObject *mixed_outer(PyObject *callable, long depth)
{
	PyObject *result = mixed_inner(callable, depth);

	after++;
	return result;
}

OWN PyObject *mixed_through(PyObject *self, PyObject *args)
{
	PyObject *callable, *result;
	long depth;

	(void)self;
	if (!PyArg_ParseTuple(args, "Ol", &callable, &depth))
		return NULL;
	result = mixed_outer(callable, depth);
	after++;
	return result;
}

OWN void mixed_wait(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0)
		;
	after++;
}

OWN PyObject *mixed_block(PyObject *self, PyObject *args)
{
	long ms;

	(void)self;
	if (!PyArg_ParseTuple(args, "l", &ms))
		return NULL;
	Py_BEGIN_ALLOW_THREADS mixed_wait(ms);
	Py_END_ALLOW_THREADS after++;
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{ "through", mixed_through, METH_VARARGS, NULL },
	{ "block", mixed_block, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "mixed_extension", NULL, -1, methods, NULL, NULL, NULL, NULL
};

PyMODINIT_FUNC PyInit_mixed_extension(void)
{
	return PyModule_Create(&module);
}
