/* test_svg.c: the flame graph is well-formed, closed to hostile names, and as wide as the time. */
#include "tests/unit/output/printed.h"

/* Where the text of a tag or an attribute may not go on: a small check of XML's nesting, which
 * knows elements, attributes in double quotes, CDATA, comments and the five named entities. */
struct xml {
	const char *at;
	char open[32][32];
	size_t depth;
};

static void xml_entity(struct xml *x)
{
	static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };

	for (size_t i = 0; i < COUNTOF(known); i++) {
		if (strncmp(x->at, known[i], strlen(known[i])) == 0) {
			x->at += strlen(known[i]);
			return;
		}
	}
	fail_msg("a bare &: %.40s", x->at);
}

static void xml_name(struct xml *x, char name[32])
{
	size_t n = strcspn(x->at, " \n/>=");

	assert_true(n > 0 && n < 32);
	memcpy(name, x->at, n);
	name[n] = '\0';
	x->at += n;
}

static void xml_attributes(struct xml *x)
{
	char name[32];

	while (*x->at == ' ' || *x->at == '\n') {
		x->at++;
		xml_name(x, name);
		assert_int_equal(strncmp(x->at, "=\"", 2), 0);
		for (x->at += 2; *x->at != '"';) {
			assert_true(*x->at && *x->at != '<');
			if (*x->at == '&')
				xml_entity(x);
			else
				x->at++;
		}
		x->at++;
	}
}

static void xml_tag(struct xml *x)
{
	char name[32];

	if (strncmp(x->at, "</", 2) == 0) {
		x->at += 2;
		xml_name(x, name);
		assert_true(x->depth > 0);
		assert_string_equal(name, x->open[--x->depth]);
	} else {
		x->at++;
		xml_name(x, name);
		xml_attributes(x);
		if (*x->at == '/')
			x->at++;
		else
			strcpy(x->open[x->depth++], name);
		assert_true(x->depth < 32);
	}
	assert_true(*x->at++ == '>');
}

static void assert_well_formed(const char *text)
{
	struct xml x = { .at = strstr(text, "<svg") };

	assert_non_null(x.at);
	while (*x.at) {
		assert_true((unsigned char)*x.at >= 0x20 || *x.at == '\n' || *x.at == '\t');
		if (strncmp(x.at, "<![CDATA[", 9) == 0)
			x.at = strstr(x.at, "]]>") + 3;
		else if (*x.at == '<')
			xml_tag(&x);
		else if (*x.at == '&')
			xml_entity(&x);
		else
			x.at++;
	}
	assert_int_equal(x.depth, 0);
}

/* Every fixture gives a document that a strict reader accepts. */
static void documents_are_well_formed(void **state)
{
	(void)state;
	for (unsigned i = 0; fixture_name(i); i++) {
		_cleanup_free_ char *text = printed("svg", fixture_find(fixture_name(i)), NULL);

		assert_well_formed(text);
	}
}

/* One script and one style, which are ours; nothing is fetched, no handler stands in an attribute.
 */
static void names_cannot_become_code(void **state)
{
	_cleanup_free_ char *text = printed("svg", fixture_find("hostile"), NULL);

	(void)state;
	assert_int_equal(times_in(text, "<script"), 1);
	assert_int_equal(times_in(text, "</script"), 1);
	assert_int_equal(times_in(text, "<style"), 1);
	assert_int_equal(times_in(text, "<![CDATA["), 1);
	assert_int_equal(times_in(text, "]]>"), 1);
	assert_int_equal(times_in(text, "</svg"), 1);
	assert_int_equal(times_in(text, "href"), 0);
	assert_int_equal(times_in(text, "http"), 1); /* the name space */
	assert_int_equal(times_in(text, "url("), 0);
	assert_int_equal(times_in(text, " on"), times_in(text, " on ") + times_in(text, " one "));
	assert_true(times_in(text, "&lt;script&gt;alert(1)&lt;/script&gt;") > 299);
}

/* The script carries no name: it is the same in every file. */
static void script_is_the_same_everywhere(void **state)
{
	_cleanup_free_ char *demo = printed("svg", fixture_find("demo"), NULL);
	_cleanup_free_ char *hostile = printed("svg", fixture_find("hostile"), NULL);

	(void)state;
	assert_string_equal(strstr(demo, "<script>"), strstr(hostile, "<script>"));
}

/* The root says the whole time, each frame its own; narrow ones are counted, not drawn. */
static void widths_are_times(void **state)
{
	const struct profile *p = fixture_find("demo");
	_cleanup_free_ char *text = printed("svg", p, NULL);
	char root[96];

	(void)state;
	snprintf(root, sizeof(root), "data-x=\"0\" data-w=\"%llu\" data-d=\"0\"",
		 (unsigned long long)p->stalled_ns);
	assert_int_equal(times_in(text, root), 1);
	assert_non_null(strstr(text, "data-w=\"798124233\"")); /* both waits for the database */
	assert_non_null(strstr(text, "1 frame narrower than 0.1% not drawn"));
	assert_null(strstr(text, "<title>[unexplained]"));
}

/* What XML forbids even as text is replaced. */
static void forbidden_characters_are_replaced(void **state)
{
	struct proc proc = *fixture_find("empty")->procs;
	struct profile p = *fixture_find("empty");
	_cleanup_free_ char *text = NULL;

	(void)state;
	proc.comm = "a\x01"
		    "b\x7f"
		    "c\xef\xbf\xbf"
		    "d\xef\xbf\xbd";
	p.procs = &proc;
	text = printed("svg", &p, NULL);
	assert_non_null(strstr(text, "a?b?c?d\xef\xbf\xbd<"));
	assert_well_formed(text);
}

/* An empty picture says why it is empty. */
static void emptiness_is_explained(void **state)
{
	_cleanup_free_ char *healthy = printed("svg", fixture_find("healthy"), NULL);
	_cleanup_free_ char *empty = printed("svg", fixture_find("empty"), NULL);

	(void)state;
	assert_non_null(strstr(healthy, "No stalls: every loop came back in time."));
	assert_non_null(strstr(empty, "No event loop was seen."));
	assert_non_null(strstr(empty, "INCOMPLETE: the recording ends"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_well_formed),
		cmocka_unit_test(names_cannot_become_code),
		cmocka_unit_test(script_is_the_same_everywhere),
		cmocka_unit_test(widths_are_times),
		cmocka_unit_test(forbidden_characters_are_replaced),
		cmocka_unit_test(emptiness_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
