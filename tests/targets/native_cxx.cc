// native_cxx.cc: shapes of stacks of C++: virtual calls, callbacks, exceptions, coroutines.
//
// See native.h.

#include <algorithm>
#include <exception>
#include <functional>
#include <vector>
#include <unwind.h>
#if __cplusplus >= 202002L
#include <coroutine>
#endif

#include "native.h"

namespace native
{

// --- virtual calls; the second base's function is reached through a thunk

struct First {
	virtual ~First() = default;
	virtual int n_first(int n) = 0;
	int kept = 1;
};

struct Second {
	virtual ~Second() = default;
	virtual int n_second(int n) = 0;
	int kept = 2;
};

struct Both : First, Second {
	KEEP int n_first(int n) override
	{
		int r = n > 1 ? n_first(n - 1) : static_cast<Second *>(self)->n_second(n);

		NOT_LAST;
		return r + kept_here;
	}
	KEEP int n_second(int n) override
	{
		int r = n_work(n);

		NOT_LAST;
		return r + kept_here;
	}
	Both *volatile self = this;
	volatile int kept_here = 3;
};

KEEP static void n_shape_virtual()
{
	Both both;
	First *volatile first = &both;

	n_sink = first->n_first(7);
}

KEEP static void n_shape_member()
{
	Both both;
	int (Second::*volatile call)(int) = &Second::n_second;
	Second *volatile second = &both;

	n_sink = (second->*call)(1);
}

// --- callbacks through the library

static int compared;

KEEP static bool n_less(int a, int b)
{
	if (++compared == 5)
		n_rest();
	NOT_LAST;
	return a < b;
}

KEEP static void n_shape_sort()
{
	std::vector<int> numbers{ 3, 1, 2, 5, 4, 7 };

	compared = 0;
	std::sort(numbers.begin(), numbers.end(), n_less);
	n_sink = numbers[0];
}

KEEP static void n_shape_function()
{
	std::function<void(int)> f = [&f](int n) {
		if (n > 1)
			f(n - 1);
		else
			n_rest();
		NOT_LAST;
	};

	f(3);
}

template <typename T, int N> struct Deep {
	KEEP static T n_deep(T value)
	{
		T r = Deep<T, N - 1>::n_deep(value + 1);

		NOT_LAST;
		return r + n_sink;
	}
};
template <typename T> struct Deep<T, 0> {
	KEEP static T n_deep(T value)
	{
		T r = static_cast<T>(n_work(static_cast<int>(value)));

		NOT_LAST;
		return r + 1;
	}
};

KEEP static void n_shape_template()
{
	n_sink = static_cast<int>(Deep<double, 4>::n_deep(1.5));
}

// --- exceptions in flight

KEEP static int n_throw(int n)
{
	if (n > 1) {
		int r = n_throw(n - 1);

		NOT_LAST;
		return r + n_sink;
	}
	throw n;
}

KEEP static void n_shape_catch()
{
	try {
		n_sink = n_throw(5);
	} catch (int n) {
		n_sink = n_work(n);
		NOT_LAST;
	}
}

struct Rests {
	KEEP ~Rests()
	{
		n_rest();
		NOT_LAST;
	}
};

KEEP static int n_with_rests(int n)
{
	Rests rests;
	int r = n_throw(n);

	NOT_LAST;
	return r + n_sink;
}

KEEP static void n_shape_unwind()
{
	try {
		n_sink = n_with_rests(3);
	} catch (int n) {
		n_sink = n;
	}
}

// The library's own unwinder below, which keeps registers in places of its own.
KEEP static _Unwind_Reason_Code n_on_frame(struct _Unwind_Context *, void *arg)
{
	int *frames = static_cast<int *>(arg);

	if (++*frames == 2)
		n_rest();
	NOT_LAST;
	return _URC_NO_REASON;
}

KEEP static void n_shape_backtrace()
{
	int frames = 0;

	_Unwind_Backtrace(n_on_frame, &frames);
	n_sink = frames;
}

#if __cplusplus >= 202002L
// --- a coroutine of the language: its frame lies on the heap, its stack is the resumer's

struct Task {
	struct promise_type {
		Task get_return_object()
		{
			return { std::coroutine_handle<promise_type>::from_promise(*this) };
		}
		std::suspend_always initial_suspend() noexcept
		{
			return {};
		}
		std::suspend_always final_suspend() noexcept
		{
			return {};
		}
		void return_void()
		{
		}
		void unhandled_exception()
		{
			std::terminate();
		}
	};
	std::coroutine_handle<promise_type> handle;
};

KEEP static Task n_coroutine(int n)
{
	n_sink = n_work(n);
	co_await std::suspend_always{};
}

KEEP static void n_resume(Task &task)
{
	task.handle.resume();
	NOT_LAST;
}

KEEP static void n_shape_coroutine()
{
	Task task = n_coroutine(2);

	n_resume(task);
	task.handle.destroy();
}
#endif

} // namespace native

using namespace native;

const struct shape shapes_cxx[] = {
	{ "virtual", n_shape_virtual,
	  "n_rest n_work n_second ?n_second n_first*7 n_shape_virtual" },
	{ "member", n_shape_member, "n_rest n_work n_second ?n_second n_shape_member" },
	{ "sort", n_shape_sort, "n_rest n_less ~ n_shape_sort" },
	{ "function", n_shape_function,
	  "n_rest ~ n_shape_function" },
	{ "template", n_shape_template, "n_rest n_work n_deep*5 n_shape_template" },
	{ "catch", n_shape_catch, "n_rest n_work n_shape_catch" },
	{ "unwind", n_shape_unwind, "n_rest ~Rests n_with_rests n_shape_unwind" },
	{ "backtrace", n_shape_backtrace, "n_rest n_on_frame ~ n_shape_backtrace" },
#if __cplusplus >= 202002L
	{ "coroutine", n_shape_coroutine,
	  "n_rest n_work n_coroutine ~ n_resume n_shape_coroutine" },
#endif
	{ nullptr, nullptr, nullptr, nullptr, nullptr, nullptr },
};
