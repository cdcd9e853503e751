/*
 * folderfilter: "lambda name: ..." of comparisons, lists, startswith, endswith
 * and regular expressions that are patterns, with not, and, or.
 */
#include "daemon/import_python.h"

#include <ctype.h>
#include <string.h>

#include "libclient/base/mem.h"

#define PATTERN_MAX ((size_t)1 << 16)
#define DEPTH_MAX   32

/* What names a condition is true for. */
struct filter {
	bool is_all; /* but for the excluded ones */
	struct import_strings folders;
	struct import_strings exclude;
};

/* A lambda while it is read. */
struct reading {
	const struct import_token *at;
	const char *name; /* the folder's */
	int depth;
};

static bool read_or(struct reading *reading, struct filter *filter);

static bool
take(struct reading *reading, const char *text)
{
	if (!import_token_is(reading->at, text))
		return false;
	reading->at++;
	return true;
}

static const char *
take_string(struct reading *reading)
{
	if (reading->at->kind != IMPORT_TOKEN_STRING)
		return NULL;
	return reading->at++->text;
}

static void
free_filter(struct filter *filter)
{
	import_strings_free(&filter->folders);
	import_strings_free(&filter->exclude);
}

static void
move(struct import_strings *to, struct import_strings *from)
{
	for (uint32_t i = 0; i < from->count; i++)
		import_strings_add(to, from->items[i]);
	import_strings_free(from);
}

/* ---- regular expressions ---- */

/* The characters of a part without alternatives; false: it is no pattern. */
static bool
add_literal(struct buf *out, struct span part)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.at[i];

		if (c == '.' && i + 1 < part.len && part.at[i + 1] == '*') {
			(void)buf_add_string(out, "*");
			i++;
			continue;
		}
		if (c == '\\') {
			if (++i == part.len ||
			    isalnum((unsigned char)part.at[i]))
				return false;
			c = part.at[i];
			if (c == '*')
				return false;
		} else if (strchr(".*+?[](){}^$|", c) != NULL) {
			return false;
		}
		if (c == '%')
			return false;
		(void)buf_add(out, &c, 1);
	}
	return true;
}

static bool
add_pattern(
    struct import_strings *patterns, struct span part, bool begins, bool ends)
{
	struct buf out;
	char *text;
	bool is_good;

	buf_init(&out, PATTERN_MAX);
	if (!begins)
		(void)buf_add_string(&out, "*");
	is_good = add_literal(&out, part);
	if (!ends &&
	    (buf_len(&out) == 0 || buf_span(&out).at[buf_len(&out) - 1] != '*'))
		(void)buf_add_string(&out, "*");
	text = span_to_string(buf_span(&out));
	if (is_good && text[0] != '\0')
		import_strings_add(patterns, text);
	is_good = is_good && text[0] != '\0';
	mem_free(text);
	buf_free(&out);
	return is_good;
}

/* Where the alternative at the front ends; SIZE_MAX: brackets are wrong. */
static size_t
alternative_length(struct span regex)
{
	int depth = 0;

	for (size_t i = 0; i < regex.len; i++) {
		if (regex.at[i] == '\\')
			i++;
		else if (regex.at[i] == '|' && depth == 0)
			return i;
		else if (regex.at[i] == '(')
			depth++;
		else if (regex.at[i] == ')' && --depth < 0)
			return SIZE_MAX;
	}
	return depth == 0 ? regex.len : SIZE_MAX;
}

static bool add_regex(struct import_strings *patterns, struct span regex,
    bool begins, bool ends, int depth);

static bool
add_alternative(struct import_strings *patterns, struct span part, bool begins,
    bool ends, int depth)
{
	struct span inner;

	if (part.len > 0 && part.at[0] == '^') {
		begins = true;
		part = span_from(part, 1);
	}
	if (part.len > 0 && part.at[part.len - 1] == '$' &&
	    (part.len < 2 || part.at[part.len - 2] != '\\')) {
		ends = true;
		part.len--;
	}
	if (part.len < 2 || part.at[0] != '(' || part.at[part.len - 1] != ')')
		return add_pattern(patterns, part, begins, ends);
	inner = (struct span){part.at + 1, part.len - 2};
	if (span_has_prefix_nocase(inner, "?:"))
		inner = span_from(inner, 2);
	return add_regex(patterns, inner, begins, ends, depth + 1);
}

static bool
add_regex(struct import_strings *patterns, struct span regex, bool begins,
    bool ends, int depth)
{
	while (depth < DEPTH_MAX) {
		size_t len = alternative_length(regex);

		if (len == SIZE_MAX ||
		    !add_alternative(patterns, (struct span){regex.at, len},
			begins, ends, depth))
			return false;
		if (len == regex.len)
			return true;
		regex = span_from(regex, len + 1);
	}
	return false;
}

/* ---- conditions ---- */

/* [ "a", "b" ], or in parentheses. */
static bool
read_list(struct reading *reading, struct import_strings *list)
{
	const char *end = "]";

	if (take(reading, "("))
		end = ")";
	else if (!take(reading, "["))
		return false;
	while (!take(reading, end)) {
		const char *text = take_string(reading);

		if (text == NULL)
			return false;
		import_strings_add(list, text);
		if (!take(reading, ",") && !import_token_is(reading->at, end))
			return false;
	}
	return true;
}

