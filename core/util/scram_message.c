#include "util/scram_message.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/utf8.h"

/* `open`: a comma was taken, so another attribute has to follow. */
struct cursor {
	const char *p, *end;
	bool open;
};

static bool is_text(const char *msg, size_t len)
{
	return len > 0 && len < PC_SCRAM_MESSAGE_MAX && memchr(msg, '\0', len) == NULL &&
	       pc__utf8_valid(msg, len);
}

static pc_str between(const char *start, const char *end)
{
	return (pc_str){ start, (size_t)(end - start) };
}

/* What comes before the next comma, which is taken too. */
static pc_str take_field(struct cursor *c)
{
	const char *comma = memchr(c->p, ',', (size_t)(c->end - c->p));
	pc_str field = between(c->p, comma ? comma : c->end);

	c->open = comma != NULL;
	c->p = comma ? comma + 1 : c->end;
	return field;
}

static bool at(const struct cursor *c, char name)
{
	return c->open && c->end - c->p >= 2 && c->p[0] == name && c->p[1] == '=';
}

static bool take(struct cursor *c, char name, pc_str *value)
{
	if (!at(c, name))
		return false;
	c->p += 2;
	*value = take_field(c);
	return value->len > 0;
}

static bool is_alpha(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Up to an attribute `stop`, or to the end if that is 0. */
static bool skip_extensions(struct cursor *c, char stop)
{
	pc_str value;

	while (c->open && (stop == 0 || !at(c, stop))) {
		char name = c->p < c->end ? *c->p : 0;

		if (!is_alpha(name) || name == 'm' || !take(c, name, &value))
			return false;
	}
	return true;
}

static bool is_nonce(pc_str nonce)
{
	for (size_t i = 0; i < nonce.len; i++)
		if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e)
			return false;
	return nonce.len > 0;
}

static bool read_header(struct cursor *c, struct pc__scram_first *first)
{
	const char *start = c->p;
	pc_str flag = take_field(c), authzid;

	if (!c->open || flag.len == 0)
		return false;
	first->flag = flag.p[0];
	if (first->flag == 'p') {
		if (flag.len < 3 || flag.p[1] != '=')
			return false;
		first->binding = (pc_str){ flag.p + 2, flag.len - 2 };
	} else if (flag.len != 1 || (first->flag != 'n' && first->flag != 'y')) {
		return false;
	}
	authzid = take_field(c);
	if (authzid.len > 0) {
		if (authzid.len < 3 || authzid.p[0] != 'a' || authzid.p[1] != '=')
			return false;
		first->authzid = (pc_str){ authzid.p + 2, authzid.len - 2 };
	}
	first->header = between(start, c->p);
	return c->open;
}

int pc__scram_read_first(const char *msg, size_t len, struct pc__scram_first *first)
{
	struct cursor c = { msg, msg + len, true };

	*first = (struct pc__scram_first){ 0 };
	if (!is_text(msg, len) || !read_header(&c, first))
		return PC_EINVAL;
	first->bare = between(c.p, c.end);
	if (!take(&c, 'n', &first->username) || !take(&c, 'r', &first->nonce) ||
	    !is_nonce(first->nonce) || first->nonce.len > PC__SCRAM_NONCE_MAX ||
	    !skip_extensions(&c, 0))
		return PC_EINVAL;
	return PC_OK;
}

int pc__scram_read_final(const char *msg, size_t len, struct pc__scram_final *final)
{
	struct cursor c = { msg, msg + len, true };

	if (!is_text(msg, len) || !take(&c, 'c', &final->binding) ||
	    !take(&c, 'r', &final->nonce) || !skip_extensions(&c, 'p') || !c.open)
		return PC_EINVAL;
	final->without_proof = between(msg, c.p - 1);
	if (!take(&c, 'p', &final->proof) || c.open)
		return PC_EINVAL;
	return PC_OK;
}

char *pc__scram_decode_name(pc_str name)
{
	char *out = pc__malloc(name.len + 1), *p = out;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == '=') {
			bool whole = name.len - i >= 3;

			if (whole && memcmp(name.p + i, "=2C", 3) == 0) {
				c = ',';
			} else if (!whole || memcmp(name.p + i, "=3D", 3) != 0) {
				free(out);
				return NULL;
			}
			i += 2;
		}
		*p++ = c;
	}
	*p = '\0';
	return out;
}

static pc_str next_in_list(const char **list)
{
	pc_str item = { *list, strcspn(*list, ",") };

	*list += item.len;
	if (**list == ',')
		++*list;
	return item;
}

bool pc__scram_listed(const char *list, pc_str name)
{
	while (*list) {
		pc_str item = next_in_list(&list);

		if (item.len == name.len && memcmp(item.p, name.p, name.len) == 0)
			return true;
	}
	return false;
}

static int by_octets(const void *a, const void *b)
{
	const pc_str *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void add_sorted(struct pc__buf *text, const char *list)
{
	pc_str *items = pc__malloc((strlen(list) + 1) * sizeof(*items));
	size_t n = 0;

	while (*list)
		items[n++] = next_in_list(&list);
	qsort(items, n, sizeof(*items), by_octets);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			pc__buf_addc(text, '\x1e');
		pc__buf_add(text, items[i].p, items[i].len);
	}
	free(items);
}

char *pc__scram_downgrade_text(const char *mechanisms, const char *bindings)
{
	struct pc__buf text = { 0 };

	add_sorted(&text, mechanisms);
	if (*bindings) {
		pc__buf_addc(&text, '\x1f');
		add_sorted(&text, bindings);
	}
	pc__buf_addc(&text, '\0');
	return text.p;
}