static bool
read_call(struct reading *reading, struct filter *filter, const char *before,
    const char *behind)
{
	const char *text;
	char *pattern;

	if (!take(reading, "(") || (text = take_string(reading)) == NULL ||
	    !take(reading, ")"))
		return false;
	pattern = mem_format("%s%s%s", before, text, behind);
	import_strings_add(&filter->folders, pattern);
	mem_free(pattern);
	return true;
}

/* What follows the folder's name. */
static bool
read_comparison(struct reading *reading, struct filter *filter)
{
	const char *text;

	if (take(reading, "in"))
		return read_list(reading, &filter->folders);
	if (take(reading, "not") && take(reading, "in")) {
		filter->is_all = true;
		return read_list(reading, &filter->exclude);
	}
	if (take(reading, ".")) {
		if (take(reading, "startswith"))
			return read_call(reading, filter, "", "*");
		return take(reading, "endswith") &&
		    read_call(reading, filter, "*", "");
	}
	if (take(reading, "!="))
		filter->is_all = true;
	else if (!take(reading, "=="))
		return false;
	text = take_string(reading);
	if (text != NULL)
		import_strings_add(
		    filter->is_all ? &filter->exclude : &filter->folders, text);
	return text != NULL;
}

/* re.search("...", name) or re.match */
static bool
read_regex(struct reading *reading, struct filter *filter)
{
	const char *text;
	bool begins;

	if (!take(reading, "."))
		return false;
	begins = take(reading, "match");
	if (!begins && !take(reading, "search"))
		return false;
	if (!take(reading, "(") || (text = take_string(reading)) == NULL ||
	    !take(reading, ",") || !take(reading, reading->name) ||
	    !take(reading, ")"))
		return false;
	return add_regex(&filter->folders, span_of(text), begins, false, 0);
}

static bool
negate(struct filter *filter)
{
	struct import_strings folders = filter->folders;

	if (filter->folders.count > 0 && filter->exclude.count > 0)
		return false;
	filter->folders = filter->exclude;
	filter->exclude = folders;
	filter->is_all = !filter->is_all;
	return true;
}

static bool
read_in_string(struct reading *reading, struct filter *filter)
{
	const char *text = take_string(reading);
	bool is_not = take(reading, "not");
	char *pattern;

	if (!take(reading, "in") || !take(reading, reading->name))
		return false;
	pattern = mem_format("*%s*", text);
	import_strings_add(
	    is_not ? &filter->exclude : &filter->folders, pattern);
	filter->is_all = is_not;
	mem_free(pattern);
	return true;
}

static bool
read_condition(struct reading *reading, struct filter *filter)
{
	bool is_good = false;

	if (++reading->depth > DEPTH_MAX)
		return false;
	if (take(reading, "not"))
		is_good = read_condition(reading, filter) && negate(filter);
	else if (take(reading, "("))
		is_good = read_or(reading, filter) && take(reading, ")");
	else if (take(reading, "True"))
		is_good = filter->is_all = true;
	else if (take(reading, "False"))
		is_good = true;
	else if (take(reading, "re"))
		is_good = read_regex(reading, filter);
	else if (take(reading, reading->name))
		is_good = read_comparison(reading, filter);
	else if (reading->at->kind == IMPORT_TOKEN_STRING)
		is_good = read_in_string(reading, filter);
	reading->depth--;
	return is_good;
}

static bool
intersect(struct filter *filter, struct filter *more)
{
	if (!filter->is_all && !more->is_all)
		return false;
	filter->is_all = filter->is_all && more->is_all;
	move(&filter->folders, &more->folders);
	move(&filter->exclude, &more->exclude);
	return true;
}

static bool
unite(struct filter *filter, struct filter *more)
{
	if (filter->exclude.count > 0 || more->exclude.count > 0)
		return false;
	filter->is_all = filter->is_all || more->is_all;
	move(&filter->folders, &more->folders);
	if (filter->is_all)
		import_strings_free(&filter->folders);
	return true;
}

static bool
read_and(struct reading *reading, struct filter *filter)
{
	bool is_good = read_condition(reading, filter);

	while (is_good && take(reading, "and")) {
		struct filter more = {0};

		is_good =
		    read_condition(reading, &more) && intersect(filter, &more);
		free_filter(&more);
	}
	return is_good;
}

static bool
read_or(struct reading *reading, struct filter *filter)
{
	bool is_good = read_and(reading, filter);

	while (is_good && take(reading, "or")) {
		struct filter more = {0};

		is_good = read_and(reading, &more) && unite(filter, &more);
		free_filter(&more);
	}
	return is_good;
}

static bool
read_lambda(struct reading *reading, struct filter *filter)
{
	if (!take(reading, "lambda") || reading->at->kind != IMPORT_TOKEN_NAME)
		return false;
	reading->name = reading->at++->text;
	return take(reading, ":") && read_or(reading, filter) &&
	    reading->at->kind == IMPORT_TOKEN_END &&
	    (filter->is_all || filter->folders.count > 0);
}

bool
import_python_filter(const char *text, struct import_strings *folders,
    struct import_strings *exclude)
{
	struct import_tokens tokens = {0};
	struct filter filter = {0};
	struct reading reading = {0};
	bool is_good = import_python_read(span_of(text), &tokens);

	reading.at = tokens.items;
	is_good = is_good && read_lambda(&reading, &filter);
	if (is_good) {
		if (!filter.is_all)
			move(folders, &filter.folders);
		move(exclude, &filter.exclude);
	}
	free_filter(&filter);
	import_python_free(&tokens);
	return is_good;
}
